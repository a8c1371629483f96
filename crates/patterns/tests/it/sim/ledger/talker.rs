//! Sockets that both send and receive, and their own counts.

use std::time::Duration;

use futures::Stream;
use gleis_patterns::{Dealer, Pair, RecvError, SendError, Stats};
use gleis_test::sim::Sim;

use super::super::{Item, Log, check_balance, send_by};
use super::{Total, come};

/// What both kinds of them can do.
pub(super) trait Talks: Stream<Item = Result<Item, RecvError>> + Unpin {
    fn books(&self) -> Stats;
    async fn end(&self);
    async fn say(&self, item: Item) -> Result<(), SendError>;
}

macro_rules! talks {
    ($socket:ty) => {
        impl Talks for $socket {
            fn books(&self) -> Stats {
                self.stats()
            }

            async fn end(&self) {
                self.close().await;
            }

            async fn say(&self, item: Item) -> Result<(), SendError> {
                self.send(item).await
            }
        }
    };
}

talks!(Dealer<Item>);
talks!(Pair<Item>);

/// A socket and its own count.
pub(super) struct Talker<S> {
    got: u64,
    id: u32,
    next: u32,
    past: Total,
    pub(super) socket: S,
    taken: u64,
}

impl<S: Talks> Talker<S> {
    pub(super) fn new(id: u32, socket: S) -> Self {
        Self { got: 0, id, next: 0, past: Total::default(), socket, taken: 0 }
    }

    pub(super) async fn say(&mut self, n_messages: u32) {
        let say = async |it| self.socket.say(it).await;
        self.taken += send_by(say, self.id, &mut self.next, n_messages).await;
    }

    pub(super) async fn take(&mut self, sim: &Sim, time: Duration, log: &mut Log) {
        for item in come(&mut self.socket, time).await {
            log.add(sim, &item.unwrap());
            self.got += 1;
        }
    }

    /// Closes it; another one has to come in its place.
    pub(super) async fn close(&mut self) {
        self.socket.end().await;
        self.check();
        self.past.add_closed(&self.socket.books());
    }

    pub(super) fn replace(&mut self, socket: S) {
        self.socket = socket;
        (self.got, self.taken) = (0, 0);
    }

    #[track_caller]
    pub(super) fn check(&self) {
        let stats = self.socket.books();
        check_balance(&stats);
        assert_eq!(stats.sent.offered, self.taken, "{stats:?}");
        assert_eq!(stats.received.delivered, self.got, "{stats:?}");
    }

    #[track_caller]
    pub(super) fn check_end(&self) {
        self.check();
        let stats = self.socket.books();
        assert_eq!((stats.sent.queued, stats.received.queued), (0, 0), "{stats:?}");
    }

    /// Those that were closed among them.
    #[track_caller]
    pub(super) fn add_to(&self, total: &mut Total) {
        total.came += self.past.came;
        total.left += self.past.left;
        total.add(&self.socket.books());
    }
}
