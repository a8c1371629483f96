//! An agent of this program, as seen by others in it.

mod oneway;
mod talk;

pub use self::oneway::Oneway;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::{Name, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Action, Addr, Agent, AgentState, BoxError, CallError, Caller, Context, DeadLetters, Fault,
    Handler, MethodError, TimerError, TimerId, TimerKey,
    caller::Failure,
    cell::{AnyAgent, Asker, Asking, Cell},
    current::Frame,
    mailbox::Lane,
    method::arguments,
    node::{Host, stop, unknown_alias},
};

/// How long a call takes at most, unless told otherwise.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// An agent of this program, by type: the typed proxy.
///
/// `#[agent]` adds a function for each `#[method]` (trait `<Type>Calls`); arguments and answers
/// then travel as they are, without being encoded. Every call has a deadline, 10 s by default; one that
/// an agent makes may end a hundredth of its time later. A clone is another reference to the same agent;
/// dropping all of them does not end it.
pub struct AgentRef<A: 'static> {
    pub(crate) cx: Context<A>,
    host: Arc<Host>,
    within: Duration,
    lane: Lane,
}

impl<A: Agent> AgentRef<A> {
    pub(crate) fn new(cell: Arc<Cell<A>>, host: Arc<Host>) -> Self {
        Self { cx: Context { cell }, host, within: CALL_TIMEOUT, lane: Lane::Ordinary }
    }

    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// The name of the agent.
    pub fn name(&self) -> &Name {
        self.cx.name()
    }

    /// Where the agent is in its life.
    pub fn state(&self) -> AgentState {
        self.cx.state()
    }

    /// Reads what agents of its node were to do and will not: see [`Node::dead_letters`](crate::Node::dead_letters).
    pub fn dead_letters(&self) -> DeadLetters {
        self.host.letters().read()
    }

    /// How often the agent has [begun anew](crate::RunAgent::restart).
    pub fn restarts(&self) -> u32 {
        self.cx.cell.n_restarts()
    }

    /// The same agent, with another deadline for calls.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self { within: timeout, ..self.clone() }
    }

    /// The same agent, for what must not wait for its turn: what is called and told here overtakes what else is in the
    /// mailbox, and what is urgent there keeps its order. Of nine pieces of work that wait, one at least is not urgent.
    /// So 64 may be in the mailbox, even if that is full; more go the way of all others. What does not need it, state
    /// and shutdown for example, is no faster.
    #[must_use]
    pub fn urgent(&self) -> Self {
        Self { lane: Lane::Urgent, ..self.clone() }
    }

    /// Calls a method by name; the arguments are a tuple.
    ///
    /// # Errors
    /// [`CallError`]: no such method, other arguments, no answer in time, or it failed.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<R, CallError> {
        let args = arguments(&args)?;
        let call = self.cx.cell.call_by_name(method.to_owned(), args, self.asking(false));
        let value = call.await?;
        from_value(value).map_err(|it| CallError::answer::<R>(method, &it))
    }

    /// Has a method called when its turn comes, without waiting for it; its answer is dropped, an error
    /// is logged. The arguments are a tuple.
    ///
    /// # Errors
    /// [`CallError`]: no such method, no room in the mailbox in time, or the agent is gone.
    pub async fn tell(&self, method: &str, args: impl Serialize) -> Result<(), CallError> {
        let args = arguments(&args)?;
        self.cx.cell.tell_by_name(method.to_owned(), args, (self.within, self.lane)).await
    }

    /// The same agent, to be told something by type without waiting for it.
    pub fn oneway(&self) -> Oneway<A> {
        Oneway(self.clone())
    }

    /// The value of an attribute: a field that the agent exposes, or a free one. It works even after the
    /// agent has stopped.
    ///
    /// # Errors
    /// [`CallError`]: there is none, it is no `T`, or no answer in time.
    pub async fn get_attr<T: DeserializeOwned>(&self, name: &str) -> Result<T, CallError> {
        let value = self.cx.cell.get_by_name(name, self.asking(true)).await?;
        from_value(value).map_err(|it| CallError::answer::<T>(name, &it))
    }

    /// Sets an attribute: a field that the agent exposes, or a free one.
    ///
    /// # Errors
    /// [`CallError`]: the value does not fit, something else has the name, or no answer in time.
    pub async fn set_attr(&self, name: &str, value: impl Serialize) -> Result<(), CallError> {
        let value = to_value(&value).map_err(|it| CallError::value(name, &it))?;
        self.cx.cell.set_by_name(name, value, self.asking(true)).await
    }

    /// See [`Context::set_method`].
    ///
    /// # Errors
    /// [`MethodError`]: the agent's type has a method of this name, or it was given too many.
    pub fn set_method<M, S>(
        &self,
        name: &str,
        handler: impl Handler<A, M, S>,
    ) -> Result<(), MethodError>
    where
        M: DeserializeOwned + Send + 'static,
        S: 'static,
    {
        self.cx.set_method(name, handler)
    }

    /// Calls a function with the agent's state, between two messages, which has the [`Caller`] answered:
    /// what the functions made by `#[agent]` do.
    ///
    /// # Errors
    /// [`CallError`]: no answer in time, or it failed.
    // No `async fn`: it would hold the call twice.
    pub fn call_typed<R: Send + 'static>(
        &self,
        method: &'static str,
        call: impl for<'a> FnOnce(
            &'a mut A,
            &'a Context<A>,
            Caller<R>,
        ) -> BoxFuture<'a, Result<(), Fault>>
        + Send
        + 'static,
    ) -> impl Future<Output = Result<R, CallError>> + Send {
        self.cx.cell.ask(method, self.asking(false), call)
    }

    /// Calls a function beside the agent's work, without its state: what the functions made by
    /// `#[agent]` do for methods without `self`. It does not wait for the agent, and works after the agent
    /// has stopped.
    ///
    /// # Errors
    /// [`CallError`]: no answer in time, or it failed.
    pub async fn call_beside<R: Send>(
        &self,
        method: &'static str,
        call: impl for<'a> FnOnce(&'a Context<A>) -> BoxFuture<'a, Result<R, BoxError>> + Send,
    ) -> Result<R, CallError> {
        let (cell, how) = (&self.cx.cell, self.asking(true));
        let done = cell.beside(method, how, async { call(&self.cx).await }).await?;
        done.map_err(|error| cell.failed(method, Fault::error(&error)))
    }

    /// Looks at the agent's state, or changes it, between two messages. It works even after the
    /// agent has stopped after a fault.
    ///
    /// # Errors
    /// [`CallError`]: no answer in time, or it panicked.
    pub async fn with<R: Send + 'static>(
        &self,
        look: impl FnOnce(&mut A, &Context<A>) -> R + Send + 'static,
    ) -> Result<R, CallError> {
        let how = self.asking(true);
        let ask = self.cx.cell.ask("with", how, move |agent, cx, caller| {
            Box::pin(caller.settle(cx, async move { Ok::<_, Failure>(look(agent, cx)) }))
        });
        ask.await
    }

    /// Where the agent's socket of this alias is.
    ///
    /// # Errors
    /// [`CallError::UnknownAlias`], with the aliases that look alike.
    pub async fn addr(&self, alias: &str) -> Result<Addr, CallError> {
        if self.state() == AgentState::Gone {
            return Err(CallError::Gone { agent: self.name().clone() });
        }
        self.cx.addr(alias).map_err(|it| unknown_alias(&*self.cx.cell, it))
    }

    /// See [`Context::each`].
    ///
    /// # Errors
    /// [`TimerError`]: too many, or the agent has stopped.
    pub async fn each<S>(
        &self,
        period: Duration,
        action: impl Action<A, S>,
    ) -> Result<TimerId, TimerError> {
        self.cx.each(period, action)
    }

    /// See [`Context::after`].
    ///
    /// # Errors
    /// [`TimerError`]: too many, or the agent has stopped.
    pub async fn after<S>(
        &self,
        delay: Duration,
        action: impl Action<A, S>,
    ) -> Result<TimerId, TimerError> {
        self.cx.after(delay, action)
    }

    /// See [`Context::stop_timer`].
    pub fn stop_timer(&self, timer: impl Into<TimerKey>) -> bool {
        self.cx.stop_timer(timer)
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.state() == AgentState::Running
    }

    /// Has the agent handle nothing more once it is done with what it does: it stays, so that it can be
    /// [looked at](Self::with), until it is shut down.
    ///
    /// # Errors
    /// [`CallError::SelfCall`] from the agent's own handlers; there it is [`Context::stop`] that tells the
    /// agent to stop. [`CallError::DeadlineExceeded`] if it is not done in time; it stops later.
    pub async fn stop(&self) -> Result<(), CallError> {
        let identity = &self.cx.cell.identity;
        if Frame::current().is_some_and(|it| it.contains(identity)) {
            return Err(CallError::SelfCall { agent: self.name().clone() });
        }
        stop(&*self.cx.cell, self.within).await
    }

    /// Ends the agent at once, whatever it does; what it had in hand is lost. One that has a
    /// [supervisor](crate::Supervisor) has failed by that.
    pub async fn kill(&self) {
        let agent: Arc<dyn AnyAgent> = self.cx.cell.clone();
        self.host.kill(&agent).await;
    }

    /// Shuts the agent down: it finishes what it does, closes its sockets and gives its name
    /// back. One that does not come to an end in half the time of a call is ended by force.
    ///
    /// # Errors
    /// [`CallError::SelfCall`] from the agent's own handlers; there it is
    /// [`Context::shutdown`] that tells the agent to end.
    ///
    /// # Cancel safety
    /// The agent shuts down all the same, but is not forced.
    pub async fn shutdown(&self) -> Result<(), CallError> {
        let identity = &self.cx.cell.identity;
        if Frame::current().is_some_and(|it| it.contains(identity)) {
            return Err(CallError::SelfCall { agent: self.name().clone() });
        }
        let agent: Arc<dyn AnyAgent> = self.cx.cell.clone();
        self.host.stop(&agent, self.within / 2).await;
        Ok(())
    }

    /// Waits until the agent is no more.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn gone(&self) {
        let mut state = self.cx.cell.state.subscribe();
        // The sender lives as long as this reference.
        let _ = state.wait_for(|it| *it == AgentState::Gone).await;
    }

    fn asking(&self, after_fault: bool) -> Asking {
        Asking { caller: Asker::Here, within: self.within, after_fault, lane: self.lane }
    }
}

impl<A> Clone for AgentRef<A> {
    fn clone(&self) -> Self {
        Self { cx: self.cx.clone(), host: self.host.clone(), ..*self }
    }
}

impl<A> fmt::Debug for AgentRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentRef").field("name", &self.cx.cell.name).finish_non_exhaustive()
    }
}
