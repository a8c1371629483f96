//! The processes that a program has started for agents.

use std::future::Future;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// The tasks that look after processes; dropping it ends them, and what they look after.
pub(crate) struct Children {
    tasks: Mutex<JoinSet<()>>,
    /// When they are out of time, once that is known.
    end: watch::Sender<Option<Instant>>,
}

impl Children {
    pub(super) fn new() -> Self {
        Self { tasks: Mutex::default(), end: watch::Sender::new(None) }
    }

    /// Owns a task that looks after a process.
    pub(crate) fn own(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        // Those that have ended would pile up.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Lets them have no more than `grace` from now on.
    pub(super) fn hurry(&self, grace: Duration) {
        let Some(end) = Instant::now().checked_add(grace) else {
            return;
        };
        self.end.send_if_modified(|it| {
            let is_sooner = it.is_none_or(|it| end < it);
            if is_sooner {
                *it = Some(end);
            }
            is_sooner
        });
    }

    /// Waits until they are out of time.
    pub(crate) fn out_of_time(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut end = self.end.subscribe();
        async move {
            loop {
                let until = *end.borrow_and_update();
                let passed = async {
                    match until {
                        Some(until) => sleep_until(until).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = passed => return,
                    changed = end.changed() => if changed.is_err() {
                        // Nobody owns them any more.
                        return;
                    },
                }
            }
        }
    }

    /// Ends them all.
    pub(super) fn abort(&self) {
        self.tasks.lock().abort_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_time_that_is_left_only_shrinks() {
        let children = Children::new();
        let out = children.out_of_time();
        tokio::pin!(out);
        assert!(futures::poll!(&mut out).is_pending());
        let begun = Instant::now();
        children.hurry(SECOND * 10);
        children.hurry(SECOND * 3);
        children.hurry(SECOND * 20);
        children.hurry(Duration::MAX);
        out.await;
        assert_eq!(begun.elapsed(), SECOND * 3);
        drop(children.out_of_time());
        children.hurry(Duration::ZERO);
        children.out_of_time().await;
        assert_eq!(begun.elapsed(), SECOND * 3);
    }

    #[tokio::test]
    async fn what_looks_after_them_ends_with_them() {
        let children = Children::new();
        let (held, mut ends) = tokio::sync::oneshot::channel::<()>();
        children.own(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        assert!(
            ends.try_recv().is_err_and(|it| it == tokio::sync::oneshot::error::TryRecvError::Empty)
        );
        drop(children);
        assert!(ends.await.is_err());
    }
}
