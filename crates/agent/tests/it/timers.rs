//! Timers, under a clock that stands still unless it is moved.

use std::time::Duration;

use gleis_agent::{AgentRef, Context, Missed, Node, TimerError, agent};
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
    assert_eq!(clock.context().list_timers(), []);
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
async fn a_timer_may_start_others() {
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

#[tokio::test(start_paused = true)]
async fn tmr07_missed_runs_are_made_up_for_or_skipped_as_the_timer_was_told() {
    for (missed, expect) in [
        (Missed::Burst, &[0, 3_500, 3_500, 3_500, 4_000][..]),
        (Missed::Delay, &[0, 3_500, 4_500][..]),
        (Missed::Skip, &[0, 4_000][..]),
    ] {
        let (_node, clock) = clock().await;
        clock.with(|it, _| it.busy = SECOND * 7 / 2).await.unwrap();
        clock.context().timer(Clock::tick).missed(missed).each(SECOND).unwrap();
        pass(SECOND * 19 / 4).await;
        check(&clock, expect).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tmr08_tmr09_timers_are_stopped_by_id_or_alias_and_the_others_go_on() {
    let (_node, clock) = clock().await;
    let cx = clock.context();
    let id = cx.timer(|it: &mut Clock| it.ticks.push(1)).each(SECOND).unwrap();
    cx.timer(|it: &mut Clock| it.ticks.push(2)).alias("two").each(SECOND).unwrap();
    cx.timer(|it: &mut Clock| it.ticks.push(3)).alias("three").each(SECOND).unwrap();
    let error = cx.timer(Clock::tick).alias("two").after(SECOND).unwrap_err();
    assert!(matches!(error, TimerError::AliasTaken { .. }));
    pass(SECOND / 2).await;
    let infos = cx.list_timers();
    let aliases: Vec<_> = infos.iter().map(|it| it.alias.as_deref()).collect();
    assert_eq!(aliases, [None, Some("two"), Some("three")]);
    assert!(infos.iter().all(|it| it.period == Some(SECOND) && it.due_in == SECOND / 2));
    assert!(clock.stop_timer(id));
    assert!(clock.stop_timer("two"));
    assert!(!clock.stop_timer("two"));
    pass(SECOND).await;
    check(&clock, &[1, 2, 3, 3]).await;
    // The alias is free again.
    cx.timer(Clock::tick).alias("two").after(SECOND).unwrap();
}

#[tokio::test(start_paused = true)]
async fn tmr10_all_timers_are_stopped_and_new_ones_can_be_started() {
    let (_node, clock) = clock().await;
    let cx = clock.context();
    cx.timer(Clock::tick).alias("tick").each(SECOND).unwrap();
    cx.after(SECOND, Clock::tick).unwrap();
    pass(SECOND / 2).await;
    assert_eq!(cx.stop_all_timers(), 2);
    assert_eq!(cx.list_timers(), []);
    pass(SECOND * 3).await;
    check(&clock, &[0]).await;
    cx.timer(Clock::tick).alias("tick").after(SECOND / 2).unwrap();
    pass(SECOND).await;
    check(&clock, &[0, 4_000]).await;
}

#[tokio::test(start_paused = true)]
async fn tmr13_tmr14_a_timer_that_is_stopped_before_its_time_never_runs() {
    let (_node, clock) = clock().await;
    let cx = clock.context();
    let id = cx.after(SECOND, Clock::tick).unwrap();
    cx.timer(Clock::tick).alias("later").after(SECOND * 2).unwrap();
    assert!(cx.stop_timer(id));
    assert!(cx.stop_timer("later"));
    pass(SECOND * 5).await;
    check(&clock, &[]).await;
    // One that has run has no name any more.
    cx.timer(Clock::tick).alias("later").after(SECOND).unwrap();
    pass(SECOND * 2).await;
    assert!(!cx.stop_timer("later"));
}
