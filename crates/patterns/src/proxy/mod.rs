//! A device between two sockets that passes on what comes.

mod capture;
mod ends;
mod handle;
mod pump;
mod stats;

use std::fmt;
use std::sync::Arc;

use gleis_transport::TaskGuard;

pub use crate::proxy::capture::Capture;
use crate::proxy::ends::{Sink, Source};
pub use crate::proxy::handle::ProxyHandle;
use crate::proxy::handle::{Ends, Steering};
use crate::proxy::pump::Pump;
use crate::proxy::stats::Counts;
pub use crate::proxy::stats::{Passage, ProxyStats};
use crate::{Dealer, Multipart, Pull, Push, Router, XPub, XSub};

/// A device between two sockets that passes on what comes, frame by frame: nothing is decoded, so
/// whoever talks through it uses the codec of their own. [`start`](Self::start) sets it to work.
///
/// A message is taken from one side only when the other side can take it; until then it waits where it
/// is, and its sender in the end. What one peer sends to one peer keeps its order. The two
/// directions do not wait for each other.
///
/// Sockets are given as they are, or as [`Arc`]s to be used beside it: to bind them elsewhere too, or
/// to look at their events and stats. Let nobody else send or receive on them.
///
/// ```
/// use gleis_patterns::{Dealer, Multipart, Proxy, Replier, Requester, Router};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clients = Router::<Multipart>::bind("inproc://clients").await?;
/// let workers = Dealer::<Multipart>::bind("inproc://workers").await?;
/// let proxy = Proxy::queue(clients, workers).start();
///
/// let worker = Replier::<u32, u32>::connect("inproc://workers").await?;
/// let client = Requester::<u32, u32>::connect("inproc://clients").await?;
/// let work = async {
///     let (n, reply) = worker.recv().await?;
///     reply.send(n + 1).await?;
///     Ok::<_, Box<dyn std::error::Error>>(())
/// };
/// let (answer, worked) = tokio::join!(client.request(1), work);
/// worked?;
/// assert_eq!(answer?, 2);
/// assert_eq!(proxy.stop().await.backward.passed, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "a proxy does nothing until it is started"]
pub struct Proxy {
    capture: Option<Capture>,
    ways: Vec<(Source, Sink)>,
}

impl Proxy {
    /// Requests of clients to workers in turn, and their answers back.
    ///
    /// A request without a worker waits. An answer to a client that has left is dropped and counted; a
    /// client that does not take its answers for the
    /// [`send_timeout`](crate::Builder::send_timeout) of the router, 1 s by default, is disconnected.
    /// What a worker took and did not answer before it died is lost: requests have deadlines.
    pub fn queue(
        clients: impl Into<Arc<Router<Multipart>>>,
        workers: impl Into<Arc<Dealer<Multipart>>>,
    ) -> Self {
        let (clients, workers) = (clients.into(), workers.into());
        let there = (Source::Router(clients.clone()), Sink::Dealer(workers.clone()));
        let back = (Source::Dealer(workers), Sink::Router(clients));
        Self { capture: None, ways: vec![there, back] }
    }

    /// Messages of pushing peers to pulling peers, in turn.
    pub fn streamer(
        from: impl Into<Arc<Pull<Multipart>>>,
        to: impl Into<Arc<Push<Multipart>>>,
    ) -> Self {
        let there = (Source::Pull(from.into()), Sink::Push(to.into()));
        Self { capture: None, ways: vec![there] }
    }

    /// Publications to whoever subscribed to them, and subscriptions back, so that only what
    /// somebody wants is asked for; so are messages that subscribers send.
    ///
    /// What a subscriber has no room for is its loss, which is counted by `to`, unless that socket was
    /// given another [`Overflow`](crate::Overflow).
    ///
    /// What `from` missed, all subscribers of `to` are told as a
    /// [`Gap`](crate::RecvError::Gap) before their next message: so many did not come here, of which a
    /// subscriber may have wanted some, all or none.
    pub fn forwarder(
        from: impl Into<Arc<XSub<Multipart>>>,
        to: impl Into<Arc<XPub<Multipart>>>,
    ) -> Self {
        let (from, to) = (from.into(), to.into());
        let there = (Source::XSub(from.clone()), Sink::XPub(to.clone()));
        let back = (Source::XPub(to), Sink::XSub(from));
        Self { capture: None, ways: vec![there, back] }
    }

    /// Shows every message that passes, either way, to a [`Push`] or a
    /// [`Publisher`](crate::Publisher), which never holds up the traffic: see [`Capture`].
    pub fn capture(mut self, to: impl Into<Capture>) -> Self {
        self.capture = Some(to.into());
        self
    }

    /// Sets it to work, in tasks of its own.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(self) -> ProxyHandle {
        let counts = Arc::new(Counts::default());
        let capture = self.capture.map(Arc::new);
        let mut steering = Steering::new();
        let mut tasks = Vec::new();
        let (mut sources, mut sinks) = (Vec::new(), Vec::new());
        for (way, (source, sink)) in self.ways.into_iter().enumerate() {
            sources.push(source.clone());
            sinks.push(sink.core().clone());
            let reins = steering.reins();
            let pump = Pump::new(source, sink, way, capture.clone(), counts.clone());
            tasks.push(TaskGuard::spawn(pump.run(reins)));
        }
        ProxyHandle::new(capture, counts, Ends { sinks, sources }, steering, tasks)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("ways", &self.ways).finish_non_exhaustive()
    }
}
