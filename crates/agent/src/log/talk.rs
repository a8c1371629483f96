//! Logging as an agent does it.

use std::time::Duration;

use gleis_codec::{AnyCodec, Limits};
use tokio::time::timeout;

use super::{LogLevel, LogLine};
use crate::{Addr, Agent, Context, Fault, Kind, LoggerError, socket::Socket};

/// What the socket to the logger is called.
const ALIAS: &str = "_logger";

impl<A: Agent> Context<A> {
    /// Logs a line: to `tracing`, and to the [logger](Self::set_logger) if there is one. Lines that were logged
    /// before there was one, or after its socket was closed, are kept, the last 1,000, and go to the next one
    /// first; the node keeps its last lines besides, for whoever [reads](crate::NodeProxy::log) them. Faults of the agent are logged as errors, messages that it cannot read as warnings.
    pub fn log(&self, level: LogLevel, text: impl Into<String>) {
        let (agent, text) = (self.name(), text.into());
        match level {
            LogLevel::Debug => tracing::debug!(target: "gleis::log", %agent, "{text}"),
            LogLevel::Info => tracing::info!(target: "gleis::log", %agent, "{text}"),
            LogLevel::Warning => tracing::warn!(target: "gleis::log", %agent, "{text}"),
            LogLevel::Error => tracing::error!(target: "gleis::log", %agent, "{text}"),
        }
        self.note(level, text);
    }

    /// Has a line that `tracing` has go to the logger, too.
    fn note(&self, level: LogLevel, text: String) {
        let line = LogLine::now(self.name().as_str(), level, text);
        if let Some(host) = self.cell.host.upgrade() {
            host.lines().put(&line);
        }
        if let Some((alias, line)) = self.cell.book.route(line) {
            self.tell_logger(&alias, line);
        }
    }

    /// Logs that a message could not be handled.
    pub(crate) fn log_dropped(&self, alias: &str, error: &str) {
        tracing::warn!(target: "gleis::agent", agent = %self.name(), alias, error, "a message was dropped");
        self.note(LogLevel::Warning, format!("a message from `{alias}` was dropped: {error}"));
    }

    /// Logs that something of the agent failed.
    pub(crate) fn log_fault(&self, what: &str, fault: &Fault) {
        tracing::error!(target: "gleis::agent", agent = %self.name(), %fault, "{what}");
        self.note(LogLevel::Error, format!("{what}: {fault}"));
    }

    /// Logs a line for whoever looks for what is wrong.
    pub fn log_debug(&self, text: impl Into<String>) {
        self.log(LogLevel::Debug, text);
    }

    /// Logs what happens.
    pub fn log_info(&self, text: impl Into<String>) {
        self.log(LogLevel::Info, text);
    }

    /// Logs what should not happen often.
    pub fn log_warning(&self, text: impl Into<String>) {
        self.log(LogLevel::Warning, text);
    }

    /// Logs what went wrong.
    pub fn log_error(&self, text: impl Into<String>) {
        self.log(LogLevel::Error, text);
    }

    /// Has lines go to the logger at this address, also those that were kept until now; it replaces another
    /// one. Waits until it listens.
    ///
    /// # Errors
    /// [`LoggerError`]: that is no address of a logger, or nobody listens there within `patience`.
    pub async fn set_logger(&self, to: Addr, patience: Duration) -> Result<(), LoggerError> {
        if to.kind != Kind::Sub {
            return Err(LoggerError::Kind { kind: to.kind });
        }
        if let Some(alias) = self.cell.book.disconnected() {
            // It may have been closed by hand.
            let _ = self.close(&alias).await;
        }
        self.connect_to(to).alias(ALIAS).codec(AnyCodec::Msgpack).await?;
        let open = self.cell.sockets.find(ALIAS)?;
        let Socket::Pub(socket) = &*open.socket else {
            return Err(LoggerError::Kind { kind: open.addr.kind });
        };
        let listens = socket.wait_for_subscribers(1);
        if timeout(patience, listens).await.is_err() {
            let _ = self.close(ALIAS).await;
            return Err(LoggerError::Late { patience });
        }
        let (kept, n_lost) = self.cell.book.connected(ALIAS.to_owned());
        if 0 < n_lost {
            let text = format!("{n_lost} lines were lost before there was a logger");
            let line = LogLine::now(self.name().as_str(), LogLevel::Warning, text);
            self.tell_logger(ALIAS, line);
        }
        for line in kept {
            self.tell_logger(ALIAS, line);
            // A thousand lines at once are more than there may be room for.
            tokio::task::coop::consume_budget().await;
        }
        Ok(())
    }

    fn tell_logger(&self, alias: &str, line: LogLine) {
        let Ok(open) = self.cell.sockets.find(alias) else {
            // It was closed, with all the others perhaps.
            return self.cell.book.keep(line);
        };
        let body = AnyCodec::Msgpack.encode(&line, &Limits::default());
        let told = body.ok().and_then(|body| match &*open.socket {
            Socket::Pub(it) => it.try_publish(line.level.as_str(), body).ok(),
            _ => None,
        });
        if told.is_none() {
            self.cell.book.lost();
        }
    }
}
