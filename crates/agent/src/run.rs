//! Running agents.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_codec::AnyCodec;
use gleis_core::{Endpoint, EndpointError, Name, Value};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Agent, AgentRef, ErrorPolicy, Handler, NodeError, Restart, RunError,
    cell::{Cell, Setup},
    dynamic::{Start, dynamic, initial},
    node::{Host, default_name_server, node_of},
    supervise::{Anew, Leash},
};

/// Runs an agent: `.await` starts it and gives a reference once it handles calls.
///
/// The agent is registered with the name server that [`run_nameserver`](crate::run_nameserver)
/// started on this runtime, or that the variable `GLEIS_NAMESERVER` names, or
/// [another one](RunAgent::nameserver). It runs until it is shut down or its name server is; that
/// nobody has a reference to it does not end it.
///
/// It is called by other processes at `tcp://127.0.0.1:0`, this machine and any free port; for
/// agents on several machines connect a [`Node`](crate::Node) that
/// [listens](crate::ConnectNode::listen) elsewhere.
///
/// An empty name is replaced by a random one.
///
/// # Errors
/// [`RunError`]: the name is taken, there is no name server, or its `on_init` fails.
///
/// # Cancel safety
/// When the future is dropped, the agent does not start, or shuts down again.
///
/// ```
/// # use gleis_agent::*;
/// struct Counter(u64);
///
/// #[agent]
/// impl Counter {
///     #[method]
///     fn add(&mut self, n: u64) -> u64 {
///         self.0 += n;
///         self.0
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let ns = run_nameserver().await?;
/// let counter = run_agent("counter", Counter(40)).await?;
/// assert_eq!(counter.add(2).await?, 42);
/// ns.shutdown(std::time::Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
pub fn run_agent<A: Agent>(name: impl AsRef<str>, agent: A) -> RunAgent<A> {
    RunAgent::new(name.as_ref(), agent)
}

/// An agent about to run: choose, then `.await`.
#[must_use = "it runs when it is awaited"]
pub struct RunAgent<A: 'static> {
    agent: A,
    name: Result<Name, RunError>,
    setup: Setup,
    place: Place,
    start: Start<A>,
    at: Option<Result<Endpoint, EndpointError>>,
}

enum Place {
    Default,
    Host(Arc<Host>),
    NameServer(Result<Endpoint, EndpointError>),
}

impl<A: Agent> RunAgent<A> {
    pub(crate) fn new(name: &str, agent: A) -> Self {
        let setup = Setup::default();
        let (place, start) = (Place::Default, Start::new());
        let name = match name.is_empty() {
            true => Ok(Name::random()),
            false => {
                Name::new(name).map_err(|source| RunError::Name { text: name.to_owned(), source })
            }
        };
        Self { agent, name, setup, place, start, at: None }
    }

    pub(crate) fn on(mut self, host: Arc<Host>) -> Self {
        self.place = Place::Host(host);
        self
    }

    /// Registers with the name server at `at`, whichever is the default.
    pub fn nameserver(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.place = Place::NameServer(at.try_into().map_err(Into::into));
        self
    }

    /// How many messages and calls may wait for the agent; 1,000 by default, at least one, and no
    /// more than 16 MiB of messages. More wait where they are: the sockets are not read, the
    /// callers wait.
    pub fn mailbox(mut self, capacity: usize) -> Self {
        self.setup.mailbox = capacity.max(1);
        self
    }

    /// Gives the agent a thread of its own, with a runtime of its own: for one that computes or blocks, so
    /// that it holds nobody up. By default an agent is a task of the runtime it is run on.
    pub fn on_thread(mut self) -> Self {
        self.setup.on_thread = true;
        self
    }

    /// Where sockets of the agent are bound that are not said to be elsewhere; `tcp://127.0.0.1:0` by default.
    /// The scheme is the transport: `ipc://*` is any free file, `tcp://0.0.0.0:0` all interfaces.
    pub fn at(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.at = Some(at.try_into().map_err(Into::into));
        self
    }

    /// The codec of sockets that the agent binds and that are not said to have another one; bincode by
    /// default. One that connects has the codec of the address.
    pub fn codec(mut self, codec: AnyCodec) -> Self {
        self.setup.sockets.codec = Some(codec);
        self
    }

    /// What happens when a handler or a timer fails; the agent stops by default.
    pub fn on_error(mut self, policy: ErrorPolicy) -> Self {
        self.setup.policy = policy;
        self
    }

    pub(crate) fn attributes(mut self, attributes: Vec<(String, Value)>) -> Self {
        self.start.attributes.extend(attributes.into_iter().map(|(name, it)| (name, Ok(it))));
        self
    }

    /// Has the agent begin anew after a fault, with a state that `make` makes: an error or a panic of a
    /// handler, a hook or a timer, unless it is an error that is only [logged](ErrorPolicy::Log).
    ///
    /// What waits in the mailbox waits on; what the agent had in hand is lost, and whoever waits for that hears
    /// of the fault. `on_init` and `before_loop` run again. What the agent made itself in the life before goes:
    /// its timers at once, and its sockets once it has begun, except for those that it opens again in the same
    /// way: these stay as they are, with their addresses, their peers and what waits in them. What others gave
    /// it stays: sockets, timers, methods, free attributes, and the [attributes](Self::attribute) to begin with.
    ///
    /// When it fails too often, it stops as it would without this: [`AgentState::Failed`](crate::AgentState).
    ///
    /// ```
    /// # use gleis_agent::*;
    /// #[derive(Default)]
    /// struct Divider;
    ///
    /// #[agent]
    /// impl Divider {
    ///     #[method]
    ///     fn divide(&mut self, a: u32, b: u32) -> u32 {
    ///         a / b
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let node = Node::local();
    /// let run = node.run_agent("divider", Divider).restart(Restart::new(), Divider::default);
    /// let divider = run.await?;
    /// assert!(divider.divide(1, 0).await.is_err());
    /// assert_eq!(divider.divide(6, 2).await?, 3);
    /// assert_eq!(divider.restarts(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn restart(mut self, plan: Restart, make: impl FnMut() -> A + Send + 'static) -> Self {
        self.setup.is_revivable = true;
        self.start.anew = Some(Box::new(Anew::new(plan, Box::new(make))));
        self
    }

    /// Has the agent handle what waits in its mailbox when it is told to stop or to shut down, before `on_stop`
    /// and as long as it is given to come to an end; what comes later is not handled. By default nothing is:
    /// callers hear of it, and what was told or sent is a [dead letter](crate::Node::dead_letters).
    pub fn drain(mut self) -> Self {
        self.setup.drains = true;
        self
    }

    /// For how long the agent may be at one thing before it is [stuck](gleis_core::Condition::Stuck); a minute by
    /// default, never with [`Duration::MAX`]. One that is stuck is not ended: its status says so, a warning is logged
    /// once, and who waits for [`AgentRef::stuck`] hears of it. It is seen up to half a second later.
    pub fn stuck_after(mut self, time: Duration) -> Self {
        self.setup.stuck_after = time;
        self
    }

    /// Sets an attribute before the agent begins: a field that it exposes, or a free one.
    ///
    /// Setting one twice, or one of the name of a method, is an error.
    pub fn attribute(mut self, name: &str, value: impl Serialize) -> Self {
        self.start.attributes.push((name.to_owned(), initial(name, value)));
        self
    }

    /// A function that the agent may be given as a method by [name](crate::Proxy::set_method), also from
    /// other processes, which cannot send code.
    pub fn function<M, S>(mut self, name: &str, function: impl Handler<A, M, S>) -> Self
    where
        M: DeserializeOwned + Send + 'static,
        S: 'static,
    {
        self.start.functions.insert(name.to_owned(), dynamic(name, function));
        self
    }

    /// Lets the agent be given scripts as methods, within what is granted here; by default it takes none.
    #[cfg(feature = "script")]
    pub fn scripts(mut self, scripts: crate::Scripts) -> Self {
        self.setup.scripts = Some(scripts);
        self
    }

    /// Runs it on a leash.
    pub(crate) async fn run_led(
        self,
        host: &Arc<Host>,
        leash: Leash,
    ) -> Result<Arc<Cell<A>>, RunError> {
        let Self { agent, name, mut setup, start, at, .. } = self;
        setup.sockets.at = at.transpose().map_err(NodeError::Address)?;
        (setup.leash, setup.is_revivable) = (Some(leash), true);
        host.run(name?, agent, setup, start).await
    }

    /// Runs it as another life of one that has failed: how it was set up stays.
    pub(crate) async fn revive(
        self,
        host: &Arc<Host>,
        cell: &Arc<Cell<A>>,
    ) -> Result<(), RunError> {
        host.revive(cell, self.agent, self.start).await
    }

    async fn run(self) -> Result<AgentRef<A>, RunError> {
        let Self { agent, name, mut setup, place, start, at } = self;
        setup.sockets.at = at.transpose().map_err(NodeError::Address)?;
        let name = name?;
        let name_server = match place {
            Place::Host(host) => {
                return Ok(AgentRef::new(host.run(name, agent, setup, start).await?, host));
            }
            Place::Default => default_name_server()?,
            Place::NameServer(at) => at.map_err(NodeError::Address)?,
        };
        let lease = node_of(name_server).await?;
        let host = lease.host();
        Ok(AgentRef::new(host.run(name, agent, setup, start).await?, host.clone()))
    }
}

impl<A: Agent> IntoFuture for RunAgent<A> {
    type Output = Result<AgentRef<A>, RunError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Runs it.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<A: 'static> fmt::Debug for RunAgent<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunAgent").field("name", &self.name).finish_non_exhaustive()
    }
}
