//! Waiting for something rare beside something frequent.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::task::{Context, Wake, Waker};

use parking_lot::Mutex;

/// Tells when futures that are rarely ready want to be polled; what wakes them rings it.
///
/// So they need not be polled each time that their task is.
pub(crate) struct Bell {
    ring: Arc<Ring>,
    waker: Waker,
    /// Whom it wakes, without a look under the lock.
    task: Waker,
}

struct Ring {
    is_rung: AtomicBool,
    task: Mutex<Waker>,
}

impl Bell {
    /// A bell that has rung: the futures want their first poll.
    pub(crate) fn new() -> Self {
        let task = Waker::noop().clone();
        let ring = Arc::new(Ring { is_rung: true.into(), task: task.clone().into() });
        Self { waker: ring.clone().into(), ring, task }
    }

    /// The context in which the futures are to be polled, if it has rung since the last time. From now on
    /// it wakes the task that is polled in `ctx`.
    pub(crate) fn answer(&mut self, ctx: &Context<'_>) -> Option<Context<'_>> {
        if !self.task.will_wake(ctx.waker()) {
            self.task.clone_from(ctx.waker());
            self.ring.task.lock().clone_from(ctx.waker());
        }
        // It is quiet again before the futures are polled: what rings meanwhile is heard.
        let is_rung = self.is_rung() && self.ring.is_rung.swap(false, Ordering::AcqRel);
        is_rung.then(|| Context::from_waker(&self.waker))
    }

    /// The futures want to be polled, also if nothing wakes them.
    pub(crate) fn ring(&self) {
        self.ring.is_rung.store(true, Ordering::Release);
    }

    fn is_rung(&self) -> bool {
        self.ring.is_rung.load(Ordering::Acquire)
    }
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_rung.store(true, Ordering::Release);
        self.task.lock().wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_bell_is_quiet_until_what_it_watches_may_be_ready() {
        let (tell, told) = oneshot::channel();
        let (mut bell, mut told) = (Bell::new(), pin!(told));
        let mut n_polls = 0;
        let mut poll = |ctx: &mut Context<'_>| match bell.answer(ctx) {
            Some(mut ctx) => {
                n_polls += 1;
                told.as_mut().poll(&mut ctx).map(|it| (it, n_polls))
            }
            None => Poll::Pending,
        };
        for _ in 0..3 {
            assert!(futures::poll!(poll_fn(&mut poll)).is_pending());
        }
        let task = tokio::spawn(async move { tell.send(7) });
        assert_eq!(poll_fn(poll).await, (Ok(7), 2));
        task.await.unwrap().unwrap();
    }

    #[test]
    fn a_bell_that_rings_while_it_is_answered_rings_again() {
        let ctx = Context::from_waker(Waker::noop());
        let mut bell = Bell::new();
        bell.answer(&ctx).expect("the first poll").waker().wake_by_ref();
        assert!(bell.answer(&ctx).is_some());
        assert!(bell.answer(&ctx).is_none());
    }
}
