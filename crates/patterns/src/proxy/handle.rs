//! Steering a proxy.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use gleis_transport::TaskGuard;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::core::Core;
use crate::moment;
use crate::proxy::capture::Capture;
use crate::proxy::ends::Source;
use crate::proxy::stats::{Counts, ProxyStats};

/// A proxy at work. Dropping it ends the proxy at once, and closes the sockets that nobody else
/// holds; [`stop`](Self::stop) ends it without loss. May be used from several tasks.
#[must_use = "dropping it ends the proxy"]
pub struct ProxyHandle {
    capture: Option<Arc<Capture>>,
    counts: Arc<Counts>,
    ends: Ends,
    steering: Steering,
    _tasks: Vec<TaskGuard>,
}

impl ProxyHandle {
    pub(super) fn new(
        capture: Option<Arc<Capture>>,
        counts: Arc<Counts>,
        ends: Ends,
        steering: Steering,
        tasks: Vec<TaskGuard>,
    ) -> Self {
        Self { capture, counts, ends, steering, _tasks: tasks }
    }

    /// Holds the traffic in both directions: when this is done, nothing is taken and nothing passed
    /// on until [`resume`](Self::resume). Peers may send until queues are full.
    ///
    /// # Cancel safety
    /// It pauses in any case.
    pub async fn pause(&self) {
        self.steering.tell(Wish::Pause);
        self.steering.wait(|it| it != Phase::Running, |it| matches!(it, Wish::Pause)).await;
    }

    /// Lets the traffic go on after [`pause`](Self::pause).
    ///
    /// # Cancel safety
    /// It goes on in any case.
    pub async fn resume(&self) {
        self.steering.tell(Wish::Run);
        self.steering.wait(|it| it != Phase::Resting, |it| matches!(it, Wish::Run)).await;
    }

    /// Ends the proxy without loss: passes on what its sockets have received so far, then closes them
    /// and waits until what they hold has left, for each of the two steps up to the longest
    /// [linger](crate::Builder::linger) of its sockets. What there was no time for is dropped and counted
    /// by the socket that received it. Returns what it did in all.
    ///
    /// # Cancel safety
    /// It stops in any case; call it again to wait for the end.
    pub async fn stop(&self) -> ProxyStats {
        self.steering.tell(Wish::Stop(moment::after(self.ends.linger())));
        self.steering.wait(|it| it == Phase::Ended, |_| true).await;
        self.ends.close().await;
        if let Some(capture) = &self.capture {
            capture.close().await;
        }
        self.stats()
    }

    /// What it has done so far.
    pub fn stats(&self) -> ProxyStats {
        self.counts.stats()
    }

    /// False once it was stopped, or one of its sockets was closed.
    pub fn is_running(&self) -> bool {
        !self.steering.phases.iter().any(|it| *it.borrow() == Phase::Ended)
    }
}

impl fmt::Debug for ProxyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyHandle").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// The sockets of a proxy, some of them on either side.
pub(super) struct Ends {
    pub(super) sinks: Vec<Arc<Core>>,
    pub(super) sources: Vec<Source>,
}

impl Ends {
    /// The longest of all.
    fn linger(&self) -> Duration {
        let cores = self.sources.iter().map(Source::core).chain(&self.sinks);
        cores.map(|it| it.settings().options.linger).max().unwrap_or(Duration::ZERO)
    }

    async fn close(&self) {
        let taking = join_all(self.sources.iter().map(Source::close));
        join(taking, join_all(self.sinks.iter().map(|it| it.close()))).await;
    }
}

/// What a proxy is to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    Pause,
    Run,
    /// Until this moment there is time to drain.
    Stop(Instant),
}

/// What one direction does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Ended,
    Resting,
    Running,
}

/// The side of the wishes that gives them.
pub(super) struct Steering {
    phases: Vec<watch::Receiver<Phase>>,
    wish: watch::Sender<Wish>,
}

/// The side that follows them.
pub(super) struct Reins {
    phase: watch::Sender<Phase>,
    wish: watch::Receiver<Wish>,
}

impl Steering {
    pub(super) fn new() -> Self {
        Self { phases: Vec::new(), wish: watch::Sender::new(Wish::Run) }
    }

    /// For one more direction.
    pub(super) fn reins(&mut self) -> Reins {
        let phase = watch::Sender::new(Phase::Running);
        self.phases.push(phase.subscribe());
        Reins { phase, wish: self.wish.subscribe() }
    }

    /// After a wish to stop there is no other.
    fn tell(&self, new: Wish) {
        self.wish.send_if_modified(|wish| {
            let is_final = matches!(wish, Wish::Stop(_));
            if !is_final {
                *wish = new;
            }
            !is_final
        });
    }

    /// Waits until all directions are where they should be, or somebody else wishes otherwise.
    async fn wait(&self, there: impl Fn(Phase) -> bool, still: impl Fn(&Wish) -> bool) {
        let mut wish = self.wish.subscribe();
        let mut phases = self.phases.clone();
        let arrived = async {
            for phase in &mut phases {
                // Whoever has gone without a word need not be waited for.
                let _ = phase.wait_for(|it| there(*it)).await;
            }
        };
        tokio::select! {
            biased;
            () = arrived => (),
            _ = wish.wait_for(|it| !still(it)) => (),
        }
    }
}

impl Reins {
    pub(super) fn wish(&mut self) -> Wish {
        *self.wish.borrow_and_update()
    }

    /// Waits for another wish; false if nobody can have one.
    pub(super) async fn changed(&mut self) -> bool {
        self.wish.changed().await.is_ok()
    }

    pub(super) fn tell(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }
}
