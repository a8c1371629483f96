//! The books of a scenario, and how they must agree.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use gleis_patterns::{Flow, Stats};

/// How long anything may take once the weather is clear.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// More than the queues and the system's buffers hold of one sender.
const WINDOW: usize = 100_000;

/// What a scenario tells when nothing was found.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) name: &'static str,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) dropped: u64,
    /// Handed to the system before a link was cut, and never seen again.
    pub(crate) lost_with_links: u64,
    pub(crate) restarts: u64,
}

impl Summary {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name, "sent": self.sent, "received": self.received,
            "dropped": self.dropped, "lost_with_links": self.lost_with_links,
            "restarts": self.restarts,
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, sent, received, dropped, lost_with_links, restarts } = self;
        write!(
            f,
            "{name:<10} sent {sent:>9}  received {received:>9}  dropped {dropped:>8}  \
             lost with links {lost_with_links:>6}  restarts {restarts:>4}"
        )
    }
}

/// One direction of many sockets, summed up.
#[derive(Debug, Default)]
pub(crate) struct Total {
    /// Of what was dropped: what was under way when its link ended, and may have arrived.
    pub(crate) closed: u64,
    pub(crate) delivered: u64,
    pub(crate) dropped: u64,
    pub(crate) offered: u64,
}

impl Total {
    /// Enters a direction of a socket that is at rest.
    pub(crate) fn enter(&mut self, what: &str, flow: &Flow) -> Result<(), String> {
        if !flow.is_balanced() {
            return Err(format!("the books of {what} do not balance: {flow:?}"));
        }
        if 0 < flow.queued + flow.in_flight {
            return Err(format!("{what} is at rest and holds messages: {flow:?}"));
        }
        self.closed += flow.dropped.closed;
        self.delivered += flow.delivered;
        self.dropped += flow.dropped.total();
        self.offered += flow.offered;
        Ok(())
    }

    /// What arrived elsewhere cannot be more than what left here.
    pub(crate) fn lost_before(&self, n_arrived: u64) -> Result<u64, String> {
        let left = self.delivered + self.closed;
        if left < n_arrived {
            return Err(format!("{left} left and {n_arrived} arrived: {self:?}"));
        }
        Ok(self.delivered.saturating_sub(n_arrived))
    }
}

/// The numbers that came of one sender, as far back as one may be late: what an old connection
/// brought may be read after what the new one did.
#[derive(Default)]
pub(crate) struct Seen {
    floor: u64,
    recent: BTreeSet<u64>,
}

impl Seen {
    pub(crate) fn is_new(&mut self, number: u64) -> bool {
        let is_new = self.floor < number && self.recent.insert(number);
        while WINDOW < self.recent.len() {
            self.floor = self.recent.pop_first().unwrap_or(self.floor);
        }
        is_new
    }
}

/// Each peer's books must balance while everything moves, too, once read at rest.
pub(crate) fn check_peers(what: &str, stats: &Stats) -> Result<(), String> {
    let odd = stats.peers.iter().find(|it| !it.sent.is_balanced() || !it.received.is_balanced());
    odd.map_or(Ok(()), |it| Err(format!("the books of {what} with a peer do not balance: {it:?}")))
}

/// Waits until `holds`; the text of what did not come otherwise.
pub(crate) async fn comes(what: &str, mut holds: impl FnMut() -> bool) -> Result<(), String> {
    let start = Instant::now();
    while !holds() {
        if PATIENCE < start.elapsed() {
            return Err(format!("not within {PATIENCE:?}: {what}"));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// The result of `work`, which must not take for ever.
pub(crate) async fn ends<T>(what: &str, work: impl Future<Output = T>) -> Result<T, String> {
    let res = tokio::time::timeout(PATIENCE, work).await;
    res.map_err(|_| format!("not within {PATIENCE:?}: {what}"))
}

/// Any error as the text of a finding.
pub(crate) fn text(what: &'static str) -> impl Fn(&dyn std::error::Error) -> String {
    move |error| {
        let source = error.source().map(|it| format!(": {it}")).unwrap_or_default();
        format!("{what}: {error}{source}")
    }
}

/// Both results, or all that went wrong: one fault is often the reason of the other.
pub(crate) fn both<A, B>(a: Result<A, String>, b: Result<B, String>) -> Result<(A, B), String> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(format!("{a}; {b}")),
        (Err(finding), _) | (_, Err(finding)) => Err(finding),
    }
}
