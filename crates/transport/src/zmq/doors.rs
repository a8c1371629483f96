//! Ports of this process whose listener is gone, while the crate has yet to close them.
//!
//! A dropped listener frees its port only when the crate's own task has heard of it. Who binds the
//! same port in between waits for that, as if it had been free at once.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::zmq::bell::Bell;
use crate::zmq::thread;

/// How long it is waited at most.
const PATIENCE: Duration = Duration::from_secs(1);

static DOORS: Mutex<Vec<Door>> = Mutex::new(Vec::new());

/// A port of one address; another may have the same.
struct Door {
    bell: Arc<Bell>,
    open: watch::Receiver<()>,
    port: u16,
}

/// Held by a driver as long as its port is bound.
pub(super) type Open = watch::Sender<()>;

/// Notes that a port was bound.
pub(super) fn opened(port: u16, bell: Arc<Bell>) -> Open {
    let (held, open) = watch::channel(());
    let mut doors = DOORS.lock();
    doors.retain(|it| it.open.has_changed().is_ok());
    doors.push(Door { bell, open, port });
    held
}

/// Whether a listener of ours had this port and is gone by now.
pub(super) async fn has_been_left(port: u16) -> bool {
    let leaving = {
        let mut doors = DOORS.lock();
        let at = doors.iter().position(|it| it.port == port && it.bell.is_closed());
        at.map(|at| doors.swap_remove(at))
    };
    let Some(Door { mut open, .. }) = leaving else { return false };
    // It changes never: the driver lets go of it. By the driver's clock, since the caller's may leap.
    let left = async move { tokio::time::timeout(PATIENCE, open.changed()).await.is_ok() };
    thread::run(left).await.unwrap_or(false)
}
