//! Telling an agent of this program something, by type, without waiting for it.

use std::fmt;

use futures::future::BoxFuture;

use super::AgentRef;
use crate::{Agent, BoxError, CallError, Caller, Context, Fault};

/// An agent of this program that is told, not asked: a function returns when its call waits in the
/// agent's mailbox.
///
/// `#[agent]` adds a function for each `#[method]` (trait `<Type>Tells`); arguments travel as they are. An
/// answer is dropped, an error is logged. One without `self` does not wait for its turn: it is done beside the
/// agent's work, at most 1,000 of them at a time, and ends with the agent.
pub struct Oneway<A: 'static>(pub(super) AgentRef<A>);

impl<A: Agent> Oneway<A> {
    /// Has a function called with the agent's state, between two messages, which takes what comes of it
    /// to the [`Caller`]: what the functions made by `#[agent]` do.
    ///
    /// # Errors
    /// [`CallError`]: no room in the mailbox in time, or the agent is gone.
    ///
    /// # Cancel safety
    /// Either it waits in the mailbox or nothing has happened.
    pub async fn tell_typed<R: Send + 'static>(
        &self,
        method: &'static str,
        call: impl for<'a> FnOnce(
            &'a mut A,
            &'a Context<A>,
            Caller<R>,
        ) -> BoxFuture<'a, Result<(), Fault>>
        + Send
        + 'static,
    ) -> Result<(), CallError> {
        let Self(AgentRef { cx, within, lane, .. }) = self;
        cx.cell.tell_work(method.into(), (*within, *lane), call).await
    }

    /// Has a function called beside the agent's work, without its state: what the functions made by `#[agent]`
    /// do for methods without `self`.
    ///
    /// # Errors
    /// [`CallError`]: too many are at work for too long, or the agent is gone.
    ///
    /// # Cancel safety
    /// Either it is at work or nothing has happened.
    pub async fn tell_beside<R: Send + 'static>(
        &self,
        method: &'static str,
        call: impl for<'a> FnOnce(&'a Context<A>) -> BoxFuture<'a, Result<R, BoxError>> + Send + 'static,
    ) -> Result<(), CallError> {
        let Self(AgentRef { cx, within, .. }) = self;
        let own = cx.clone();
        let work = async move {
            let done = call(&own).await;
            done.map(drop).map_err(|error| Fault::error(&error))
        };
        cx.cell.tell_beside(method, *within, work).await
    }
}

impl<A> Clone for Oneway<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A> fmt::Debug for Oneway<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Oneway").field(&self.0).finish()
    }
}
