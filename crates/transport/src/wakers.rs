//! Tasks that wait for the same thing.

use std::task::{Context, Waker};

/// The wakers of waiting tasks, each task once.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    /// Remembers the task of `cx`.
    pub(crate) fn register(&mut self, cx: &Context<'_>) {
        if !self.0.iter().any(|it| it.will_wake(cx.waker())) {
            self.0.push(cx.waker().clone());
        }
    }

    /// Gives up all of them, to be woken after the lock is released.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    pub(crate) fn wake(self) {
        for waker in self.0 {
            waker.wake();
        }
    }
}
