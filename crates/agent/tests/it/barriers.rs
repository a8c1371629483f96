//! Those who wait for each other.

use std::time::Duration;

use gleis_agent::{Barrier, BarrierAgent, BarrierError, Break, Node, run_barrier, run_nameserver};
use gleis_test::wait::{eventually, within};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn nobody_goes_on_before_all_have_come_round_after_round() {
    let barrier = Barrier::new(3);
    for round in 0..3 {
        let waits = (0..2).map(|_| {
            let barrier = barrier.clone();
            tokio::spawn(async move { barrier.wait(SECOND).await })
        });
        let waits: Vec<_> = waits.collect();
        within(eventually(|| barrier.waiting() == 2)).await;
        assert!(waits.iter().all(|it| !it.is_finished()));
        let last = barrier.wait(SECOND).await.unwrap();
        assert_eq!((last.round, last.is_last), (round, true));
        for wait in waits {
            let it = wait.await.unwrap().unwrap();
            assert_eq!((it.round, it.is_last), (round, false));
        }
        assert_eq!(barrier.waiting(), 0);
    }
    // One that is for nobody is for one.
    assert!(Barrier::new(0).wait(SECOND).await.unwrap().is_last);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_tells_the_others_and_those_who_come_until_it_is_reset() {
    let barrier = Barrier::new(3);
    let patient = tokio::spawn({
        let barrier = barrier.clone();
        async move { barrier.wait(100 * SECOND).await }
    });
    within(eventually(|| barrier.waiting() == 1)).await;
    let error = barrier.wait(SECOND).await.unwrap_err();
    assert_eq!(error.to_string(), "2 of 3 came within 1s");
    let told = patient.await.unwrap().unwrap_err();
    assert!(matches!(told, BarrierError::Broken { why: Break::Late }), "{told}");
    let late = barrier.wait(SECOND).await.unwrap_err();
    assert_eq!(late.to_string(), "the barrier is broken: somebody waited in vain");
    assert_eq!((barrier.broken(), barrier.waiting()), (Some(Break::Late), 0));
    barrier.reset();
    assert_eq!(barrier.broken(), None);
    let (a, b, c) = tokio::join!(barrier.wait(SECOND), barrier.wait(SECOND), barrier.wait(SECOND));
    assert_eq!([a, b, c].map(|it| it.unwrap().round), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_or_resets_it_tells_the_others() {
    let barrier = Barrier::new(3);
    let wait = || {
        let barrier = barrier.clone();
        tokio::spawn(async move { barrier.wait(100 * SECOND).await })
    };
    let (stays, leaves) = (wait(), wait());
    within(eventually(|| barrier.waiting() == 2)).await;
    leaves.abort();
    let told = stays.await.unwrap().unwrap_err();
    assert!(matches!(told, BarrierError::Broken { why: Break::Left }), "{told}");
    barrier.reset();
    let stays = wait();
    within(eventually(|| barrier.waiting() == 1)).await;
    barrier.reset();
    let told = stays.await.unwrap().unwrap_err();
    assert!(matches!(told, BarrierError::Broken { why: Break::Reset }), "{told}");
    // A round that is over is broken by nobody who leaves it.
    let early = wait();
    let other = wait();
    within(eventually(|| barrier.waiting() == 2)).await;
    barrier.wait(SECOND).await.unwrap();
    early.abort();
    other.await.unwrap().unwrap();
    assert_eq!(barrier.broken(), None);
}

#[tokio::test]
async fn those_of_other_programs_wait_by_proxy() {
    let ns = run_nameserver().await.unwrap();
    let gate = run_barrier("gate", 3).await.unwrap();
    let proxy = ns.typed_proxy::<BarrierAgent>("gate").await.unwrap();
    for round in 0..2 {
        let there = |proxy: gleis_agent::TypedProxy<BarrierAgent>| {
            tokio::spawn(async move { proxy.wait(10 * SECOND).await })
        };
        let waits = [there(proxy.clone()), there(proxy.clone())];
        // The agent answers while others wait at it.
        while within(proxy.proxy().call::<usize>("waiting", ())).await.unwrap() < 2 {}
        let last = within(gate.wait(10 * SECOND)).await.unwrap();
        assert_eq!((last.round, last.is_last), (round, true));
        for wait in waits {
            assert_eq!(within(wait).await.unwrap().unwrap().round, round);
        }
    }
    let error = within(proxy.wait(Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(error.to_string(), "1 of 3 came within 50ms");
    let error = within(proxy.wait(SECOND)).await.unwrap_err();
    assert!(matches!(error, BarrierError::Broken { why: Break::Late }), "{error}");
    within(proxy.proxy().call::<()>("reset", ())).await.unwrap();
    let waits = tokio::spawn({
        let proxy = proxy.clone();
        async move { proxy.wait(10 * SECOND).await }
    });
    while within(proxy.proxy().call::<usize>("waiting", ())).await.unwrap() < 1 {}
    // Whoever waits when the agent ends is told.
    within(ns.shutdown(10 * SECOND)).await.unwrap();
    let told = within(waits).await.unwrap().unwrap_err();
    assert!(matches!(told, BarrierError::Broken { why: Break::Gone }), "{told}");
}

#[tokio::test]
async fn a_barrier_may_be_kept_by_any_node() {
    let node = Node::local();
    let barrier = Barrier::new(2);
    let gate = node.run_agent("gate", BarrierAgent::new(barrier.clone())).await.unwrap();
    let (here, there) =
        within(async { tokio::join!(barrier.wait(SECOND), gate.wait(SECOND)) }).await;
    assert_ne!(here.unwrap().is_last, there.unwrap().is_last);
}
