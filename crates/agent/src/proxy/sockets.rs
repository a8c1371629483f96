//! Sockets of an agent anywhere: what handles their messages are its methods.

use std::fmt;
use std::future::IntoFuture;

use futures::future::BoxFuture;
use gleis_core::{Endpoint, EndpointError, SocketInfo, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use super::Proxy;
use crate::{
    Addr, CallError, Kind,
    node::{Binding, Connecting, HandlerName, Told, Want},
};

/// A socket that an agent anywhere is about to bind: choose, then `.await` for its [`Addr`].
#[must_use = "nothing is bound until it is awaited"]
pub struct ProxyBind {
    proxy: Proxy,
    at: Option<Result<Endpoint, EndpointError>>,
    binding: Binding,
}

/// A socket that an agent anywhere is about to connect: choose, then `.await` for its alias.
#[must_use = "nothing is connected until it is awaited"]
pub struct ProxyConnect {
    proxy: Proxy,
    connecting: Connecting,
}

impl ProxyBind {
    /// Where to listen; by default what the agent was [run with](crate::RunAgent::at), otherwise
    /// `tcp://127.0.0.1:0`: its machine, any free port.
    pub fn at(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.at = Some(at.try_into().map_err(Into::into));
        self
    }

    /// The name of the codec, a built-in one; by default that which the agent was
    /// [run with](crate::RunAgent::codec), otherwise `bincode`.
    pub fn codec(mut self, name: &str) -> Self {
        self.binding.codec = Some(name.to_owned());
        self
    }
}

impl ProxyConnect {
    /// What the agent calls the socket; a random name by default.
    pub fn alias(mut self, alias: &str) -> Self {
        self.connecting.alias = Some(alias.to_owned());
        self
    }
}

macro_rules! handlers {
    ($name:ident, $field:ident) => {
        impl $name {
            /// Has the method of this name handle each message, and answer it if the socket is one that
            /// answers. It is one that takes one argument.
            pub fn method(mut self, name: &str) -> Self {
                let handler = HandlerName { topic: None, method: name.to_owned(), script: None };
                self.$field.handlers.push(handler);
                self
            }

            /// Subscribes, and has the method of this name handle what is published under topics that
            /// begin with `topic`.
            pub fn on_method(mut self, topic: impl AsRef<[u8]>, name: &str) -> Self {
                let topic = Some(topic.as_ref().to_vec());
                let handler = HandlerName { topic, method: name.to_owned(), script: None };
                self.$field.handlers.push(handler);
                self
            }
        }

        #[cfg(feature = "script")]
        impl $name {
            /// Has a script handle each message: its arguments are the message, or the elements of one that is
            /// a list. That works with codecs that say what they carry, `json`, `msgpack` and `raw`, and with agents that
            /// [take scripts](crate::RunAgent::scripts).
            pub fn script(mut self, script: impl Into<crate::Script>) -> Self {
                let script = Some(script.into().source().to_owned());
                let handler = HandlerName { topic: None, method: String::new(), script };
                self.$field.handlers.push(handler);
                self
            }

            /// Subscribes, and has a script handle what is published under topics that begin with `topic`.
            pub fn on_script(
                mut self,
                topic: impl AsRef<[u8]>,
                script: impl Into<crate::Script>,
            ) -> Self {
                let topic = Some(topic.as_ref().to_vec());
                let script = Some(script.into().source().to_owned());
                self.$field.handlers.push(HandlerName { topic, method: String::new(), script });
                self
            }

            /// What one must know to define scripts, if the agent wants that.
            pub fn script_key(mut self, key: impl Into<String>) -> Self {
                self.$field.key = Some(key.into());
                self
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("proxy", &self.proxy)
                    .finish_non_exhaustive()
            }
        }
    };
}

handlers!(ProxyBind, binding);
handlers!(ProxyConnect, connecting);

impl IntoFuture for ProxyBind {
    type Output = Result<Addr, CallError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { proxy, at, mut binding } = self;
            let what = format!("bind `{}`", binding.alias);
            let refused = |it: EndpointError| CallError::refused(proxy.name(), what, &it);
            binding.at = at.transpose().map_err(refused)?;
            proxy.told(Want::Bind(binding), Told::addr).await
        })
    }
}

impl IntoFuture for ProxyConnect {
    type Output = Result<String, CallError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { proxy, connecting } = self;
            let alias = proxy.told(Want::Connect(connecting), |told| match told {
                Told::Alias(alias) => Ok(alias),
                told => Err(told),
            });
            alias.await
        })
    }
}

impl Proxy {
    /// Has the agent bind a socket.
    pub fn bind(&self, kind: Kind, alias: &str) -> ProxyBind {
        let (alias, handlers) = (alias.to_owned(), Vec::new());
        let binding = Binding { kind, alias, at: None, codec: None, handlers, key: None };
        ProxyBind { proxy: self.clone(), at: None, binding }
    }

    /// Has the agent connect to a socket.
    pub fn connect(&self, to: Addr) -> ProxyConnect {
        let connecting = Connecting { to, alias: None, handlers: Vec::new(), key: None };
        ProxyConnect { proxy: self.clone(), connecting }
    }

    /// Where the agent's socket of this alias is.
    ///
    /// # Errors
    /// [`CallError::UnknownAlias`], with the aliases that look alike; otherwise see [`CallError`].
    pub async fn addr(&self, alias: &str) -> Result<Addr, CallError> {
        self.told(Want::Addr { alias: alias.to_owned() }, Told::addr).await
    }

    /// All sockets of the agent with their addresses.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn sockets(&self) -> Result<Vec<(String, Addr)>, CallError> {
        let sockets = self.told(Want::Sockets, |told| match told {
            Told::Sockets(sockets) => Ok(sockets),
            told => Err(told),
        });
        sockets.await
    }

    /// All sockets of the agent, with their peers and what became of their messages.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn ledger(&self) -> Result<Vec<SocketInfo>, CallError> {
        let ledger = self.told(Want::Ledger, |told| match told {
            Told::Ledger(sockets) => Ok(sockets),
            told => Err(told),
        });
        ledger.await
    }

    /// Has the agent send a message on one of its sockets. That works where the codec of the socket says
    /// itself what it carries (`json`, `msgpack`), or carries bytes and text (`raw`); with other codecs have
    /// a method of the agent send it.
    ///
    /// # Errors
    /// [`CallError`]: no such socket, it cannot send, another codec, or the agent cannot be reached.
    pub async fn send(&self, alias: &str, message: impl Serialize) -> Result<(), CallError> {
        self.send_value(alias, None, &message).await
    }

    /// Has the agent publish a message under a topic; otherwise as [`send`](Self::send).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn publish(
        &self,
        alias: &str,
        topic: impl AsRef<[u8]>,
        message: impl Serialize,
    ) -> Result<(), CallError> {
        self.send_value(alias, Some(topic.as_ref().to_vec()), &message).await
    }

    /// Has the agent ask on one of its sockets, and gives the answer; with codecs as [`send`](Self::send). The
    /// agent goes on meanwhile.
    ///
    /// # Errors
    /// [`CallError`]: no such socket, it cannot ask, another codec, no answer in time, or the agent cannot be
    /// reached.
    pub async fn request<R: DeserializeOwned>(
        &self,
        alias: &str,
        request: impl Serialize,
    ) -> Result<R, CallError> {
        let message = to_value(&request).map_err(|it| CallError::value("the request", &it))?;
        self.value(alias, Want::Request { alias: alias.to_owned(), message }).await
    }

    /// Has the agent receive a message from one of its sockets that has no handler; with codecs as
    /// [`send`](Self::send). The agent goes on meanwhile.
    ///
    /// # Errors
    /// [`CallError`]: no such socket, it cannot receive or has a handler, another codec, nothing in time, or the
    /// agent cannot be reached. A message that comes at the very end of the time, or is no `R`, is lost.
    pub async fn recv<R: DeserializeOwned>(&self, alias: &str) -> Result<R, CallError> {
        self.value(alias, Want::Recv { alias: alias.to_owned() }).await
    }

    /// Has the agent log there: see [`Context::set_logger`](crate::Context::set_logger). It waits until the
    /// logger listens.
    ///
    /// # Errors
    /// [`CallError`]: that is no address of a logger, nobody listens there in time, or the agent cannot be reached.
    pub async fn set_logger(&self, to: Addr) -> Result<(), CallError> {
        // It shall say so before we give up.
        let patience = self.within.mul_f64(0.9);
        self.done(Want::SetLogger { to, patience }).await
    }

    async fn value<R: DeserializeOwned>(&self, what: &str, want: Want) -> Result<R, CallError> {
        let value = self.told(want, |told| match told {
            Told::Value(value) => Ok(value),
            told => Err(told),
        });
        from_value(value.await?).map_err(|it| CallError::answer::<R>(what, &it))
    }

    async fn send_value(
        &self,
        alias: &str,
        topic: Option<Vec<u8>>,
        message: &impl Serialize,
    ) -> Result<(), CallError> {
        let message = to_value(message).map_err(|it| CallError::value("the message", &it))?;
        self.done(Want::Send { alias: alias.to_owned(), topic, message }).await
    }

    /// Has the agent subscribe a socket to topics that begin with `topic`, handled by one of its methods.
    ///
    /// # Errors
    /// [`CallError`]: no such socket, it cannot subscribe, or the agent cannot be reached.
    pub async fn subscribe(
        &self,
        alias: &str,
        topic: impl AsRef<[u8]>,
        method: &str,
    ) -> Result<(), CallError> {
        let (alias, topic, method) = (alias.to_owned(), topic.as_ref().to_vec(), method.to_owned());
        self.done(Want::Subscribe { alias, topic, method }).await
    }

    /// Has the agent take a subscription back.
    ///
    /// # Errors
    /// [`CallError`]: no such socket or subscription, or the agent cannot be reached.
    pub async fn unsubscribe(&self, alias: &str, topic: impl AsRef<[u8]>) -> Result<(), CallError> {
        let (alias, topic) = (alias.to_owned(), topic.as_ref().to_vec());
        self.done(Want::Unsubscribe { alias, topic }).await
    }

    /// Has the agent close a socket; returns how many messages did not leave.
    ///
    /// # Errors
    /// [`CallError`]: no such socket, or the agent cannot be reached.
    pub async fn close(&self, alias: &str) -> Result<usize, CallError> {
        self.told(Want::Close { alias: alias.to_owned() }, Told::count).await
    }

    /// Has the agent close all its sockets; returns how many messages did not leave.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn close_all(&self) -> Result<usize, CallError> {
        self.told(Want::CloseAll, Told::count).await
    }
}
