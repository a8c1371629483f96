//! A node anywhere: what its agents have logged, and what they did not handle.

use std::fmt;
use std::time::Duration;

use gleis_core::{Endpoint, Name};

use super::Proxy;
use crate::{
    CallError, DeadLetter, LogLevel, LogLine,
    node::{Part, Reading, Told, Want},
};

/// How long the node may wait for something to tell, twice.
const WAIT: Duration = Duration::from_secs(20);

/// A node in any process, to be read: nothing there is changed by that, and whoever reads may go without a word.
#[derive(Clone, Debug)]
pub struct NodeProxy(Proxy);

/// Reads what a node keeps, page by page, from the oldest it has.
///
/// It takes nothing from other readers, and a node of which 100 read already refuses more. Where it is in its reading
/// is known here alone: after an error it goes on where it was.
pub struct Tail<T> {
    proxy: Proxy,
    least: LogLevel,
    reading: Reading,
    n_missed: u64,
    is_over: bool,
    want: fn(Reading, LogLevel) -> Want,
    read: fn(Told) -> Result<Part<T>, Told>,
}

impl Proxy {
    /// The node at which the agent is called.
    pub fn node(&self) -> NodeProxy {
        NodeProxy(self.clone())
    }
}

impl NodeProxy {
    /// Where its agents are called.
    pub fn endpoint(&self) -> &Endpoint {
        self.0.requester.endpoint()
    }

    /// The same node, with another deadline for answers; 10 s by default.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// Reads what its agents have logged, with a [logger](crate::Context::set_logger) or without, which stays as it
    /// is: the last 10,000 lines, of 4 MiB together. Lines of more than 16 KiB are cut.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gleis_agent::*;
    /// # struct Bob;
    /// # #[agent]
    /// # impl Bob {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// let ns = run_nameserver().await?;
    /// let bob = run_agent("Bob", Bob).await?;
    /// let mut log = ns.proxy("Bob").await?.node().log().least(LogLevel::Warning);
    /// bob.context().log_info("all is well");
    /// bob.context().log_error("something is wrong");
    /// assert_eq!(log.read().await?[0].text, "something is wrong");
    /// # Ok(ns.shutdown(Duration::from_secs(10)).await?)
    /// # }
    /// ```
    pub fn log(&self) -> Tail<LogLine> {
        let want = |reading, least| Want::Log { reading, least };
        let read = |told| match told {
            Told::Log(part) => Ok(part),
            told => Err(told),
        };
        self.tail(want, read)
    }

    /// Reads its [dead letters](crate::Node::dead_letters), the last 1,000.
    pub fn dead_letters(&self) -> Tail<DeadLetter> {
        let read = |told| match told {
            Told::Letters(part) => Ok(part),
            told => Err(told),
        };
        self.tail(|reading, _| Want::Letters(reading), read)
    }

    fn tail<T>(
        &self,
        want: fn(Reading, LogLevel) -> Want,
        read: fn(Told) -> Result<Part<T>, Told>,
    ) -> Tail<T> {
        let reading = Reading { agent: None, next: 0, node: None, waits: false };
        let (proxy, least) = (self.0.clone(), LogLevel::Debug);
        Tail { proxy, least, reading, n_missed: 0, is_over: false, want, read }
    }
}

impl<T> Tail<T> {
    /// Reads only what concerns the agent of this name.
    #[must_use]
    pub fn of(mut self, agent: Name) -> Self {
        self.reading.agent = Some(agent);
        self
    }

    /// The next page of what is there; empty if there is no more now.
    ///
    /// # Errors
    /// [`CallError`]: the node cannot be reached, too many read it, or its program has an earlier version.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn read(&mut self) -> Result<Vec<T>, CallError> {
        let proxy = self.proxy.clone();
        self.ask(&proxy, false).await
    }

    /// Waits for the next page; `None` when the node has ended and all was read. Whoever waits again waits for another
    /// node in its place.
    ///
    /// # Errors
    /// [`CallError`]: the node cannot be reached, too many read it, or its program has an earlier version.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn wait(&mut self) -> Result<Option<Vec<T>>, CallError> {
        // It answers after half of the time at the latest.
        let patient = self.proxy.within(2 * WAIT);
        while !std::mem::take(&mut self.is_over) {
            let page = self.ask(&patient, true).await?;
            if !page.is_empty() {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// How many things had to make room for later ones before they were read here, whomever they concern.
    pub fn missed(&self) -> u64 {
        self.n_missed
    }

    async fn ask(&mut self, proxy: &Proxy, waits: bool) -> Result<Vec<T>, CallError> {
        let want = (self.want)(Reading { waits, ..self.reading.clone() }, self.least);
        let Part { page, node, is_last } = proxy.told(want, self.read).await?;
        self.n_missed += page.missed;
        self.is_over = is_last;
        self.reading.next = page.next;
        self.reading.node = Some(node);
        Ok(page.items)
    }
}

impl Tail<LogLine> {
    /// Reads no lines that are less grave.
    #[must_use]
    pub fn least(mut self, level: LogLevel) -> Self {
        self.least = level;
        self
    }
}

impl<T> fmt::Debug for Tail<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reading { next, .. } = self.reading;
        f.debug_struct("Tail").field("next", &next).field("missed", &self.n_missed).finish()
    }
}
