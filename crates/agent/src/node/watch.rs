//! Sees who is at the same piece of work for too long.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Host;

/// How often it looks: by that much less work is believed to have lasted.
const TICK: Duration = Duration::from_millis(250);

impl Host {
    /// Has somebody look as long as there are agents.
    pub(super) fn watch(self: &Arc<Self>) {
        let mut watcher = self.watcher.lock();
        // It may be gone by now.
        if self.table().is_empty() {
            return;
        }
        if watcher.as_ref().is_none_or(|it| it.is_finished()) {
            *watcher = Some(tokio::spawn(watch(Arc::downgrade(self))));
        }
    }

    /// Has nobody look if there are no agents.
    pub(super) fn rest_if_empty(&self) {
        let mut watcher = self.watcher.lock();
        if self.table().is_empty()
            && let Some(task) = watcher.take()
        {
            task.abort();
        }
    }
}

async fn watch(host: Weak<Host>) {
    loop {
        sleep(TICK).await;
        let Some(host) = host.upgrade() else {
            return;
        };
        for agent in host.table().become_stuck(Instant::now()) {
            agent.tell_stuck();
        }
    }
}
