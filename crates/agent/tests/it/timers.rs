//! Timers, under a clock that stands still unless it is moved.

use std::time::Duration;

use gleis_agent::{AgentRef, Context, Node, agent};
use gleis_test::wait::within;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Notes when its timers run, in milliseconds.
struct Clock {
    begin: Instant,
    ticks: Vec<u128>,
    busy: Duration,
}

#[agent]
impl Clock {
    async fn tick(&mut self, _: &Context<Self>) {
        self.ticks.push(self.begin.elapsed().as_millis());
        let busy = std::mem::take(&mut self.busy);
        // Not synchronisation: work that takes its time.
        tokio::time::sleep(busy).await;
    }
}

/// Lets time pass and everybody do what is due meanwhile.
async fn pass(time: Duration) {
    // Not synchronisation: the clock is paused and moves when nobody has anything to do.
    tokio::time::sleep(time).await;
}

async fn clock() -> (Node, AgentRef<Clock>) {
    let node = Node::local();
    let state = Clock { begin: Instant::now(), ticks: Vec::new(), busy: Duration::ZERO };
    let clock = node.run_agent("clock", state).await.unwrap();
    (node, clock)
}

#[track_caller]
fn check(clock: &AgentRef<Clock>, expect: &[u128]) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let ticks = within(clock.with(|it, _| it.ticks.clone())).await.unwrap();
        assert_eq!(ticks, expect, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_runs_at_once_and_then_every_period() {
    let (_node, clock) = clock().await;
    clock.each(SECOND, Clock::tick).await.unwrap();
    pass(SECOND * 5 / 2).await;
    check(&clock, &[0, 1_000, 2_000]).await;
}

#[tokio::test(start_paused = true)]
async fn missed_runs_are_not_made_up_for() {
    let (_node, clock) = clock().await;
    clock.with(|it, _| it.busy = SECOND * 7 / 2).await.unwrap();
    clock.each(SECOND, Clock::tick).await.unwrap();
    pass(SECOND * 5).await;
    check(&clock, &[0, 3_500, 4_500]).await;
}

#[tokio::test(start_paused = true)]
async fn after_runs_once() {
    let (_node, clock) = clock().await;
    clock.after(SECOND, Clock::tick).await.unwrap();
    pass(SECOND * 5).await;
    check(&clock, &[1_000]).await;
    assert_eq!(clock.with(|_, cx| cx.n_timers()).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_timer_runs_no_more() {
    let (_node, clock) = clock().await;
    let timer = clock.each(SECOND, Clock::tick).await.unwrap();
    let never = clock.after(SECOND * 3, Clock::tick).await.unwrap();
    pass(SECOND * 3 / 2).await;
    assert!(clock.stop_timer(timer));
    assert!(!clock.stop_timer(timer));
    assert!(clock.stop_timer(never));
    pass(SECOND * 5).await;
    check(&clock, &[0, 1_000]).await;
}

#[tokio::test(start_paused = true)]
async fn two_closures_are_two_timers() {
    let (_node, clock) = clock().await;
    clock.each(SECOND, |it: &mut Clock| it.ticks.push(1)).await.unwrap();
    clock
        .each(SECOND, |it: &mut Clock, _: &Context<Clock>| {
            it.ticks.push(2);
        })
        .await
        .unwrap();
    pass(SECOND * 3 / 2).await;
    check(&clock, &[1, 2, 1, 2]).await;
}

#[tokio::test(start_paused = true)]
async fn a_timer_may_stop_itself_and_start_others() {
    let (_node, clock) = clock().await;
    let first = clock.after(SECOND, async |_: &mut Clock, cx: &Context<Clock>| {
        cx.after(SECOND, Clock::tick).map(|_| ())
    });
    first.await.unwrap();
    pass(SECOND * 5).await;
    check(&clock, &[2_000]).await;
}

#[tokio::test]
async fn a_timer_without_a_period_leaves_room_for_calls() {
    let (_node, clock) = clock().await;
    clock.each(Duration::ZERO, |it: &mut Clock| it.ticks.truncate(0)).await.unwrap();
    for _ in 0..100 {
        check(&clock, &[]).await;
    }
}

struct Sleepy {
    n_idle: u32,
}

#[agent]
impl Sleepy {
    fn idle(&mut self) {
        self.n_idle += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn idle_runs_after_each_second_without_work() {
    let node = Node::local();
    let sleepy = node.run_agent("sleepy", Sleepy { n_idle: 0 }).await.unwrap();
    pass(SECOND * 7 / 2).await;
    assert_eq!(sleepy.with(|it, _| it.n_idle).await.unwrap(), 3);
}
