//! Deadlines of calls, with a timer that an agent keeps from one call to the next.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::timer::after;

/// By which part of its time a call may end later than it should.
const SLACK: u32 = 128;

/// A timer that an agent keeps for its calls.
///
/// Most calls end long before their deadline: to look at the clock and to enter and remove a timer for
/// each would be a good part of what a call costs. So this one ticks, from one call to the next, and only
/// a call that still waits at the tick gets a timer of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptTimer(Arc<Mutex<Option<Ticks>>>);

#[derive(Debug)]
struct Ticks {
    sleep: Pin<Box<Sleep>>,
    /// How long before the tick a call may have begun.
    slack: Duration,
    /// Whom it wakes.
    task: Waker,
}

impl KeptTimer {
    /// Lets go of the timer, and so of the runtime that it belongs to.
    pub(crate) fn release(&self) {
        *self.0.lock() = None;
    }

    /// Whether whoever is polled in this context is woken by this tick: not if it has gone to another task.
    fn wakes(&self, ctx: &Context<'_>, tick: Instant) -> bool {
        let is_it = |it: &Ticks| it.sleep.deadline() == tick && it.task.will_wake(ctx.waker());
        self.0.lock().as_ref().is_some_and(is_it)
    }

    /// Waits for the next tick first, if there is one that is soon enough.
    fn begin(&self, time: Duration, ctx: &mut Context<'_>) -> Phase {
        let slack = time / SLACK;
        let mut ticks = self.0.lock();
        match &mut *ticks {
            // Those who wait for the tick must get it: it is left alone.
            Some(it) if !it.sleep.is_elapsed() => {
                let tick = it.sleep.deadline();
                match it.slack <= slack && it.task.will_wake(ctx.waker()) {
                    true => Phase::AfterTick { tick, began: None },
                    false => Phase::from_now(time),
                }
            }
            over => {
                let now = Instant::now();
                let tick = after(now, slack);
                let sleep = over.take().map_or_else(
                    || Box::pin(sleep_until(tick)),
                    |Ticks { mut sleep, .. }| {
                        sleep.as_mut().reset(tick);
                        sleep
                    },
                );
                let it = over.insert(Ticks { sleep, slack, task: ctx.waker().clone() });
                // Also if the task has used up its turn: else nobody would have the timer wake it.
                match pin!(unconstrained(it.sleep.as_mut())).poll(ctx) {
                    Poll::Pending => Phase::AfterTick { tick, began: Some(now) },
                    Poll::Ready(()) => Phase::until(after(now, time)),
                }
            }
        }
    }
}

/// The time is over.
#[derive(Debug)]
pub(crate) struct Elapsed;

/// A time that begins when something is waited for.
pub(crate) struct Deadline<'a> {
    kept: Option<&'a KeptTimer>,
    time: Duration,
    phase: Option<Phase>,
}

enum Phase {
    /// Nothing needs to be done until a tick, which wakes the task. If it is unknown when this began, it
    /// counts from when the task is woken.
    AfterTick {
        tick: Instant,
        began: Option<Instant>,
    },
    Timer(Pin<Box<Sleep>>),
}

impl<'a> Deadline<'a> {
    /// With a kept timer it may be a hundredth later.
    pub(crate) fn new(kept: Option<&'a KeptTimer>, time: Duration) -> Self {
        Self { kept, time, phase: None }
    }

    /// What `work` gives, unless it takes too long.
    pub(crate) async fn limit<F: Future + Unpin>(
        &mut self,
        mut work: F,
    ) -> Result<F::Output, Elapsed> {
        let done = poll_fn(|ctx| match work.poll_unpin(ctx) {
            Poll::Ready(it) => Poll::Ready(Ok(it)),
            Poll::Pending => self.poll(ctx).map(|()| Err(Elapsed)),
        });
        done.await
    }

    fn poll(&mut self, ctx: &mut Context<'_>) -> Poll<()> {
        let phase = match (&mut self.phase, self.kept) {
            (Some(phase), _) => phase,
            (None, Some(kept)) => match self.phase.insert(kept.begin(self.time, ctx)) {
                // The tick has not woken anybody yet: no need for a look at the clock.
                Phase::AfterTick { .. } => return Poll::Pending,
                phase => phase,
            },
            (None, None) => self.phase.insert(Phase::from_now(self.time)),
        };
        if let Phase::AfterTick { tick, began } = phase {
            let now = Instant::now();
            if now < *tick && self.kept.is_some_and(|it| it.wakes(ctx, *tick)) {
                return Poll::Pending;
            }
            *phase = Phase::until(after(began.unwrap_or(now), self.time));
        }
        match phase {
            Phase::Timer(sleep) => sleep.as_mut().poll(ctx),
            Phase::AfterTick { .. } => Poll::Pending,
        }
    }
}

impl Phase {
    fn from_now(time: Duration) -> Self {
        Self::until(after(Instant::now(), time))
    }

    fn until(end: Instant) -> Self {
        Self::Timer(Box::pin(sleep_until(end)))
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::future::join;
    use tokio::task::coop::{consume_budget, has_budget_remaining};
    use tokio::task::yield_now;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Waits in vain and says how long.
    async fn wait(kept: Option<&KeptTimer>, time: Duration) -> Duration {
        let start = Instant::now();
        let ended = Deadline::new(kept, time).limit(pending::<()>()).await;
        assert!(ended.is_err());
        start.elapsed()
    }

    /// Asks something that is answered, but not at once.
    async fn ask(kept: &KeptTimer, time: Duration) {
        let answer = Box::pin(yield_now());
        Deadline::new(Some(kept), time).limit(answer).await.unwrap();
    }

    #[track_caller]
    fn assert_in_time(took: Duration, time: Duration) {
        // Timers fire by the millisecond, and there are two.
        let latest = time + time / SLACK + Duration::from_millis(4);
        assert!((time..=latest).contains(&took), "{took:?} instead of {time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_its_time_is_over() {
        let kept = KeptTimer::default();
        for time in [Duration::ZERO, Duration::from_millis(1), SECOND, SECOND * 3600] {
            assert_in_time(wait(None, time).await, time);
            assert_in_time(wait(Some(&kept), time).await, time);
            ask(&kept, time.max(SECOND)).await;
            assert_in_time(wait(Some(&kept), time).await, time);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_finds_the_timer_ticking_ends_in_time() {
        let kept = KeptTimer::default();
        for n in 0..1000 {
            ask(&kept, SECOND).await;
            tokio::time::advance(Duration::from_micros(n * 17)).await;
            let began = Instant::now();
            let (waited, shorter) =
                join(wait(Some(&kept), SECOND), wait(Some(&kept), SECOND / 100)).await;
            assert_in_time(waited, SECOND);
            assert_in_time(shorter, SECOND / 100);
            assert_in_time(began.elapsed(), SECOND);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_at_once_needs_no_timer() {
        let kept = KeptTimer::default();
        let answer = Deadline::new(Some(&kept), SECOND).limit(ready(7)).await;
        assert_eq!(answer.unwrap(), 7);
        assert!(kept.0.lock().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_serves_waits_of_two_tasks() {
        let kept = KeptTimer::default();
        ask(&kept, SECOND).await;
        let other = tokio::spawn({
            let kept = kept.clone();
            async move { wait(Some(&kept), SECOND).await }
        });
        assert_in_time(wait(Some(&kept), SECOND).await, SECOND);
        assert_in_time(other.await.unwrap(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_of_a_task_that_has_used_up_its_turn_ends_in_time() {
        let kept = KeptTimer::default();
        let waits = tokio::spawn(async move {
            for _ in 0..3 {
                while has_budget_remaining() {
                    consume_budget().await;
                }
                assert_in_time(wait(Some(&kept), SECOND).await, SECOND);
                ask(&kept, SECOND).await;
            }
        });
        waits.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_goes_to_another_task_ends_in_time() {
        for n_asked in 0..2 {
            let kept = KeptTimer::default();
            for _ in 0..n_asked {
                ask(&kept, SECOND).await;
            }
            let mut waits = Box::pin(async move { wait(Some(&kept), SECOND).await });
            assert!(futures::poll!(&mut waits).is_pending());
            assert_in_time(tokio::spawn(waits).await.unwrap(), SECOND);
        }
    }

    #[tokio::test]
    async fn a_wait_never_ends_early_even_if_timers_were_held_up() {
        let (kept, time) = (KeptTimer::default(), Duration::from_millis(100));
        ask(&kept, time).await;
        // Timers of this thread cannot fire meanwhile.
        let busy = Instant::now() + time / 2;
        while Instant::now() < busy {
            std::hint::spin_loop();
        }
        assert!(time <= wait(Some(&kept), time).await);
    }
}
