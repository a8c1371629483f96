//! The task that writes what callers left behind.

use std::sync::Arc;

use crate::stream::batch::Batch;
use crate::stream::link::Link;

/// How long a yield that paid off is repeated, and how often one is tried otherwise.
const TRUST: u32 = 16;
const PROBE: u32 = 33;

/// Writes batches until the link is over.
pub(crate) async fn run(link: Arc<Link>) {
    let mut pace = Pace::default();
    while !link.fate.has_ended() {
        link.flush.notified().await;
        pace.gather(&link).await;
        drain(&link).await;
    }
}

async fn drain(link: &Link) {
    loop {
        let batch = {
            let mut out = link.out.lock();
            let batch = out.take();
            if batch.is_none() {
                out.unschedule();
            }
            batch
        };
        let Some(batch) = batch else { return };
        link.end_burst();
        if !write(link, batch).await {
            return;
        }
    }
}

/// Writes a whole batch, waiting for the socket; false if the link is broken.
async fn write(link: &Link, mut batch: Batch) -> bool {
    loop {
        match batch.write(&link.socket) {
            Ok(true) => {
                link.written(batch);
                return true;
            }
            Ok(false) if !link.fate.has_ended() => {
                link.out.lock().wait_for_socket(&mut batch);
                if link.socket.writable().await.is_err() {
                    break;
                }
            }
            Ok(false) | Err(_) => break,
        }
    }
    link.write_failed(batch);
    false
}

/// Decides whether one more yield before a write lets more callers append their messages.
///
/// With many callers on few workers the flusher runs right after the first of them; without the
/// yield it would write one message at a time. With a single caller the yield only costs, so it is
/// repeated only while it pays.
#[derive(Debug, Default)]
struct Pace {
    score: u32,
    n_wakes: u32,
}

impl Pace {
    async fn gather(&mut self, link: &Link) {
        self.n_wakes = self.n_wakes.wrapping_add(1);
        if self.score == 0 && !self.n_wakes.is_multiple_of(PROBE) {
            return;
        }
        let before = link.out.lock().n_appended();
        tokio::task::yield_now().await;
        let grown = before < link.out.lock().n_appended();
        self.score = if grown { TRUST } else { self.score.saturating_sub(1) };
    }
}
