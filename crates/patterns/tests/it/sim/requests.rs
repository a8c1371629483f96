//! Every request ends, once, and none is done twice.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use gleis_patterns::{Replier, Requester};
use gleis_test::sim::{Sim, Weather, run};

use super::{CENTRE, PORT, befall, moment, on, outer, recover};

/// Answers for ever, each request once, now and then late.
async fn answer(sim: Sim, replier: Replier<u64, u64>) {
    let (mut rng, mut done) = (sim.rng(), BTreeSet::new());
    loop {
        let Ok((n, reply)) = replier.recv().await else { return };
        assert!(done.insert(n), "asked twice for {n}");
        if rng.u8(0..4) == 0 {
            sim.pass(moment(&mut rng)).await;
        }
        if rng.u8(0..16) != 0 {
            // The requester may be gone.
            let _ = reply.send(n + 1).await;
        }
    }
}

/// Asks a few times at once; how many answers came.
async fn ask(sim: &Sim, requester: &Requester<u64, u64>, numbers: &[u64]) -> usize {
    let asking = numbers.iter().map(|n| requester.request(*n).within(Duration::from_secs(5)));
    let answers = join_all(asking).await;
    for (n, answer) in numbers.iter().zip(&answers) {
        sim.note(format_args!("{n}: {answer:?}"));
        assert!(answer.as_ref().is_err() || answer.as_ref().unwrap() == &(n + 1));
    }
    answers.iter().filter(|it| it.is_ok()).count()
}

async fn play(sim: Sim) {
    let mut rng = sim.rng();
    sim.set_weather(Weather::stormy(&mut rng, 5_000));
    let replier = on(Replier::bind(PORT), &sim, CENTRE).await.unwrap();
    let answering = gleis_transport::TaskGuard::spawn(answer(sim.clone(), replier));
    let requester = on(Requester::connect(PORT), &sim, &outer(0)).await.unwrap();
    let mut numbers = 0..;
    for _ in 0..rng.u32(1..12) {
        let some: Vec<u64> = numbers.by_ref().take(rng.usize(1..10)).collect();
        ask(&sim, &requester, &some).await;
        befall(&sim, &mut rng, CENTRE, &outer(0));
        assert_eq!(requester.in_flight(), 0);
    }
    recover(&sim).await;
    let answered = requester.request(numbers.next().unwrap()).within(Duration::from_secs(100));
    let answered = answered.await;
    assert!(matches!(answered, Ok(_) | Err(gleis_patterns::RequestError::NoReply)), "{answered:?}");
    drop(answering);
}

#[test]
fn every_request_ends_and_none_is_done_twice() {
    run(100, play);
}
