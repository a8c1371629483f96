//! Closes a name server when somebody asks for it.

use std::sync::Arc;
use std::time::Duration;

use gleis_core::Deadline;
use gleis_transport::TaskGuard;
use tokio::sync::watch;

use crate::ShutdownReport;
use crate::clock::now;
use crate::server::hall::{Hall, Shared};

/// Waits until the server shall close, closes it, and says what came of it.
pub(super) async fn run(
    shared: Arc<Shared>,
    hall: Arc<Hall>,
    doors: TaskGuard,
    ended: watch::Sender<Option<ShutdownReport>>,
) {
    let stayed = wait_for_leave(&shared).await;
    let forced = std::mem::take(&mut *shared.forced.lock());
    let report = ShutdownReport { stayed, forced };
    tracing::debug!(target: "gleis::naming", stayed = report.stayed.len(), "name server closes");
    drop(doors);
    shared.outcome.send_replace(Some(report.clone()));
    hall.end().await;
    shared.table.close();
    ended.send_replace(Some(report));
}

/// Waits until somebody asks to close and then until all names are gone or their time is over;
/// returns those that stayed.
async fn wait_for_leave(shared: &Shared) -> Vec<gleis_core::Name> {
    let mut closing = shared.closing.subscribe();
    let mut deadline = match closing.wait_for(Option::is_some).await {
        Ok(asked) => *asked,
        Err(_) => return shared.table.names(),
    };
    shared.table.start_closing(left(deadline));
    while let Some(until) = deadline {
        tokio::select! {
            biased;
            () = shared.table.wait_empty() => break,
            () = tokio::time::sleep_until(until.instant().into()) => break,
            _ = closing.changed() => {
                deadline = *closing.borrow_and_update();
                // Those who wait for less must hear of it.
                shared.table.start_closing(left(deadline));
            }
        }
    }
    shared.table.names()
}

fn left(deadline: Option<Deadline>) -> Duration {
    deadline.and_then(|it| it.remaining(now())).unwrap_or_default()
}
