//! Tasks that end with their owner.

use std::future::Future;

#[cfg(feature = "zeromq")]
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// A spawned task that is ended when this guard is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the task"]
pub struct TaskGuard(JoinHandle<()>);

impl TaskGuard {
    /// Spawns a task on the current runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }

    /// Spawns a task on another runtime.
    #[cfg(feature = "zeromq")]
    pub(crate) fn spawn_on(
        runtime: &Handle,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self(runtime.spawn(task))
    }

    /// Ends the task and waits until it is gone, with everything it held: a bound address is free
    /// afterwards.
    ///
    /// # Cancel safety
    /// The task ends in any case.
    pub async fn end(mut self) {
        self.0.abort();
        // How it ended matters to nobody.
        let _ = (&mut self.0).await;
    }

    /// True once the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        // A task must not outlive what it works for.
        self.0.abort();
    }
}
