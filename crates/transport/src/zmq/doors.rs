//! Ports of this process whose listener is gone, while the crate has yet to close them.
//!
//! A dropped listener frees its port only when the crate's own task has heard of it. Who binds the
//! same port in between waits for that, as if it had been free at once.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::zmq::bell::Bell;

/// How long it is waited at most: the other runtime may not be running.
const PATIENCE: Duration = Duration::from_secs(1);

static DOORS: LazyLock<Mutex<HashMap<u16, Door>>> = LazyLock::new(Mutex::default);

struct Door {
    bell: Arc<Bell>,
    open: watch::Receiver<()>,
}

/// Held by a driver as long as its port is bound.
pub(super) type Open = watch::Sender<()>;

/// Notes that a port was bound.
pub(super) fn opened(port: u16, bell: Arc<Bell>) -> Open {
    let (held, open) = watch::channel(());
    let mut doors = DOORS.lock();
    doors.retain(|_, it| it.open.has_changed().is_ok());
    doors.insert(port, Door { bell, open });
    held
}

/// Whether a listener of ours had this port and is gone by now.
pub(super) async fn has_been_left(port: u16) -> bool {
    let leaving = {
        let mut doors = DOORS.lock();
        if doors.get(&port).is_some_and(|it| it.bell.is_closed()) {
            doors.remove(&port).map(|it| it.open)
        } else {
            None
        }
    };
    let Some(mut open) = leaving else { return false };
    // It changes never: the driver lets go of it.
    tokio::time::timeout(PATIENCE, open.changed()).await.is_ok()
}
