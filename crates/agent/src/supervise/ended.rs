//! How an agent ends, for those who watch it, and for those whose fate is tied to it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::{
    Agent, AgentRef, AgentState, CallError, Fault, Proxy,
    cell::{AnyAgent, Cell},
    job::{Job, What},
};

/// How an agent has ended. One that begins anew has not.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Ended {
    /// It has failed, and handles nothing more.
    Failed(Fault),
    /// It is no more, and nobody knows how it ended.
    Gone,
    /// It was killed, or ended by force.
    Killed,
    /// Its process cannot be reached any more: it has ended, or the connection to it.
    Lost,
    /// It was shut down.
    Shutdown,
    /// It was told to stop.
    Stopped,
}

impl Ended {
    /// Whether it ended otherwise than it was told to.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Shutdown | Self::Stopped)
    }
}

/// Such as `failed: out of paper`.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(fault) => write!(f, "failed: {fault}"),
            Self::Gone => f.write_str("gone"),
            Self::Killed => f.write_str("killed"),
            Self::Lost => f.write_str("lost"),
            Self::Shutdown => f.write_str("shut down"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// Waits until an agent has ended, and tells how.
pub(crate) async fn ended(agent: &dyn AnyAgent) -> Ended {
    let mut state = agent.state().subscribe();
    // The sender is the agent's, which is here.
    let _ = state.wait_for(AgentState::is_over).await;
    agent.end().cloned().unwrap_or(Ended::Shutdown)
}

impl<A: Agent> AgentRef<A> {
    /// Waits until the agent has ended, and tells how: it has failed, was stopped or is gone. That it begins
    /// anew is no end.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ended(&self) -> Ended {
        ended(&*self.cx.cell).await
    }

    /// Ties the fates of two agents: when one of them ends otherwise than it was told to, the other fails, as if a
    /// handler of its had, once it is done with what waits for it. Whoever wants to hear of it and go on waits
    /// for the [end](Self::ended) of the other instead.
    ///
    /// The tie holds as long as the handle.
    pub fn link<B: Agent>(&self, other: &AgentRef<B>) -> Link {
        let (one, other) = (self.cx.cell.clone(), other.cx.cell.clone());
        Link::new(async move {
            tokio::select! {
                biased;
                ended = ended(&*one) => fail(&other, &one.name, &ended).await,
                ended = ended(&*other) => fail(&one, &other.name, &ended).await,
            }
        })
    }

    /// Ties the fate of this agent to that of one in another process: as [`link`](Self::link), in one direction.
    pub fn link_to(&self, other: &Proxy) -> Link {
        let (one, other) = (self.cx.cell.clone(), other.clone());
        Link::new(async move {
            tokio::select! {
                biased;
                _ = ended(&*one) => (),
                ended = other.ended() => {
                    let ended = ended.unwrap_or(Ended::Lost);
                    fail(&one, other.name(), &ended).await;
                }
            }
        })
    }
}

/// Has an agent fail since another one has.
async fn fail<A: Agent>(agent: &Arc<Cell<A>>, other: &gleis_core::Name, ended: &Ended) {
    if !ended.is_failure() {
        return;
    }
    let fault = Fault::said(format!("linked to `{other}`, which is {ended}"));
    let job = Job::new(What::Call("link".into()), move |_: &mut A, _| {
        Box::pin(std::future::ready(Err(fault)))
    });
    // One that has ended meanwhile cannot fail.
    let _ = agent.mail.send(job).await;
}

/// The fates of two agents are tied, as long as it is not dropped.
#[must_use = "dropping it unties the agents"]
#[derive(Debug)]
pub struct Link(JoinHandle<()>);

impl Link {
    fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Nobody's fate is tied to anybody's any more.
        self.0.abort();
    }
}

impl Proxy {
    /// Waits until the agent has ended, and tells how; also that its process has, however that ended, or that
    /// it cannot be reached any more within the [time of a call](Self::within): [`Ended::Lost`]. That it begins
    /// anew is no end.
    ///
    /// # Errors
    /// [`CallError`]: its program has an earlier version, or has too many who wait.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ended(&self) -> Result<Ended, CallError> {
        loop {
            // Whether it is there is known sooner than when it ends.
            let asked = match self.ping().await {
                Ok(()) => self.ask_ended().await,
                Err(CallError::Unreachable { .. } | CallError::DeadlineExceeded { .. }) => {
                    return Ok(Ended::Lost);
                }
                Err(error) => Err(error),
            };
            match asked {
                Ok(Some(ended)) => return Ok(ended),
                // Not yet; or the connection has broken, and may be there again.
                Ok(None) => (),
                Err(CallError::Gone { .. }) => return Ok(Ended::Gone),
                Err(error) => return Err(error),
            }
        }
    }
}
