//! Starting a process for an agent.

use std::fmt;
use std::future::IntoFuture;
use std::process::Stdio;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_codec::{AnyCodec, Limits};
use gleis_core::{Endpoint, EndpointError, Name};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::AsyncWriteExt,
    process::Command,
    time::{Instant, sleep, timeout},
};

use super::{
    ProcessHandle,
    folder::Folder,
    handle::Watched,
    spec::{FLAG, Settings, Spec},
};
use crate::{
    Agent, AttributeError, ErrorPolicy, NameServerProxy, NodeError, Proxy, RunError,
    dynamic::initial,
    node::{default_name_server, node_of},
};

/// How long a process may take to register its agent.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long whoever has the name is asked at a time whether it is the new process: it may be one that was killed.
const ANSWER: Duration = Duration::from_millis(500);

/// How often the name server is asked whether it has.
const PACE: Duration = Duration::from_millis(5);

/// Runs an agent in a process of its own: this program is started again, with the agent alone; `.await` gives a
/// handle once it runs.
///
/// The type must be among those of [`processes!`](macro@crate::processes), which `main` calls before anything
/// else, and travels as serde writes it; its sockets and timers are its own. The process ends when the agent
/// does, and when this program is gone, however it ended.
///
/// ```no_run
/// use gleis_agent::{Result, agent, processes, run_agent_process, run_nameserver};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
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
/// #[tokio::main]
/// async fn main() -> Result {
///     processes![Counter];
///     let ns = run_nameserver().await?;
///     let counter = run_agent_process("counter", Counter(40)).await?;
///     assert_eq!(counter.proxy().call::<u64>("add", (2,)).await?, 42);
///     Ok(ns.shutdown(std::time::Duration::from_secs(10)).await?)
/// }
/// ```
///
/// # Errors
/// [`RunError::Process`]: the process did not start, or says why its agent did not.
///
/// # Cancel safety
/// When the future is dropped, the process ends.
pub fn run_agent_process<A>(name: impl AsRef<str>, agent: A) -> RunAgentProcess<A>
where
    A: Agent + Serialize + DeserializeOwned,
{
    let name = name.as_ref().to_owned();
    let (listen, settings) = (None, Ok(Settings::default()));
    RunAgentProcess { agent, is_detached: false, listen, name, name_server: None, settings }
}

/// An agent about to run in a process of its own: choose, then `.await`.
#[must_use = "it runs when it is awaited"]
pub struct RunAgentProcess<A> {
    agent: A,
    is_detached: bool,
    listen: Option<Result<Endpoint, EndpointError>>,
    name: String,
    name_server: Option<Result<Endpoint, EndpointError>>,
    settings: Result<Settings, Refused>,
}

/// Why it cannot be run so.
enum Refused {
    Address(EndpointError),
    Attribute(AttributeError),
}

impl<A: Agent + Serialize + DeserializeOwned> RunAgentProcess<A> {
    /// Registers with the name server at `at`, whichever is the default.
    pub fn nameserver(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.name_server = Some(at.try_into().map_err(Into::into));
        self
    }

    /// Lets the process go on when this program is gone; a shutdown of the name server ends it nevertheless.
    /// Nobody tidies up after it then if it is killed: its ipc files stay until somebody listens there.
    pub fn detached(mut self) -> Self {
        self.is_detached = true;
        self
    }

    /// Where the agent is called; `tcp://127.0.0.1:0` by default: this machine, any free port. This program
    /// must reach it there, too.
    pub fn listen(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.listen = Some(at.try_into().map_err(Into::into));
        self
    }

    /// See [`RunAgent::at`](crate::RunAgent::at).
    pub fn at(self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        let at = at.try_into().map_err(|it| Refused::Address(it.into()));
        self.set(|it| at.map(|at| it.at = Some(at)))
    }

    /// See [`RunAgent::attribute`](crate::RunAgent::attribute).
    pub fn attribute(self, name: &str, value: impl Serialize) -> Self {
        let value = initial(name, value).map_err(Refused::Attribute);
        self.set(|it| value.map(|value| it.attributes.push((name.to_owned(), value))))
    }

    /// See [`RunAgent::codec`](crate::RunAgent::codec); a built-in one.
    pub fn codec(self, codec: &AnyCodec) -> Self {
        let name = codec.name().to_owned();
        self.set(|it| {
            it.codec = Some(name);
            Ok(())
        })
    }

    /// See [`RunAgent::mailbox`](crate::RunAgent::mailbox).
    pub fn mailbox(self, capacity: usize) -> Self {
        self.set(|it| {
            it.mailbox = Some(capacity);
            Ok(())
        })
    }

    /// See [`RunAgent::on_error`](crate::RunAgent::on_error).
    pub fn on_error(self, policy: ErrorPolicy) -> Self {
        self.set(|it| {
            it.policy = Some(policy);
            Ok(())
        })
    }

    /// See [`RunAgent::stuck_after`](crate::RunAgent::stuck_after).
    pub fn stuck_after(self, time: Duration) -> Self {
        self.set(|it| {
            it.stuck_after = Some(time);
            Ok(())
        })
    }

    /// Changes how the agent is run, unless something was wrong before.
    fn set(mut self, change: impl FnOnce(&mut Settings) -> Result<(), Refused>) -> Self {
        self.settings = self.settings.and_then(|mut it| change(&mut it).map(|()| it));
        self
    }

    async fn run(self) -> Result<ProcessHandle, RunError> {
        let Self { agent, is_detached, listen, name, name_server, settings } = self;
        let name = match name.is_empty() {
            true => Name::random(),
            false => Name::new(&name).map_err(|source| RunError::Name { text: name, source })?,
        };
        let name_server = match name_server {
            Some(at) => at.map_err(NodeError::Address)?,
            None => default_name_server()?,
        };
        let listen = listen.transpose().map_err(NodeError::Address)?;
        let settings = settings.map_err(|it| match it {
            Refused::Address(it) => RunError::Node(NodeError::Address(it)),
            Refused::Attribute(source) => RunError::Attribute { name: name.clone(), source },
        })?;
        let failed = |reason: String| RunError::Process { name: name.clone(), reason };
        let state = AnyCodec::Msgpack.encode(&agent, &Limits::default());
        let state = state.map_err(|it| failed(it.to_string()))?.to_vec();
        let folder = Folder::new().map_err(|it| failed(it.to_string()))?;
        let kind = std::any::type_name::<A>().to_owned();
        let spec = Spec {
            kind,
            name: name.clone(),
            name_server: name_server.clone(),
            state,
            folder: folder.0.clone(),
            is_detached,
            listen,
            settings,
        };
        let lease = node_of(name_server.clone()).await?;
        let ns = NameServerProxy::connect(name_server).await;
        let ns = ns.map_err(|it| RunError::Node(NodeError::NameServer(Box::new(it))))?;
        let mut watched = start(&spec, folder).await.map_err(|it| failed(it.to_string()))?;
        match timeout(PATIENCE, registered(&ns, &name, &mut watched)).await {
            Ok(Ok(proxy)) => Ok(ProcessHandle::new(proxy, watched, lease)),
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_) => Err(failed(format!("it has not registered within {PATIENCE:?}"))),
        }
    }
}

/// Starts this program again and tells it what to run.
async fn start(spec: &Spec, folder: Folder) -> std::io::Result<Watched> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(FLAG).stdin(Stdio::piped());
    // Ctrl-C is for the parent, which ends it in order.
    command.process_group(0).kill_on_drop(!spec.is_detached);
    let mut watched = Watched::new(command.spawn()?, folder);
    if let Some(stdin) = &mut watched.child.stdin {
        let spec = spec.encode()?;
        let tell = async {
            stdin.write_all(&spec).await?;
            stdin.flush().await
        };
        // One that has ended meanwhile says why, to whoever waits for it next.
        let _ = timeout(PATIENCE, tell).await?;
    }
    Ok(watched)
}

/// Waits until the agent of this process is registered, or the process has ended.
async fn registered(
    ns: &NameServerProxy,
    name: &Name,
    watched: &mut Watched,
) -> Result<Proxy, String> {
    let begun = Instant::now();
    loop {
        if let Some(status) = watched.ended().map_err(|it| it.to_string())? {
            let said = watched.folder.error();
            return Err(said.unwrap_or_else(|| format!("its process ended: {status}")));
        }
        // Another agent may have the name: then this process says so and ends.
        if let Ok(proxy) = ns.proxy(name.as_str()).await
            && proxy.within(ANSWER).pid().await.ok() == watched.child.id()
        {
            return Ok(proxy);
        }
        // Not synchronisation: only keeps the asking from burning a core.
        sleep(PACE.max(begun.elapsed() / 50)).await;
    }
}

impl<A: Agent + Serialize + DeserializeOwned> IntoFuture for RunAgentProcess<A> {
    type Output = Result<ProcessHandle, RunError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<A> fmt::Debug for RunAgentProcess<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunAgentProcess").field("name", &self.name).finish_non_exhaustive()
    }
}
