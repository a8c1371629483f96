//! What an agent does now, for whoever wants to know while it does it.

use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Condition, Name, Status};
use gleis_patterns::RequestError;
use tokio::time::Instant;

use crate::{
    Agent, AgentRef, AgentState, CallError, Context, Proxy,
    cell::Cell,
    home::Home,
    job::What,
    node::{Told, Want},
    waits::Whom,
};

/// How long an agent may be at one piece of work, unless told otherwise.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(60);

impl<A: Agent> Cell<A> {
    pub(crate) fn status(&self) -> Status {
        let condition = match *self.state.borrow() {
            AgentState::Gone => return Status::of(Condition::Gone),
            AgentState::Failed(_) | AgentState::Stopped => Condition::Stopped,
            _ => Condition::Idle,
        };
        let queued = self.mail.len().try_into().unwrap_or(u64::MAX);
        let Some(look) = self.home.hand.look(Instant::now()) else {
            return Status { queued, ..Status::of(condition) };
        };
        let condition = match condition {
            Condition::Idle if self.stuck_after <= look.lasted => Condition::Stuck,
            Condition::Idle => Condition::Busy,
            condition => condition,
        };
        let for_ms = Some(look.lasted.as_millis().try_into().unwrap_or(u64::MAX));
        let (handler, waits_for) = (Some(self.handler(&look.what)), names(&self.home));
        Status { condition, handler, for_ms, queued, waits_for }
    }

    /// What a piece of work is called.
    fn handler(&self, what: &What) -> String {
        match what {
            #[cfg(feature = "script")]
            What::Call(name) if self.script_source(name).is_some() => format!("script `{name}`"),
            What::Call(name) if self.has_method(name) => format!("method `{name}`"),
            What::Hook(name) => format!("hook `{name}`"),
            What::Timer(Ok(alias)) => format!("timer `{alias}`"),
            what => what.to_string(),
        }
    }

    /// Tells that it has become stuck.
    pub(crate) fn tell_stuck(self: Arc<Self>) {
        self.home.hand.stuck.notify_waiters();
        let status = self.status();
        Context { cell: self }.log_warning(format!("the agent is {status}"));
    }
}

/// For whom an agent waits.
fn names(home: &Home) -> Vec<Name> {
    let name = |whom| match whom {
        Whom::Here(n) => Home::find(n).and_then(|it| it.name.clone()),
        Whom::Somewhere(name) => Some(name),
    };
    home.waits_for().into_iter().filter_map(name).collect()
}

impl<A: Agent> AgentRef<A> {
    /// What the agent does now, and since when; it does not wait for what the agent does.
    pub fn status(&self) -> Status {
        self.cx.cell.status()
    }

    /// Waits until the agent has been at the same thing for [longer than it should](crate::RunAgent::stuck_after),
    /// and tells what that is; also that it is gone, for then it never will. A supervisor or a monitor may kill it
    /// then, or ask others to help.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn stuck(&self) -> Status {
        let hand = &self.cx.cell.home.hand;
        loop {
            let told = hand.stuck.notified();
            let status = self.status();
            if matches!(status.condition, Condition::Gone | Condition::Stuck) {
                return status;
            }
            tokio::select! {
                biased;
                () = told => (),
                () = self.gone() => (),
            }
        }
    }
}

impl Proxy {
    /// What the agent does now, and since when. The answer comes at once, even if the agent is busy. Of one that
    /// is gone, or whose process is or cannot be reached, it is [`Condition::Gone`]; of one whose program has an earlier version only the
    /// condition is known, and no more of that than its state tells.
    ///
    /// # Errors
    /// [`CallError`]: there is no answer in time.
    pub async fn status(&self) -> Result<Status, CallError> {
        let told = match self.wanted(Want::Status).await {
            // Nobody is there who could answer: heartbeats tell, if the connection does not.
            Err(
                RequestError::NoPeer
                | RequestError::PeerLost { .. }
                | RequestError::DeadlineExceeded { sent: false },
            ) => {
                return Ok(Status::of(Condition::Gone));
            }
            // What it does not know it refuses.
            Err(RequestError::NoReply | RequestError::Remote { .. }) => {
                return self.status_of_earlier().await;
            }
            reply => self.heard(Want::Status.text(), reply),
        };
        match told {
            Ok(Told::Status(status)) => Ok(status),
            Ok(told) => Err(self.surprise(&told)),
            Err(CallError::Gone { .. }) => Ok(Status::of(Condition::Gone)),
            Err(error) => Err(error),
        }
    }

    async fn status_of_earlier(&self) -> Result<Status, CallError> {
        Ok(Status::of(match self.state().await {
            Ok(AgentState::Gone) | Err(CallError::Gone { .. }) => Condition::Gone,
            Ok(AgentState::Failed(_) | AgentState::Stopped) => Condition::Stopped,
            Ok(_) => Condition::Idle,
            Err(error) => return Err(error),
        }))
    }
}
