//! The copy of the server's names that a client's watches look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Limits;
use crate::protocol::News;
use crate::table::{Owner, Table};

/// A copy that is brought up to date by news.
///
/// The server tells its state from the beginning on each connection. What it tells is marked with a
/// number, and what bears an older number at the end is gone: so watches see only what changed.
#[derive(Debug)]
pub(super) struct Mirror {
    round: AtomicU64,
    pub(super) table: Arc<Table>,
}

/// More than a server with default limits can tell: another may have others.
const LIMITS: Limits = Limits {
    bytes: 256 << 20,
    clients: 0,
    names: usize::MAX,
    names_per_client: usize::MAX,
    watches: 1_024,
};

impl Mirror {
    pub(super) fn new() -> Self {
        let table = Arc::new(Table::copy(LIMITS));
        Self { round: AtomicU64::new(0), table }
    }

    /// The server begins to tell its state from the beginning.
    pub(super) fn begin(&self) {
        self.round.fetch_add(1, Ordering::Relaxed);
        self.table.set_current(false);
    }

    /// Takes news in; false if the server has told more than there is room for.
    pub(super) fn take(&self, news: News) -> bool {
        // Relaxed: one task at a time takes news in.
        let round = self.round.load(Ordering::Relaxed);
        match news {
            News::Closing { millis } => self.table.start_closing(Duration::from_millis(millis)),
            News::Current => {
                self.table.sweep(Owner::HERE.client, Some(round));
                self.table.set_current(true);
            }
            News::Lagged => self.begin(),
            News::Registered { name, record } => return self.table.put(&name, record, round),
            News::Unregistered { name } => self.table.release(&name),
        }
        true
    }
}
