//! Nodes: the agents of one process that share a name server and a control listener.

mod build;
mod children;
mod control;
mod host;
mod perform;
mod reading;
mod registry;
mod service;
mod table;
mod thread;
mod values;
mod want;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Endpoint, EndpointError, Name};

pub use self::build::ConnectNode;
#[cfg(feature = "script")]
pub(crate) use self::values::{bare, read};
pub(crate) use self::{
    control::{ControlReply, ControlRequest, Part, Told, codec},
    host::{Host, Lease},
    perform::perform,
    registry::{
        default_name_server, forget_default, node_at, node_closed, node_of, remember_default,
    },
    service::{stop, unknown_alias},
    want::{Binding, Connecting, HandlerName, Reading, Timing, Want, weight},
};
use crate::{Agent, DeadLetters, RunAgent};

/// A place where agents run: they share one connection to a name server and one listener for
/// calls from other processes.
///
/// [`run_agent`](crate::run_agent) finds or makes the node of this program by itself; make one
/// for several in a program, or to own its agents: dropping it ends them at once.
#[must_use = "dropping it ends its agents"]
pub struct Node {
    pub(crate) host: Arc<Host>,
}

impl Node {
    /// A node of the name server at `at`; `.await` connects it.
    pub fn connect(at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> ConnectNode {
        ConnectNode::new(at.try_into().map_err(Into::into))
    }

    /// A node without a name server: its agents can be called within this program only.
    pub fn local() -> Self {
        Self { host: Host::local() }
    }

    /// Runs an agent here; `.await` starts it.
    pub fn run_agent<A: Agent>(&self, name: impl AsRef<str>, agent: A) -> RunAgent<A> {
        RunAgent::new(name.as_ref(), agent).on(self.host.clone())
    }

    /// Where other processes call its agents.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.host.control()
    }

    /// Which name server it belongs to.
    pub fn name_server(&self) -> Option<&Endpoint> {
        self.host.name_server()
    }

    /// Who runs here.
    pub fn agents(&self) -> Vec<Name> {
        self.host.names()
    }

    /// Reads what its agents were to do and will not.
    ///
    /// ```
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
    /// let node = Node::local();
    /// let mut letters = node.dead_letters();
    /// let bob = node.run_agent("Bob", Bob).await?;
    /// bob.context().stop();
    /// bob.oneway().hello().await?;
    /// let letter = letters.recv().await.ok_or("the node has gone")?;
    /// assert_eq!(letter.to_string(), "hello for `Bob`: the agent has stopped");
    /// # Ok(())
    /// # }
    /// ```
    pub fn dead_letters(&self) -> DeadLetters {
        self.host.letters().read()
    }

    /// Shuts down all agents, those that do not come to an end within `grace` by force, and
    /// closes the listener. Returns the names of those that had to be forced.
    ///
    /// # Cancel safety
    /// Dropping the future ends everything at once.
    pub async fn shutdown(self, grace: Duration) -> Vec<Name> {
        let forced = self.host.shutdown(grace).await;
        self.host.closed().await;
        forced
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Its agents are its own.
        self.host.abort();
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name_server", &self.name_server())
            .field("endpoint", &self.endpoint())
            .field("agents", &self.agents())
            .finish_non_exhaustive()
    }
}
