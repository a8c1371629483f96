//! A stream of what changes in a directory.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;

use crate::Change;
use crate::table::{FeedId, Table};

/// What happens in a directory, as it happens: first the present state (`Registered` for each
/// name, then [`Change::Current`]), then the news. Ends when the directory closes.
///
/// No more than 1,024 changes wait for the watcher: one that is slower is told
/// [`Change::Lagged`], and the present state again. Dropping it ends the watch.
pub struct Watch {
    table: Arc<Table>,
    feed: FeedId,
}

impl Watch {
    /// A watch that has its place in `table` already.
    pub(crate) fn new(table: Arc<Table>, feed: FeedId) -> Self {
        Self { table, feed }
    }

    /// Waits for the next change; `None` once the directory has closed.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Change> {
        std::future::poll_fn(|cx| self.table.poll_feed(self.feed, cx)).await
    }
}

impl Stream for Watch {
    type Item = Change;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        self.table.poll_feed(self.feed, cx)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The place in the table is somebody else's from now on.
        self.table.remove_feed(self.feed);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
