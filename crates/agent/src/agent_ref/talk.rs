//! What others have an agent of this program do with its sockets. None of it waits for what the agent does.

use serde::{Serialize, de::DeserializeOwned};

use super::AgentRef;
use crate::{Addr, Agent, AliasError, Bind, Connect, Context, Handler, Kind, SendError};

impl<A: Agent> AgentRef<A> {
    /// Everything that the agent can do with its sockets and timers. What is used most has a function
    /// here; the other names are left to its methods.
    pub fn context(&self) -> &Context<A> {
        &self.cx
    }

    /// See [`Context::bind`].
    pub fn bind(&self, kind: Kind, alias: impl Into<String>) -> Bind<A> {
        self.cx.bind(kind, alias)
    }

    /// See [`Context::connect`].
    pub fn connect<M, S>(&self, to: Addr, handler: impl Handler<A, M, S>) -> Connect<A>
    where
        M: DeserializeOwned + Send + 'static,
        S: 'static,
    {
        self.cx.connect(to, handler)
    }

    /// See [`Context::connect_as`].
    pub fn connect_as(&self, to: Addr, alias: impl Into<String>) -> Connect<A> {
        self.cx.connect_as(to, alias)
    }

    /// See [`Context::close`].
    ///
    /// # Errors
    /// [`AliasError::Unknown`], with the aliases that look alike.
    pub async fn close(&self, alias: &str) -> Result<usize, AliasError> {
        self.cx.close(alias).await
    }

    /// See [`Context::send`].
    ///
    /// # Errors
    /// [`SendError`]: unknown alias, another kind, or the message cannot be sent.
    pub async fn send<T: Serialize + Send + Sync + 'static>(
        &self,
        alias: &str,
        message: T,
    ) -> Result<(), SendError> {
        self.cx.send(alias, message).await
    }

    /// See [`Context::publish`].
    ///
    /// # Errors
    /// [`SendError`]: unknown alias, another kind, or the message cannot be sent.
    pub async fn publish<T: Serialize + Send + Sync + 'static>(
        &self,
        alias: &str,
        topic: impl AsRef<[u8]> + Send,
        message: T,
    ) -> Result<(), SendError> {
        self.cx.publish(alias, topic, message).await
    }
}
