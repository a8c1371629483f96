//! A tight loop of sends must leave the runtime time for others.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// One unit of tokio's budget is spent for so many sends; one per send costs a third of the rate.
const SENDS: usize = 8;

/// Counts sends and now and then lets others run.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicUsize);

impl Pace {
    pub(crate) async fn keep(&self) {
        if self.0.fetch_add(1, Relaxed).is_multiple_of(SENDS) {
            tokio::task::coop::consume_budget().await;
        }
    }
}
