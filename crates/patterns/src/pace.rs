//! A tight loop of sends must leave the runtime time for others.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use tokio::task::coop::poll_proceed;

/// One unit of tokio's budget is spent for so many sends; one per send costs a third of the rate.
const SENDS: usize = 8;

/// Counts sends and now and then lets others run.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicUsize);

impl Pace {
    pub(crate) async fn keep(&self) {
        poll_fn(|cx| self.poll_keep(cx)).await;
    }

    pub(crate) fn poll_keep(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Two that count at once may count one: that costs less than counting exactly.
        let n_sends = self.0.load(Relaxed);
        self.0.store(n_sends.wrapping_add(1), Relaxed);
        if n_sends.is_multiple_of(SENDS) {
            ready!(poll_proceed(cx)).made_progress();
        }
        Poll::Ready(())
    }
}
