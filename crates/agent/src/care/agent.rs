//! Agents that are called with care.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use super::{Breaker, Care, RateLimit};
use crate::{Agent, AgentRef, CallError, Proxy, TypedProxy};

/// An agent of this program that is called with care: see [`AgentRef::rate_limit`] and [`AgentRef::breaker`]. A clone
/// keeps to the same limits.
pub struct CarefulRef<A: 'static> {
    agent: AgentRef<A>,
    care: Care,
}

impl<A: Agent> AgentRef<A> {
    /// The same agent, to be called no more often than this.
    pub fn rate_limit(&self, limit: &RateLimit) -> CarefulRef<A> {
        CarefulRef { agent: self.clone(), care: Care::default().with_rate(limit) }
    }

    /// The same agent, to be called as long as it does not fail all the time.
    pub fn breaker(&self, breaker: &Breaker) -> CarefulRef<A> {
        CarefulRef { agent: self.clone(), care: Care::default().with_breaker(breaker) }
    }
}

impl<A: Agent> CarefulRef<A> {
    /// The agent, without care.
    pub fn agent(&self) -> &AgentRef<A> {
        &self.agent
    }

    /// The same, and no more often than this.
    #[must_use]
    pub fn rate_limit(&self, limit: &RateLimit) -> Self {
        Self { agent: self.agent.clone(), care: self.care.with_rate(limit) }
    }

    /// The same, and as long as it does not fail all the time.
    #[must_use]
    pub fn breaker(&self, breaker: &Breaker) -> Self {
        Self { agent: self.agent.clone(), care: self.care.with_breaker(breaker) }
    }

    /// As [`AgentRef::call`].
    ///
    /// # Errors
    /// [`CallError::Limited`] and [`CallError::BreakerOpen`], which say when to try again; otherwise as `call`.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<R, CallError> {
        self.care.call(self.agent.name(), self.agent.call(method, args)).await
    }

    /// As [`AgentRef::tell`].
    ///
    /// # Errors
    /// [`CallError::Limited`] and [`CallError::BreakerOpen`], which say when to try again; otherwise as `tell`.
    pub async fn tell(&self, method: &str, args: impl Serialize) -> Result<(), CallError> {
        self.care.call(self.agent.name(), self.agent.tell(method, args)).await
    }

    /// Anything else that is asked of the agent, by type for example: `careful.ask(|it| it.hello("Bob"))`.
    ///
    /// # Errors
    /// [`CallError::Limited`] and [`CallError::BreakerOpen`], which say when to try again; otherwise as what is asked.
    pub async fn ask<'a, R, F>(
        &'a self,
        ask: impl FnOnce(&'a AgentRef<A>) -> F,
    ) -> Result<R, CallError>
    where
        F: Future<Output = Result<R, CallError>>,
    {
        self.care.call(self.agent.name(), ask(&self.agent)).await
    }
}

impl Proxy {
    /// The same agent, to be called no more often than this: calls, what is told, and what its sockets are to send
    /// and request. Clones, typed ones too, and groups of it keep to the same limit.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gleis_agent::*;
    /// # struct Bob;
    /// #[agent]
    /// impl Bob {
    ///     #[method]
    ///     fn hello(&mut self) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let ns = run_nameserver().await?;
    /// run_agent("Bob", Bob).await?;
    /// let limit = RateLimit::new(1, Duration::from_secs(60));
    /// let bob = ns.proxy("Bob").await?.rate_limit(&limit).breaker(&Breaker::new());
    /// bob.call::<()>("hello", ()).await?;
    /// let error = bob.call::<()>("hello", ()).await.unwrap_err();
    /// assert!(matches!(error, CallError::Limited { retry_in, .. } if retry_in <= Duration::from_secs(60)));
    /// # Ok(ns.shutdown(Duration::from_secs(10)).await?)
    /// # }
    /// ```
    #[must_use]
    pub fn rate_limit(&self, limit: &RateLimit) -> Self {
        self.with_care(self.care().with_rate(limit))
    }

    /// The same agent, to be called as long as it does not fail all the time: see [`rate_limit`](Self::rate_limit) for
    /// what that concerns. How it is now says [`Breaker::state`].
    #[must_use]
    pub fn breaker(&self, breaker: &Breaker) -> Self {
        self.with_care(self.care().with_breaker(breaker))
    }
}

impl<A> TypedProxy<A> {
    /// The same agent, to be called no more often than this: see [`Proxy::rate_limit`].
    #[must_use]
    pub fn rate_limit(&self, limit: &RateLimit) -> Self {
        self.proxy().rate_limit(limit).typed()
    }

    /// The same agent, to be called as long as it does not fail all the time: see [`Proxy::breaker`].
    #[must_use]
    pub fn breaker(&self, breaker: &Breaker) -> Self {
        self.proxy().breaker(breaker).typed()
    }
}

impl<A> Clone for CarefulRef<A> {
    fn clone(&self) -> Self {
        Self { agent: self.agent.clone(), care: self.care.clone() }
    }
}

impl<A> fmt::Debug for CarefulRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CarefulRef").field("agent", &self.agent).field("care", &self.care).finish()
    }
}
