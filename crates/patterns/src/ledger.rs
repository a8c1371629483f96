//! The books of a socket: what was offered, delivered and dropped, for each peer and why.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use gleis_transport::Tally;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::event::{Event, Teller};
use crate::peer::Link;
use crate::stats::{DropReason, Dropped, Flow, PeerStats, Stats};

/// How often drops of one kind are told: the first at once, then at most one event in this time.
const TELL_EVERY: Duration = Duration::from_secs(1);

const REASONS: usize = DropReason::ALL.len();

/// Which way a message went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Received,
    Sent,
}

/// The books of a socket. What belongs to no peer is counted here, the rest with each peer.
pub(crate) struct Ledger {
    accounts: Mutex<Accounts>,
    /// Messages that no peer was to get.
    general: Drops,
    teller: Arc<Teller>,
}

#[derive(Default)]
struct Accounts {
    last: u64,
    /// The books that are open, and what they are about.
    open: BTreeMap<u64, (Arc<Books>, Weak<Link>)>,
    /// What peers that are gone for good have left.
    received: Flow,
    sent: Flow,
}

/// Keeps the books of one peer; when nobody can change them any more they are closed, and entered in
/// those of its socket.
pub(crate) struct Account {
    books: Arc<Books>,
    ledger: Arc<Ledger>,
    number: u64,
    peer: String,
}

/// What was counted of one peer.
struct Books {
    /// The sender's tally at the end of its link.
    last_tally: OnceLock<Tally>,
    received_delivered: AtomicU64,
    received_dropped: Drops,
    received_offered: AtomicU64,
    /// Taken by the link, then given up for a newer one.
    sent_displaced: AtomicU64,
    /// Never taken by the link.
    sent_dropped: Drops,
}

/// Counts and tells drops of one way.
struct Drops {
    counts: [AtomicU64; REASONS],
    since: Instant,
    /// When the next event may be told, in milliseconds from `since`.
    told: [AtomicU64; REASONS],
    untold: [AtomicU64; REASONS],
}

impl Ledger {
    pub(crate) fn new(teller: Arc<Teller>) -> Arc<Self> {
        Arc::new(Self { accounts: Mutex::default(), general: Drops::new(), teller })
    }

    /// Opens the books of a peer.
    pub(crate) fn open(self: &Arc<Self>, peer: String) -> Arc<Account> {
        let mut accounts = self.accounts.lock();
        accounts.last += 1;
        let (books, ledger, number) = (Arc::new(Books::new()), self.clone(), accounts.last);
        Arc::new(Account { books, ledger, number, peer })
    }

    /// From now on the link counts in [`stats`](Self::stats).
    pub(crate) fn enter(&self, link: &Arc<Link>) {
        let (account, entry) = (&link.account, Arc::downgrade(link));
        self.accounts.lock().open.insert(account.number, (account.books.clone(), entry));
    }

    /// A message that was to be sent and that no peer was to get.
    pub(crate) fn lose(&self, reason: DropReason, n: u64) {
        if let Some(messages) = self.general.count(reason, n) {
            self.tell(None, Way::Sent, reason, messages);
        }
    }

    /// Tells what was not told yet of messages that no peer was to get: the socket is closing.
    pub(crate) fn tell_rest(&self) {
        for (reason, messages) in self.general.rest() {
            self.tell(None, Way::Sent, reason, messages);
        }
    }

    fn tell(&self, peer: Option<&str>, way: Way, reason: DropReason, messages: u64) {
        let peer = peer.map(str::to_owned);
        self.teller.tell(&match way {
            Way::Received => Event::DroppedReceived { peer, reason, messages },
            Way::Sent => Event::DroppedSent { peer, reason, messages },
        });
    }

    /// All books; `is_live` says which links are connected.
    pub(crate) fn stats(&self, is_live: impl Fn(&Link) -> bool) -> Stats {
        let (open, mut received, mut sent) = {
            let accounts = self.accounts.lock();
            let open = accounts.open.values();
            let open: Vec<_> = open.map(|(it, link)| (it.clone(), link.upgrade())).collect();
            (open, accounts.received.clone(), accounts.sent.clone())
        };
        let general = self.general.dropped();
        sent.offered += general.total();
        sent.add(&Flow { dropped: general, ..Flow::default() });
        let mut peers = Vec::new();
        for (books, link) in &open {
            let live = link.as_ref().filter(|it| is_live(it));
            let tally = link.as_ref().map_or_else(|| books.last_tally(), |it| it.sender.tally());
            let flows = (books.received(), books.sent(tally, live.is_some()));
            received.add(&flows.0);
            sent.add(&flows.1);
            if let Some(link) = live {
                let (address, identity) = (link.address().to_owned(), link.identity().clone());
                peers.push(PeerStats { address, identity, received: flows.0, sent: flows.1 });
            }
        }
        Stats { peers, received, sent }
    }
}

impl Account {
    /// Messages came in.
    pub(crate) fn offer_received(&self, n: u64) {
        self.books.received_offered.fetch_add(n, Relaxed);
    }

    /// Messages came in, in place of others that are taken back.
    pub(crate) fn exchange_received(&self, n_in: u64, n_back: u64) {
        // Wraps where more go back than come, and is right again in the sum.
        self.books.received_offered.fetch_add(n_in.wrapping_sub(n_back), Relaxed);
    }

    /// Messages were handed to the user.
    pub(crate) fn deliver_received(&self, n: u64) {
        // Whoever hands out messages holds a lock: there is one writer at a time.
        let delivered = self.books.received_delivered.load(Relaxed);
        self.books.received_delivered.store(delivered + n, Relaxed);
    }

    /// Messages that had come in were given up.
    pub(crate) fn lose_received(&self, reason: DropReason, n: u64) {
        if let Some(messages) = self.books.received_dropped.count(reason, n) {
            self.ledger.tell(Some(&self.peer), Way::Received, reason, messages);
        }
    }

    /// Messages came in that nobody wants.
    pub(crate) fn refuse_received(&self, reason: DropReason) {
        self.offer_received(1);
        self.lose_received(reason, 1);
    }

    /// A message that the link did not take was given up.
    pub(crate) fn lose_sent(&self, reason: DropReason) {
        if let Some(messages) = self.books.sent_dropped.count(reason, 1) {
            self.ledger.tell(Some(&self.peer), Way::Sent, reason, messages);
        }
    }

    /// Messages that the link had taken were given up for a newer one.
    pub(crate) fn displace_sent(&self, n: u64) {
        self.books.sent_displaced.fetch_add(n, Relaxed);
        if let Some(messages) = self.books.sent_dropped.note(DropReason::Full, n) {
            self.ledger.tell(Some(&self.peer), Way::Sent, DropReason::Full, messages);
        }
    }

    /// The link is gone; nothing is sent any more.
    pub(crate) fn close_sent(&self, tally: Tally) {
        let _ = self.books.last_tally.set(tally);
    }

    /// The link ended with messages that were taken and had not left.
    pub(crate) fn tell_unsent(&self, n: u64) {
        // They are counted from the tally; this is the event alone.
        if let Some(messages) = self.books.sent_dropped.note(DropReason::Closed, n) {
            self.ledger.tell(Some(&self.peer), Way::Sent, DropReason::Closed, messages);
        }
        self.tell_rest(Way::Sent);
    }

    /// Tells what was not told yet, since it may be the end.
    fn tell_rest(&self, way: Way) {
        let drops = match way {
            Way::Received => &self.books.received_dropped,
            Way::Sent => &self.books.sent_dropped,
        };
        for (reason, messages) in drops.rest() {
            self.ledger.tell(Some(&self.peer), way, reason, messages);
        }
    }
}

impl Books {
    fn new() -> Self {
        Self {
            last_tally: OnceLock::new(),
            received_delivered: AtomicU64::new(0),
            received_dropped: Drops::new(),
            received_offered: AtomicU64::new(0),
            sent_displaced: AtomicU64::new(0),
            sent_dropped: Drops::new(),
        }
    }

    /// The tally of a link that is gone.
    fn last_tally(&self) -> Tally {
        loop {
            match self.last_tally.get() {
                Some(tally) => return *tally,
                // Another thread is letting go of the link at this moment: telling its tally is the
                // first thing that does.
                None => std::thread::yield_now(),
            }
        }
    }

    fn received(&self) -> Flow {
        // In this order, so that what moves meanwhile is queued rather than missing.
        let delivered = self.received_delivered.load(Relaxed);
        let dropped = self.received_dropped.dropped();
        let offered = self.received_offered.load(Relaxed).max(delivered + dropped.total());
        let queued = offered - delivered - dropped.total();
        Flow { delivered, dropped, in_flight: 0, offered, queued }
    }

    fn sent(&self, tally: Tally, is_live: bool) -> Flow {
        let mut dropped = self.sent_dropped.dropped();
        let offered = tally.accepted + dropped.total();
        dropped.full += self.sent_displaced.load(Relaxed);
        let (mut queued, mut in_flight) = (tally.queued, tally.in_flight);
        if !is_live {
            dropped.closed += std::mem::take(&mut queued) + std::mem::take(&mut in_flight);
        }
        Flow { delivered: tally.delivered, dropped, in_flight, offered, queued }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // Nobody can count here any more: the sum is final.
        self.tell_rest(Way::Received);
        self.tell_rest(Way::Sent);
        let tally = self.books.last_tally.get().copied().unwrap_or_default();
        let (received, sent) = (self.books.received(), self.books.sent(tally, false));
        let mut accounts = self.ledger.accounts.lock();
        accounts.open.remove(&self.number);
        accounts.received.add(&received);
        accounts.sent.add(&sent);
    }
}

impl Drops {
    fn new() -> Self {
        let [counts, told, untold] =
            std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Self { counts, since: Instant::now(), told, untold }
    }

    /// Counts; says how many are to be told now.
    fn count(&self, reason: DropReason, n: u64) -> Option<u64> {
        if n == 0 {
            return None;
        }
        self.counts[reason as usize].fetch_add(n, Relaxed);
        self.note(reason, n)
    }

    /// How many are to be told now.
    fn note(&self, reason: DropReason, n: u64) -> Option<u64> {
        if n == 0 {
            return None;
        }
        let (told, untold) = (&self.told[reason as usize], &self.untold[reason as usize]);
        untold.fetch_add(n, Relaxed);
        let now = self.since.elapsed().as_millis() as u64;
        let due = told.load(Relaxed);
        let next = now + TELL_EVERY.as_millis() as u64;
        if now < due || told.compare_exchange(due, next, Relaxed, Relaxed).is_err() {
            return None;
        }
        Some(untold.swap(0, Relaxed)).filter(|it| 0 < *it)
    }

    /// What was counted and not told; it counts as told.
    fn rest(&self) -> impl Iterator<Item = (DropReason, u64)> {
        let rest = DropReason::ALL.into_iter();
        let rest = rest.map(|it| (it, self.untold[it as usize].swap(0, Relaxed)));
        rest.filter(|(_, messages)| 0 < *messages)
    }

    fn dropped(&self) -> Dropped {
        let mut dropped = Dropped::default();
        for reason in DropReason::ALL {
            dropped.count(reason, self.counts[reason as usize].load(Relaxed));
        }
        dropped
    }
}
