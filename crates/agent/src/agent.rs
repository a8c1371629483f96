//! What an agent is.

use std::future::Future;
use std::time::Duration;

use crate::{Attribute, BoxError, Context, Method};

/// The state of an agent and the moments of its life.
///
/// `#[agent]` on an `impl` block writes this; by hand `impl Agent for Bob {}` will do. An agent
/// does one thing at a time, so its state needs no lock: hooks, methods, handlers and timers all
/// get `&mut self`.
///
/// An error from a hook, a handler or a timer stops the agent: see
/// [`AgentState::Failed`](crate::AgentState::Failed). An error from a method goes to its caller,
/// and the agent goes on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an agent",
    label = "not an agent",
    note = "put `#[agent]` on an `impl {Self}` block, even an empty one"
)]
pub trait Agent: Sized + Send + 'static {
    /// After how long without work [`idle`](Self::idle) is called; never by default.
    const IDLE_AFTER: Option<Duration> = None;

    /// The fields that others may see and change by name.
    const ATTRIBUTES: &'static [Attribute<Self>] = &[];

    /// What can be called by name.
    const METHODS: &'static [Method<Self>] = &[];

    /// Runs once the agent has its name: the place to bind and connect. Calls wait until it is
    /// done.
    fn on_init(&mut self, cx: &Context<Self>) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Runs after [`on_init`](Self::on_init), before the first message, call or timer.
    fn before_loop(
        &mut self,
        cx: &Context<Self>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Runs whenever there was nothing to do for [`IDLE_AFTER`](Self::IDLE_AFTER).
    fn idle(&mut self, cx: &Context<Self>) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Runs when the agent is told to stop or to shut down, while its sockets are still open; not after a
    /// fault.
    fn on_stop(&mut self, cx: &Context<Self>) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }
}
