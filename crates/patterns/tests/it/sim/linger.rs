//! Closing delivers what is queued, or says how much it did not.

use std::time::Duration;

use gleis_patterns::{Options, Pull, Push};
use gleis_test::sim::{Sim, Weather, run};

use super::{CENTRE, Item, Log, PORT, moment, outer, recover, send, take};

/// What was taken, what was reported as not sent, and what came.
#[derive(Debug)]
struct Outcome {
    received: u64,
    taken: u64,
    unsent: u64,
}

/// Sends some messages, closes, and reads to the end.
async fn close(sim: &Sim, rng: &mut fastrand::Rng, pull: Options, linger: Duration) -> Outcome {
    let mut log = Log::default();
    let mut pull = Pull::<Item>::bind(PORT).options(pull).await.unwrap();
    let push = Push::<Item>::connect(PORT).options(sim.options(&outer(0))).linger(linger);
    let push = push.await.unwrap();
    // The first link may be lost in a storm before there was one.
    push.wait_for_peers(1).await;
    if rng.bool() {
        recover(sim).await;
    }
    let taken = send(&push, 0, &mut 0, rng.u32(1..300)).await;
    let pause = if rng.bool() { Duration::ZERO } else { moment(rng) };
    let reading = async {
        sim.pass(pause).await;
        take(sim, &mut pull, Duration::from_secs(2_000), &mut log).await;
    };
    let (unsent, ()) = tokio::join!(push.close(), reading);
    assert!(log.items.is_sorted(), "out of order: {log:?}");
    Outcome { received: log.items.len() as u64, taken, unsent: unsent as u64 }
}

#[test]
fn given_time_closing_delivers_everything() {
    run(100, async |sim| {
        let mut rng = sim.rng();
        sim.set_weather(Weather::rough(&mut rng));
        let (pull, linger) = (sim.options(CENTRE), Duration::from_secs(1_000));
        let outcome = close(&sim, &mut rng, pull, linger).await;
        assert_eq!((outcome.received, outcome.unsent), (outcome.taken, 0));
    });
}

#[test]
fn without_time_closing_says_exactly_how_many_did_not_leave() {
    run(100, async |sim| {
        let mut rng = sim.rng();
        sim.set_weather(Weather::rough(&mut rng));
        let linger = if rng.bool() { Duration::ZERO } else { moment(&mut rng) };
        let mut pull = sim.options(CENTRE);
        // A PING that comes after the end makes the system drop what it still holds of ours.
        pull.heartbeat = None;
        let outcome = close(&sim, &mut rng, pull, linger).await;
        assert_eq!(outcome.taken, outcome.received + outcome.unsent, "{outcome:?}");
    });
}

#[test]
fn closing_ends_in_a_storm_too_and_reports_no_more_than_there_was() {
    run(50, async |sim| {
        let mut rng = sim.rng();
        sim.set_weather(Weather::stormy(&mut rng, 50_000));
        let (pull, linger) = (sim.options(CENTRE), moment(&mut rng));
        let outcome = close(&sim, &mut rng, pull, linger).await;
        assert!(outcome.received <= outcome.taken && outcome.unsent <= outcome.taken);
    });
}
