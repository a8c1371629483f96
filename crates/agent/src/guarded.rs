//! Work whose panics are faults.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::Fault;

/// Makes a fault of a panic.
pub(crate) fn guarded<F: Future>(work: F) -> Guarded<F> {
    Guarded { work }
}

pin_project! {
    /// What [`guarded`] gives.
    pub(crate) struct Guarded<F> {
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, Fault>;

    fn poll(self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.project().work;
        // Whoever gets the fault lets go of the work.
        match catch_unwind(AssertUnwindSafe(|| work.poll(ctx))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(Fault::panic(&*payload))),
        }
    }
}
