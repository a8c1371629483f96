//! What an agent does with its sockets.

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Addr, Agent, AliasError, Bind, Connect, Context, Handler, Kind, RecvError, RequestError,
    SendError,
    socket::{Open, Socket},
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
        Connect::new(self.clone(), to).handler(handler)
    }

    /// Connects to a socket under an alias, to send, to ask or to [receive](Self::recv).
    pub fn connect_as(&self, to: Addr, alias: impl Into<String>) -> Connect<A> {
        Connect::new(self.clone(), to).alias(alias)
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

    /// Closes a socket, waiting a moment for what is queued; returns how many messages did not
    /// leave. Its peers are not told.
    ///
    /// # Errors
    /// [`AliasError::Unknown`], with the aliases that look alike.
    pub async fn close(&self, alias: &str) -> Result<usize, AliasError> {
        self.cell.sockets.close(alias).await
    }

    /// Sends a message on a `Push` socket, or on a `Pub` one without a topic. On `Push` it waits
    /// until a peer has room, unless the socket was told otherwise.
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
        let sent = match &open.socket {
            Socket::Pub(it) => it.send(body).await,
            Socket::Push(it) => it.send(body).await,
            _ => return Err(wrong_kind(&open, alias, "send").into()),
        };
        sent.map_err(|source| SendError::Socket { alias: alias.to_owned(), source })
    }

    /// Publishes a message on a `Pub` socket under a topic.
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
        let Socket::Pub(socket) = &open.socket else {
            return Err(wrong_kind(&open, alias, "publish").into());
        };
        let sent = socket.publish(topic, body).await;
        sent.map_err(|source| SendError::Socket { alias: alias.to_owned(), source })
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
        let received = match &open.socket {
            Socket::Handled(_) => {
                return Err(AliasError::Handled { alias: alias.to_owned() }.into());
            }
            Socket::Pull(it) => it.lock().await.recv().await,
            Socket::Sub(it) => it.lock().await.recv().await.map(|it| it.message),
            _ => return Err(wrong_kind(&open, alias, "receive").into()),
        };
        let body =
            received.map_err(|source| RecvError::Socket { alias: alias.to_owned(), source })?;
        let message = open.codec.decode(&body, &Limits::default());
        message.map_err(|source| RecvError::Decode { alias: alias.to_owned(), source })
    }

    /// Asks on a `Req` socket and waits for the answer, 10 s at most.
    ///
    /// # Errors
    /// [`RequestError`]: unknown alias, another kind, or no answer.
    pub async fn request<R: DeserializeOwned + 'static>(
        &self,
        alias: &str,
        request: impl Serialize + Send + Sync + 'static,
    ) -> Result<R, RequestError> {
        let open = self.cell.sockets.find(alias)?;
        let Socket::Req(socket) = &open.socket else {
            return Err(wrong_kind(&open, alias, "ask").into());
        };
        let alias = || alias.to_owned();
        let body = open.codec.encode(&request, &Limits::default());
        let body = body.map_err(|source| RequestError::Encode { alias: alias(), source })?;
        let answer = socket.request(body).await;
        let answer = answer.map_err(|source| RequestError::Socket { alias: alias(), source })?;
        let answer = open.codec.decode(&answer, &Limits::default());
        answer.map_err(|source| RequestError::Decode { alias: alias(), source })
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

fn wrong_kind(open: &Open, alias: &str, what: &'static str) -> AliasError {
    AliasError::WrongKind { alias: alias.to_owned(), kind: open.addr.kind, what }
}
