//! Ten thousand requests at once: every caller gets its own answer or its own error.

use std::time::Duration;

use futures::future::join_all;
use gleis_channels::{Answer, AsyncReplier, AsyncRequester, Reply, RequestError};

use crate::support::{LONG, READY, fresh, soon, until};

const REQUESTERS: u32 = 100;
const EACH: u32 = 100;
const ALL: u64 = (REQUESTERS * EACH) as u64;

type Requester = AsyncRequester<u32, u64>;

/// What is to become of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Answered,
    Cancelled,
    Expired,
}

/// One in ten expires, one in twenty is cancelled.
fn fate(n: u32) -> Fate {
    match n % 20 {
        0 | 1 => Fate::Expired,
        2 => Fate::Cancelled,
        _ => Fate::Answered,
    }
}

fn ask(requester: &Requester, n: u32) -> Answer<u64> {
    let within = if fate(n) == Fate::Expired { Duration::from_millis(1_500) } else { LONG };
    requester.request(n).unwrap().within(within).start()
}

/// Takes requests until all are accounted for.
async fn take_all(replier: &AsyncReplier<u32, u64>) -> Vec<(u32, Reply<u64>)> {
    let mut taken = Vec::new();
    loop {
        // What expired before it was taken is not handed out.
        let n_taken = taken.len() as u64;
        tokio::select! {
            biased;
            next = replier.recv() => taken.push(next.unwrap()),
            () = until(|| n_taken + replier.stats().expired == ALL) => return taken,
        }
    }
}

async fn check(scheme: &str) {
    let replier = AsyncReplier::<u32, u64>::bind(fresh(scheme)).await.unwrap();
    let connect = || Requester::connect(replier.endpoint()).ready(READY);
    let requesters = join_all((0..REQUESTERS).map(|_| async { connect().await.unwrap() })).await;
    let mut answers = Vec::new();
    let mut doomed = Vec::new();
    for n in 0..REQUESTERS * EACH {
        let answer = ask(&requesters[(n % REQUESTERS) as usize], n);
        let place = if fate(n) == Fate::Cancelled { &mut doomed } else { &mut answers };
        place.push((n, answer));
    }
    let mut taken = take_all(&replier).await;
    drop(doomed);
    fastrand::shuffle(&mut taken);
    let (late, mut prompt): (Vec<_>, Vec<_>) =
        taken.into_iter().partition(|it| fate(it.0) == Fate::Expired);
    let given_up = |it: &Reply<u64>| it.is_cancelled();
    until(|| prompt.iter().all(|it| fate(it.0) != Fate::Cancelled || given_up(&it.1))).await;
    prompt.retain(|it| fate(it.0) == Fate::Answered);
    for (n, reply) in prompt {
        reply.send(3 * u64::from(n)).await.unwrap();
    }
    let ended = answers.into_iter().map(|(n, it)| async move { (n, soon(it).await) });
    for (n, answer) in join_all(ended).await {
        match (fate(n), answer) {
            (Fate::Answered, Ok(answer)) => assert_eq!(answer, 3 * u64::from(n)),
            (Fate::Expired, Err(RequestError::DeadlineExceeded { .. })) => (),
            (fate, answer) => panic!("{n}: {fate:?}, {answer:?}"),
        }
    }
    let n_late = late.len() as u64;
    for (_, reply) in late {
        let _ = reply.send(0).await;
    }
    let total = || requesters.iter().map(Requester::stats);
    until(|| total().map(|it| it.late).sum::<u64>() == n_late).await;
    for stats in total() {
        assert!(stats.is_balanced() && stats.in_flight == 0, "{stats:?}");
    }
    assert_eq!(total().map(|it| it.answered).sum::<u64>(), ALL / 20 * 17);
    assert_eq!(total().map(|it| it.expired).sum::<u64>(), ALL / 10);
    assert_eq!(total().map(|it| it.cancelled).sum::<u64>(), ALL / 20);
    let stats = replier.stats();
    assert!(stats.is_balanced() && stats.open == 0, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_over_inproc() {
    check("inproc").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_over_ipc() {
    check("ipc").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_over_tcp() {
    check("tcp").await;
}
