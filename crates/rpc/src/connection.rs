//! One socket of a link.

use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    Multipart, Pull, Push, RecvError, Replier, ReplyHandle, RequestError, Requester, SendError,
    XPub, XSub,
};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::{OpenError, RpcError};
use crate::message::Message;
use crate::url::{Role, Url};

pub(crate) struct Connection {
    socket: Socket,
    /// As it is bound, or connected.
    pub(crate) url: Url,
}

enum Socket {
    Pub(XPub<Multipart>),
    Pull(Pull<Bytes>),
    Push(Push<Bytes>),
    Rep(Replier<Bytes, Bytes>),
    Req(Requester<Bytes, Bytes>),
    Sub(XSub<Multipart>),
}

/// What came, and how to answer it.
pub(crate) struct Came {
    pub(crate) reply: Option<ReplyHandle<Bytes>>,
    pub(crate) text: Bytes,
}

impl Connection {
    pub(crate) async fn open(url: Url, listens: bool) -> Result<Self, OpenError> {
        let opened = Socket::open(&url, listens).await;
        let socket = opened.map_err(|source| OpenError::Socket { url: url.to_string(), source })?;
        let endpoint = socket.endpoint();
        Ok(Self { socket, url: Url { endpoint, ..url } })
    }

    pub(crate) fn topic(&self) -> Option<&str> {
        self.url.topic.as_deref()
    }

    /// Whether anything arrives by itself.
    pub(crate) fn receives(&self) -> bool {
        matches!(self.url.role, Role::Pull | Role::Rep | Role::Sub)
    }

    /// Sends; a request returns its answer, and says by `sent` that it is on its way.
    pub(crate) async fn send(
        &self,
        message: &Message,
        within: Duration,
        sent: Option<oneshot::Sender<()>>,
    ) -> Result<Option<Message>, RpcError> {
        let bytes = message.write(self.topic())?;
        let sent = match &self.socket {
            Socket::Req(_) => {
                let answer = self.ask(message.path(), bytes, within, sent).await?;
                return Ok(Some(Message::read(&answer, self.topic())?));
            }
            Socket::Pub(it) => it.publish_whole(Multipart::new([bytes])).await,
            Socket::Push(it) => {
                timeout(within, it.send(bytes)).await.unwrap_or(Err(SendError::TimedOut))
            }
            Socket::Pull(_) | Socket::Rep(_) | Socket::Sub(_) => {
                return Err(RpcError::NoSender { role: self.url.role });
            }
        };
        match sent {
            Ok(()) => Ok(None),
            Err(SendError::Closed) => Err(RpcError::Closed),
            Err(SendError::TimedOut) => Err(late(message.path(), within)),
            Err(error) => Err(RpcError::Unreachable { reason: error.to_string() }),
        }
    }

    /// Sends a request under `path`, and waits for its answer; says by `sent` that it is on its way.
    pub(crate) async fn ask(
        &self,
        path: &str,
        text: Bytes,
        within: Duration,
        sent: Option<oneshot::Sender<()>>,
    ) -> Result<Bytes, RpcError> {
        let Socket::Req(socket) = &self.socket else {
            return Err(RpcError::NoSender { role: self.url.role });
        };
        let mut request = socket.request(text).within(within);
        let failed = |error| match error {
            RequestError::Closed => RpcError::Closed,
            RequestError::DeadlineExceeded { .. } => late(path, within),
            error => RpcError::Unreachable { reason: error.to_string() },
        };
        if let Some(sent) = sent {
            request.sent().await.map_err(failed)?;
            // Whoever wanted to know may be gone.
            let _ = sent.send(());
        }
        request.await.map_err(failed)
    }

    /// Sends a request whose answer nobody wants, if that is possible at once.
    pub(crate) fn tell(&self, message: &Message) {
        if let (Socket::Req(it), Ok(bytes)) = (&self.socket, message.write(self.topic())) {
            // Where it finds no room the other side helps itself.
            drop(it.try_request(bytes));
        }
    }

    /// The next message, or what was to be one; `None` once it is closed.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn recv(&self) -> Option<Came> {
        loop {
            match self.socket.recv().await {
                Err(RecvError::Closed) => return None,
                Err(error) => {
                    tracing::warn!(target: "gleis::rpc", url = %self.url, %error, "what came is lost");
                }
                Ok((text, reply)) => return Some(Came { reply, text }),
            }
        }
    }

    pub(crate) async fn close(&self) -> usize {
        match &self.socket {
            Socket::Pub(it) => it.close().await,
            Socket::Pull(it) => it.close().await,
            Socket::Push(it) => it.close().await,
            Socket::Rep(it) => it.close().await,
            Socket::Req(it) => it.close().await,
            Socket::Sub(it) => it.close().await,
        }
    }
}

fn late(path: &str, within: Duration) -> RpcError {
    RpcError::TimedOut { what: format!("send({path})"), within }
}

impl Socket {
    async fn open(url: &Url, listens: bool) -> Result<Self, gleis_patterns::OpenError> {
        let at = url.endpoint.clone();
        Ok(match (url.role, listens) {
            (Role::Pub, true) => Self::Pub(XPub::bind(at).await?),
            (Role::Pub, false) => Self::Pub(XPub::connect(at).await?),
            (Role::Pull, true) => Self::Pull(Pull::bind(at).await?),
            (Role::Pull, false) => Self::Pull(Pull::connect(at).await?),
            (Role::Push, true) => Self::Push(Push::bind(at).await?),
            (Role::Push, false) => Self::Push(Push::connect(at).await?),
            (Role::Rep, true) => Self::Rep(Replier::bind(at).await?),
            (Role::Rep, false) => Self::Rep(Replier::connect(at).await?),
            (Role::Req, true) => Self::Req(Requester::bind(at).await?),
            (Role::Req, false) => Self::Req(Requester::connect(at).await?),
            (Role::Sub, listens) => {
                let wanted = url.topic.as_ref().map_or_else(String::new, |it| format!("{it} "));
                let sub = if listens { XSub::bind(at) } else { XSub::connect(at) };
                Self::Sub(sub.subscribe(Bytes::from(wanted)).await?)
            }
        })
    }

    fn endpoint(&self) -> gleis_core::Endpoint {
        match self {
            Self::Pub(it) => it.endpoint().clone(),
            Self::Pull(it) => it.endpoint().clone(),
            Self::Push(it) => it.endpoint().clone(),
            Self::Rep(it) => it.endpoint().clone(),
            Self::Req(it) => it.endpoint().clone(),
            Self::Sub(it) => it.endpoint().clone(),
        }
    }

    async fn recv(&self) -> Result<(Bytes, Option<ReplyHandle<Bytes>>), RecvError> {
        match self {
            Self::Pull(it) => it.recv().await.map(|it| (it, None)),
            Self::Rep(it) => it.recv().await.map(|(it, reply)| (it, Some(reply))),
            Self::Sub(it) => it.recv_whole().await.map(|it| (it.frames.concat().into(), None)),
            Self::Pub(_) | Self::Push(_) | Self::Req(_) => std::future::pending().await,
        }
    }
}
