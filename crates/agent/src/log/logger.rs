//! The agent that collects what others log.

use std::collections::VecDeque;
use std::fmt;
use std::future::IntoFuture;
use std::path::PathBuf;

use futures::future::BoxFuture;
use gleis_codec::AnyCodec;
use gleis_core::{Endpoint, EndpointError};

use super::{LogLevel, LogLine, file::Rolling};
use crate::{AgentRef, Context, Kind, Result, RunError, agent, run_agent};

/// So many lines are remembered.
const REMEMBERED: usize = 10_000;

/// The socket of a logger.
const ALIAS: &str = "logs";

/// Collects what other agents log: they publish it to its socket `logs`, see [`Context::set_logger`].
pub struct Logger {
    at: Option<Endpoint>,
    file: Option<Rolling>,
    least: LogLevel,
    lines: VecDeque<LogLine>,
}

/// A logger as it is to be run: choose, then `.await`.
#[must_use = "it runs when it is awaited"]
#[derive(Debug)]
pub struct RunLogger {
    at: Option<std::result::Result<Endpoint, EndpointError>>,
    file: Option<(PathBuf, u64, usize)>,
    least: LogLevel,
    name: String,
}

/// Runs a logger; `.await` gives its reference, and its `addr("logs")` is where others log.
///
/// ```
/// use std::time::Duration;
///
/// use gleis_agent::{LoggerCalls, Result, agent, run_agent, run_logger, run_nameserver};
///
/// struct Bob;
///
/// #[agent]
/// impl Bob {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let ns = run_nameserver().await?;
/// let logger = run_logger("logger").await?;
/// let bob = run_agent("Bob", Bob).await?;
/// bob.context().log_info("his first words");
/// bob.context().set_logger(logger.addr("logs").await?, Duration::from_secs(5)).await?;
/// while logger.history().await?.is_empty() {}
/// assert_eq!(logger.history().await?[0].text, "his first words");
/// # Ok(ns.shutdown(Duration::from_secs(10)).await?)
/// # }
/// ```
pub fn run_logger(name: impl Into<String>) -> RunLogger {
    RunLogger { at: None, file: None, least: LogLevel::Debug, name: name.into() }
}

impl RunLogger {
    /// Where it listens; `tcp://127.0.0.1:0` by default: this machine, any free port.
    pub fn at(mut self, at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> Self {
        self.at = Some(at.try_into().map_err(Into::into));
        self
    }

    /// Takes no lines that are less grave.
    pub fn least(mut self, level: LogLevel) -> Self {
        self.least = level;
        self
    }

    /// Writes the lines to a file, too. It is begun anew before it would be longer than `longest` bytes; of old
    /// ones `kept` are kept, as `name.1` and so on.
    pub fn file(mut self, path: impl Into<PathBuf>, longest: u64, kept: usize) -> Self {
        self.file = Some((path.into(), longest, kept));
        self
    }

    async fn run(self) -> Result<AgentRef<Logger>, RunError> {
        let Self { at, file, least, name } = self;
        let refused = |reason: String| RunError::Logger { name: name.clone(), reason };
        let at = at.transpose().map_err(|it| refused(it.to_string()))?;
        let file =
            file.map(|(path, longest, kept)| Rolling::open(&path, longest, kept)).transpose();
        let file = file.map_err(|it| refused(it.to_string()))?;
        run_agent(&name, Logger { at, file, least, lines: VecDeque::new() }).await
    }
}

impl IntoFuture for RunLogger {
    type Output = Result<AgentRef<Logger>, RunError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// Runs it.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

#[agent]
impl Logger {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        let mut bind = cx.bind(Kind::Sub, ALIAS).codec(AnyCodec::Msgpack);
        if let Some(at) = self.at.take() {
            bind = bind.at(at);
        }
        // One subscription, so that whoever knows of it knows all.
        bind.handler(Self::take).await?;
        Ok(())
    }

    /// All lines that it remembers, the oldest first.
    #[method]
    pub fn history(&mut self) -> Vec<LogLine> {
        self.lines.iter().cloned().collect()
    }

    /// The lines of one agent or of one level that it remembers; of all, where nothing is said.
    #[method]
    pub fn find(&mut self, agent: Option<String>, level: Option<LogLevel>) -> Vec<LogLine> {
        let agent = agent.unwrap_or_default();
        let is_meant = |it: &&LogLine| {
            (agent.is_empty() || it.agent == agent) && level.is_none_or(|level| it.level == level)
        };
        self.lines.iter().filter(is_meant).cloned().collect()
    }

    /// How many lines it remembers.
    #[method]
    pub fn count(&mut self) -> usize {
        self.lines.len()
    }

    async fn take(&mut self, _: &Context<Self>, line: LogLine) {
        if line.level < self.least {
            return;
        }
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(&line.to_string())
        {
            tracing::error!(target: "gleis::log", %error, "a line is not in the file");
        }
        if REMEMBERED <= self.lines.len() {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("n_lines", &self.lines.len()).finish_non_exhaustive()
    }
}
