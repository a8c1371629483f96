//! An agent anywhere, by name.

mod dynamic;
mod node;
mod place;
#[cfg(feature = "script")]
mod scripts;
mod sockets;
mod timers;
mod typed;

pub use self::node::{NodeProxy, Tail};
pub use self::place::ProxyPlace;
#[cfg(feature = "script")]
pub use self::scripts::ProxyScripts;
pub use self::sockets::{ProxyBind, ProxyConnect};
pub use self::typed::TypedProxy;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Endpoint, Name, from_value};
use gleis_patterns::{RequestError, Requester};
use gleis_transport::Network;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    AgentState, CallError, Ended, Life, ProxyError,
    agent_ref::CALL_TIMEOUT,
    care::Care,
    current::Frame,
    method::arguments,
    node::{ControlReply, ControlRequest, Told, Want, codec},
    text::chain,
    waits::Waiting,
};

/// How long to wait for an answer of one that is asked for the end of an agent; it says after half of it that there
/// is none yet.
const POLL: Duration = Duration::from_secs(60);

/// An agent in any process, by name: the dynamic proxy. [`typed`](Self::typed) makes a typed one of it.
///
/// It knows where the agent was when the proxy was made; an agent that runs anew elsewhere needs
/// a new one. A clone uses the same connection; dropping it does not end the agent.
#[derive(Clone)]
pub struct Proxy {
    name: Name,
    requester: Arc<Requester<ControlRequest, ControlReply>>,
    within: Duration,
    is_urgent: bool,
    care: Care,
}

impl Proxy {
    /// A proxy for the agent that listens for calls there.
    pub(crate) async fn open(
        name: Name,
        at: &Endpoint,
        network: Option<&Arc<dyn Network>>,
    ) -> Result<Self, ProxyError> {
        let mut requester = Requester::connect(at.clone()).codec(codec());
        if let Some(network) = network {
            requester = requester.network(network.clone());
        }
        let requester = requester.await.map_err(|source| {
            let name = name.clone();
            ProxyError::Connect { name, source }
        })?;
        let requester = Arc::new(requester);
        let (within, care) = (CALL_TIMEOUT, Care::default());
        Ok(Self { name, requester, within, is_urgent: false, care })
    }

    /// A proxy for another agent of the same node, over the same connection.
    pub(crate) fn beside(&self, name: Name) -> Self {
        Self { name, ..self.clone() }
    }

    pub(crate) fn care(&self) -> &Care {
        &self.care
    }

    pub(crate) fn with_care(&self, care: Care) -> Self {
        Self { care, ..self.clone() }
    }

    /// The name of the agent.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The same agent, with another deadline for calls; 10 s by default.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self { within: timeout, ..self.clone() }
    }

    /// The same agent, for what must not wait for its turn: see [`AgentRef::urgent`](crate::AgentRef::urgent). To an
    /// agent whose program has an earlier version it is as all else.
    #[must_use]
    pub fn urgent(&self) -> Self {
        Self { is_urgent: true, ..self.clone() }
    }

    /// Calls a method by name; the arguments are a tuple. [`Value`](gleis_core::Value) is an
    /// answer of any type.
    ///
    /// # Errors
    /// [`CallError`]: no such method, other arguments, no answer in time, or it failed.
    pub async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Result<R, CallError> {
        let arguments = arguments(&args)?;
        match self.ask(Want::Call { method: method.to_owned(), arguments }).await? {
            Told::Value(value) => {
                from_value(value).map_err(|it| CallError::answer::<R>(method, &it))
            }
            told => Err(self.surprise(&told)),
        }
    }

    /// Has a method called when its turn comes, without waiting for it; its answer is dropped, an error
    /// is logged there. The arguments are a tuple.
    ///
    /// # Errors
    /// [`CallError`]: no such method, no room in the mailbox in time, or the agent cannot be reached.
    pub async fn tell(&self, method: &str, args: impl Serialize) -> Result<(), CallError> {
        let arguments = arguments(&args)?;
        self.done(Want::Tell { method: method.to_owned(), arguments }).await
    }

    /// Where the agent is in its life. The answer comes at once, even if the agent is busy.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn state(&self) -> Result<AgentState, CallError> {
        Ok(self.life().await?.state)
    }

    /// Where the agent is in its life, and how often it has begun anew. The answer comes at once, even if the
    /// agent is busy. Of an agent whose program has an earlier version only the state is known.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn life(&self) -> Result<Life, CallError> {
        let told = match self.wanted(Want::Life).await {
            // What it does not know it refuses.
            Err(RequestError::NoReply | RequestError::Remote { .. }) => self.ask(Want::State).await,
            reply => self.heard(Want::Life.text(), reply),
        };
        match told? {
            Told::Life(life) => Ok(life),
            Told::State(state) => Ok(Life { state, restarts: 0 }),
            told => Err(self.surprise(&told)),
        }
    }

    /// Sees whether the agent is there, busy or not.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn ping(&self) -> Result<(), CallError> {
        self.state().await.map(|_| ())
    }

    /// The number of the process in which the agent runs.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn pid(&self) -> Result<u32, CallError> {
        let pid = self.told(Want::Process, Told::count).await?;
        Ok(u32::try_from(pid).unwrap_or_default())
    }

    /// Whether the agent runs.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn is_running(&self) -> Result<bool, CallError> {
        Ok(self.state().await? == AgentState::Running)
    }

    /// Has the agent handle nothing more once it is done with what it does; it stays, so that it can be
    /// looked at, until it is shut down.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached, did not stop in time, or is the caller itself.
    pub async fn stop(&self) -> Result<(), CallError> {
        self.done(Want::Stop).await
    }

    /// Ends the agent at once, whatever it does; what it had in hand is lost. One that has a
    /// [supervisor](crate::Supervisor) has failed by that.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn kill(&self) -> Result<(), CallError> {
        self.done(Want::Kill).await
    }

    /// Shuts the agent down, by force if it does not come to an end in half the time of a call.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached, or it is the caller itself.
    pub async fn shutdown(&self) -> Result<(), CallError> {
        self.done(Want::Shutdown).await
    }

    /// How the agent has ended, if it does so soon, and the connection lasts.
    pub(crate) async fn ask_ended(&self) -> Result<Option<Ended>, CallError> {
        let patient = self.within(POLL);
        let told = match patient.wanted(Want::Ended).await {
            Err(RequestError::DeadlineExceeded { .. } | RequestError::PeerLost { .. }) => {
                return Ok(None);
            }
            reply => patient.heard(Want::Ended.text(), reply)?,
        };
        match told {
            Told::Ended(ended) => Ok(Some(ended)),
            Told::Done => Ok(None),
            told => Err(self.surprise(&told)),
        }
    }

    /// Has something done that has no answer.
    async fn done(&self, want: Want) -> Result<(), CallError> {
        match self.ask(want).await? {
            Told::Done => Ok(()),
            told => Err(self.surprise(&told)),
        }
    }

    /// Has something done that has this kind of answer.
    async fn told<T>(&self, want: Want, read: fn(Told) -> Result<T, Told>) -> Result<T, CallError> {
        read(self.ask(want).await?).map_err(|told| self.surprise(&told))
    }

    async fn ask(&self, want: Want) -> ControlReply {
        match self.care.is_none() || !want.is_work() {
            true => self.ask_at_once(want).await,
            false => Box::pin(self.care.call(&self.name, self.ask_at_once(want))).await,
        }
    }

    async fn ask_at_once(&self, want: Want) -> ControlReply {
        let what = want.text();
        let reply = self.wanted(want).await;
        self.heard(what, reply)
    }

    pub(crate) async fn wanted(&self, want: Want) -> Result<ControlReply, RequestError> {
        let frame = Frame::current();
        let (callers, names) = frame.as_ref().map(|it| it.tell()).unwrap_or_default();
        let waits = frame.filter(|_| want.takes_a_turn());
        let _waiting = waits.map(|it| Waiting::somewhere(&it, &self.name));
        let (agent, within, is_urgent) = (self.name.clone(), self.within, self.is_urgent);
        let request = ControlRequest { agent, callers, names, within, want, is_urgent };
        self.requester.request(request).within(self.within).await
    }

    pub(crate) fn heard(
        &self,
        what: String,
        reply: Result<ControlReply, RequestError>,
    ) -> ControlReply {
        match reply {
            Ok(reply) => reply,
            Err(error) => Err(self.failed(what, &error)),
        }
    }

    fn failed(&self, what: String, error: &RequestError) -> CallError {
        let agent = self.name.clone();
        match *error {
            RequestError::DeadlineExceeded { sent: true } => {
                CallError::DeadlineExceeded { agent, what, within: self.within }
            }
            RequestError::DeadlineExceeded { sent } | RequestError::PeerLost { sent } => {
                CallError::Unreachable { agent, reason: chain(error), sent }
            }
            RequestError::NoPeer => {
                let at = self.requester.endpoint();
                let reason = format!("nobody answers at {at}, its process may have ended");
                CallError::Unreachable { agent, reason, sent: false }
            }
            RequestError::Full | RequestError::Encode(_) => {
                CallError::Unreachable { agent, reason: chain(error), sent: false }
            }
            _ => CallError::Unreachable { agent, reason: chain(error), sent: true },
        }
    }

    pub(crate) fn surprise(&self, told: &Told) -> CallError {
        let reason = format!("an answer to another question: {told:?}");
        CallError::Unreachable { agent: self.name.clone(), reason, sent: true }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("name", &self.name).finish_non_exhaustive()
    }
}
