//! What an agent does with its sockets.

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits};
use gleis_core::SocketInfo;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Addr, Agent, AliasError, Ask, Bind, Connect, Context, EarlyReplyError, Handler, Kind,
    RecvError, RequestError, SendError, SubscribeError,
    socket::{AnyHandler, Handling, Open, Socket, forget},
};

impl<A: Agent> Context<A> {
    /// Binds a socket: peers connect to it. Receiving kinds take a [handler](Bind::handler), or
    /// are asked with [`recv`](Self::recv); `Rep` needs one.
    ///
    /// ```
    /// # use gleis_agent::*;
    /// # struct Bob;
    /// # impl Agent for Bob {}
    /// # async fn init(cx: &Context<Bob>) -> Result {
    /// cx.bind(Kind::Push, "main").await?;
    /// cx.bind(Kind::Rep, "double").handler(|_: &mut Bob, n: u32| n * 2).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(&self, kind: Kind, alias: impl Into<String>) -> Bind<A> {
        Bind::new(self.clone(), kind, alias.into())
    }

    /// Connects to a socket that sends, and has `handler` handle what comes. The kind and the
    /// codec are taken from the address, the type of the messages from the handler.
    pub fn connect<M, S>(&self, to: Addr, handler: impl Handler<A, M, S>) -> Connect<A>
    where
        M: DeserializeOwned + Send + 'static,
        S: 'static,
    {
        self.connect_to(to).handler(handler)
    }

    /// Connects to a socket under an alias, to send, to ask or to [receive](Self::recv).
    pub fn connect_as(&self, to: Addr, alias: impl Into<String>) -> Connect<A> {
        self.connect_to(to).alias(alias)
    }

    /// Connects to a socket; what handles its messages is said with [`Connect::handler`],
    /// [`on`](Connect::on) or [`method`](Connect::method).
    pub fn connect_to(&self, to: Addr) -> Connect<A> {
        Connect::new(self.clone(), to)
    }

    /// Where the socket of this alias is bound or connected.
    ///
    /// # Errors
    /// [`AliasError::Unknown`], with the aliases that look alike.
    pub fn addr(&self, alias: &str) -> Result<Addr, AliasError> {
        self.cell.sockets.addr(alias)
    }

    /// All sockets with their addresses.
    pub fn sockets(&self) -> Vec<(String, Addr)> {
        self.cell.sockets.list()
    }

    /// All sockets, with their peers and what became of their messages.
    pub fn ledger(&self) -> Vec<SocketInfo> {
        self.cell.sockets.ledger()
    }

    /// Whether there is a socket of this alias.
    pub fn has_socket(&self, alias: &str) -> bool {
        self.cell.sockets.find(alias).is_ok()
    }

    /// Closes a socket, waiting a moment for what is queued; returns how many messages did not
    /// leave. Its peers are not told.
    ///
    /// # Errors
    /// [`AliasError::Unknown`], with the aliases that look alike.
    pub async fn close(&self, alias: &str) -> Result<usize, AliasError> {
        self.cell.sockets.close(alias).await
    }

    /// Closes all sockets that there are, as [`close`](Self::close) does; the aliases are free again.
    /// Returns how many messages did not leave.
    pub async fn close_all(&self) -> usize {
        self.cell.sockets.close_open().await
    }

    /// Sends a message on a `Push` socket, or on a `Pub` or `SyncPub` one without a topic. On `Push` it
    /// waits until a peer has room, unless the socket was told otherwise.
    ///
    /// # Errors
    /// [`SendError`]: unknown alias, another kind, or the message cannot be sent.
    pub async fn send<T: Serialize + Send + Sync + 'static>(
        &self,
        alias: &str,
        message: T,
    ) -> Result<(), SendError> {
        let open = self.cell.sockets.find(alias)?;
        let body = encode(&open.codec, alias, &message)?;
        self.send_encoded(&open, alias, None, body).await
    }

    /// Sends what is encoded already.
    pub(crate) async fn send_encoded(
        &self,
        open: &Open<A>,
        alias: &str,
        topic: Option<Bytes>,
        body: Bytes,
    ) -> Result<(), SendError> {
        let sent = match (&*open.socket, topic) {
            (Socket::GluedPub(it, glue), topic) => {
                it.publish_whole(glue.join(&topic.unwrap_or_default(), &body)).await
            }
            (Socket::Pub(it), None) => it.send(body).await,
            (Socket::Pub(it), Some(topic)) => it.publish(topic, body).await,
            (Socket::Push(it), None) => it.send(body).await,
            (Socket::SyncPub(it), None) => it.send(body).await,
            (Socket::SyncPub(it), Some(topic)) => it.publish(topic, body).await,
            (_, None) => return Err(wrong_kind(open, alias, "send").into()),
            (_, Some(_)) => return Err(wrong_kind(open, alias, "publish").into()),
        };
        sent.map_err(|source| SendError::Socket { alias: alias.to_owned(), source })
    }

    /// Publishes a message on a `Pub` or `SyncPub` socket under a topic.
    ///
    /// # Errors
    /// [`SendError`]: unknown alias, another kind, or the message cannot be sent.
    pub async fn publish<T: Serialize + Send + Sync + 'static>(
        &self,
        alias: &str,
        topic: impl AsRef<[u8]> + Send,
        message: T,
    ) -> Result<(), SendError> {
        let open = self.cell.sockets.find(alias)?;
        let body = encode(&open.codec, alias, &message)?;
        let topic = Bytes::copy_from_slice(topic.as_ref());
        self.send_encoded(&open, alias, Some(topic), body).await
    }

    /// Subscribes a `Sub` or `SyncSub` socket to topics that begin with `topic`, and has `handler` handle
    /// them, in place of the handlers that this topic had.
    ///
    /// # Errors
    /// [`AliasError`]: unknown alias, or another kind.
    pub fn subscribe<M, S>(
        &self,
        alias: &str,
        topic: impl AsRef<[u8]>,
        handler: impl Handler<A, M, S>,
    ) -> Result<(), AliasError>
    where
        M: DeserializeOwned + Send + 'static,
        S: 'static,
    {
        self.subscribe_any(alias, &Bytes::copy_from_slice(topic.as_ref()), forget(handler))
    }

    pub(crate) fn subscribe_any(
        &self,
        alias: &str,
        topic: &Bytes,
        handler: AnyHandler<A>,
    ) -> Result<(), AliasError> {
        let open = self.cell.sockets.find(alias)?;
        match open.subscribe(topic, handler) {
            true => Ok(()),
            false => Err(wrong_kind(&open, alias, "subscribe")),
        }
    }

    /// Takes a subscription to `topic` back, with its handlers. What has arrived before is handled by
    /// handlers of other topics that match, or dropped.
    ///
    /// # Errors
    /// [`SubscribeError`]: unknown alias, another kind, or there was no such subscription.
    pub fn unsubscribe(&self, alias: &str, topic: impl AsRef<[u8]>) -> Result<(), SubscribeError> {
        let open = self.cell.sockets.find(alias)?;
        if !matches!(open.addr.kind, Kind::Sub | Kind::SyncSub) {
            return Err(wrong_kind(&open, alias, "unsubscribe").into());
        }
        open.unsubscribe(alias, &Bytes::copy_from_slice(topic.as_ref()))
    }

    /// The topic of the message that is being handled; `None` if it has none, or outside of handlers.
    pub fn topic(&self) -> Option<Bytes> {
        Handling::current().and_then(|it| it.topic())
    }

    /// Answers the request that is being handled now; the handler goes on working, and what it returns is
    /// not sent.
    ///
    /// ```
    /// # use gleis_agent::*;
    /// # struct Bob { n_done: u32 }
    /// # impl Agent for Bob {}
    /// async fn take(bob: &mut Bob, cx: &Context<Bob>, work: String) -> Result {
    ///     cx.reply(&format!("taken: {work}")).await?;
    ///     bob.n_done += 1; // while the requester goes on
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`EarlyReplyError`]: nobody waits for an answer, or it was given already.
    pub async fn reply<R: Serialize + Sync + 'static>(
        &self,
        answer: &R,
    ) -> Result<(), EarlyReplyError> {
        match Handling::current() {
            Some(handling) => handling.reply(answer).await,
            None => Err(EarlyReplyError::NoRequest),
        }
    }

    /// Receives a message from a `Pull` or `Sub` socket that has no handler. The agent does
    /// nothing else meanwhile, so take care that a message comes.
    ///
    /// # Errors
    /// [`RecvError`]: unknown alias, another kind, or a message that is no `T`.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv<T: DeserializeOwned + 'static>(&self, alias: &str) -> Result<T, RecvError> {
        let open = self.cell.sockets.find(alias)?;
        let body = self.recv_encoded(&open, alias).await?;
        let message = open.codec.decode(&body, &Limits::default());
        message.map_err(|source| RecvError::Decode { alias: alias.to_owned(), source })
    }

    /// Receives what is still encoded.
    pub(crate) async fn recv_encoded(
        &self,
        open: &Open<A>,
        alias: &str,
    ) -> Result<Bytes, RecvError> {
        if open.is_handled() {
            return Err(AliasError::Handled { alias: alias.to_owned() }.into());
        }
        let received = match &*open.socket {
            Socket::Pull(it) => it.recv().await,
            Socket::Sub(it) => it.recv().await.map(|it| it.message),
            Socket::GluedSub(it, glue) => {
                let publication = it.recv_whole().await;
                let split = |it| {
                    glue.split(it)
                        .map_err(|reason| RecvError::Topic { alias: alias.to_owned(), reason })
                };
                match publication {
                    Ok(it) => Ok(split(it)?.1),
                    Err(error) => Err(error),
                }
            }
            _ => return Err(wrong_kind(open, alias, "receive").into()),
        };
        received.map_err(|source| RecvError::Socket { alias: alias.to_owned(), source })
    }

    /// Asks on a `Req`, `AsyncReq` or `SyncSub` socket and waits for the answer, 10 s at most. The agent
    /// does nothing else meanwhile: see [`ask`](Self::ask) for going on.
    ///
    /// # Errors
    /// [`RequestError`]: unknown alias, another kind, or no answer.
    pub async fn request<R: DeserializeOwned + 'static>(
        &self,
        alias: &str,
        request: impl Serialize + Send + Sync + 'static,
    ) -> Result<R, RequestError> {
        let open = self.cell.sockets.find(alias)?;
        let body = open.codec.encode(&request, &Limits::default());
        let own = || alias.to_owned();
        let body = body.map_err(|source| RequestError::Encode { alias: own(), source })?;
        let answer = self.request_encoded(&open, alias, body).await?;
        let answer = open.codec.decode(&answer, &Limits::default());
        answer.map_err(|source| RequestError::Decode { alias: own(), source })
    }

    /// Asks what is encoded already; so is the answer.
    pub(crate) async fn request_encoded(
        &self,
        open: &Open<A>,
        alias: &str,
        body: Bytes,
    ) -> Result<Bytes, RequestError> {
        let own = || alias.to_owned();
        let channel = |source| RequestError::Channel { alias: own(), source };
        match &*open.socket {
            Socket::AsyncReq(it) => it.request(body).map_err(channel)?.await.map_err(channel),
            Socket::Req(it) => {
                let answer = it.request(body).await;
                answer.map_err(|source| RequestError::Socket { alias: own(), source })
            }
            Socket::SyncSub(it) => it.request(body).map_err(channel)?.await.map_err(channel),
            _ => Err(wrong_kind(open, alias, "ask").into()),
        }
    }

    /// Asks on an `AsyncReq` or `SyncSub` socket and goes on: a handler takes the answer.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gleis_agent::*;
    /// # struct Bob { n_lost: u32 }
    /// # impl Agent for Bob {}
    /// # async fn ask(cx: &Context<Bob>) -> Result {
    /// cx.ask("square", 7u32)
    ///     .handler(|_: &mut Bob, answer: u32| println!("{answer}"))
    ///     .within(Duration::from_secs(1))
    ///     .on_error(|bob: &mut Bob| bob.n_lost += 1)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ask<Q: Serialize + 'static>(&self, alias: &str, request: Q) -> Ask<A> {
        Ask::new(self, alias, &request)
    }
}

fn encode<T: Serialize + 'static>(
    codec: &AnyCodec,
    alias: &str,
    message: &T,
) -> Result<Bytes, SendError> {
    let body = codec.encode(message, &Limits::default());
    body.map_err(|source| SendError::Encode { alias: alias.to_owned(), source })
}

fn wrong_kind<A>(open: &Open<A>, alias: &str, what: &'static str) -> AliasError {
    AliasError::WrongKind { alias: alias.to_owned(), kind: open.addr.kind, what }
}
