//! Requesters that bind, and repliers that connect to them.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use gleis_channels::{AsyncReplier, AsyncRequester, Endpoint, RequestError};
use gleis_patterns::{Multipart, Router};

use crate::support::{LONG, READY, SCHEMES, fresh, soon, until};

type Replier = AsyncReplier<u32, u32>;
type Requester = AsyncRequester<u32, u32>;

async fn bound(scheme: &str) -> Requester {
    Requester::bind(fresh(scheme)).timeout(LONG).await.unwrap()
}

/// So many repliers, all of which are there.
async fn repliers(requester: &Requester, n: usize) -> Vec<Replier> {
    let connect = |_| async { Replier::connect(requester.endpoint().clone()).await.unwrap() };
    let repliers = join_all((0..n).map(connect)).await;
    soon(requester.wait_for_peers(n)).await;
    repliers
}

#[tokio::test]
async fn repliers_take_turns() {
    for scheme in SCHEMES {
        let requester = bound(scheme).await;
        let repliers = repliers(&requester, 3).await;
        let serve = |(n, it): (u32, Replier)| it.serve(move |_| async move { n });
        let repliers: Vec<_> = (0..).zip(repliers).map(serve).collect();
        let answers = (0..30).map(|n| requester.request(n).unwrap().start());
        let answers = soon(join_all(answers)).await;
        let mut answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(answers[..27].iter().eq(&answers[3..]), "{answers:?}");
        answers.sort_unstable();
        assert!(answers.chunks(10).zip(0..).all(|(some, n)| some == [n; 10]), "{answers:?}");
        assert!(repliers.iter().all(|it| it.stats().answered == 10));
        assert_eq!((requester.peers(), requester.in_flight()), (3, 0));
    }
}

#[tokio::test]
async fn a_request_waits_for_the_first_replier() {
    for scheme in SCHEMES {
        let requester = bound(scheme).await;
        let answers: Vec<_> = (0..10).map(|n| requester.request(n).unwrap().start()).collect();
        let within = Duration::from_millis(20);
        let expired = soon(requester.request(99).unwrap().within(within)).await;
        assert!(matches!(expired, Err(RequestError::DeadlineExceeded { sent: false })));
        let replier = repliers(&requester, 1).await.remove(0).serve(async |n| n + 1);
        let answers = soon(join_all(answers)).await;
        assert!(answers.into_iter().map(Result::unwrap).eq(1..=10));
        assert_eq!(replier.stats().asked, 10);
    }
}

#[tokio::test]
async fn a_replier_that_is_lost_ends_its_own_requests_alone() {
    for scheme in SCHEMES {
        let requester = bound(scheme).await;
        let mut repliers = repliers(&requester, 2).await;
        let answers: Vec<_> = (0..10).map(|n| requester.request(n).unwrap().start()).collect();
        let mut taken = Vec::new();
        for replier in &repliers {
            for _ in 0..5 {
                taken.push(soon(replier.recv()).await.unwrap());
            }
        }
        drop(repliers.remove(0));
        // A reply that is dropped now would still say so.
        let lost: Vec<_> = taken.drain(..5).collect();
        until(|| requester.stats().lost == 5).await;
        let lost: Vec<_> = lost.into_iter().map(|it| it.0).collect();
        for (n, reply) in taken {
            reply.send(n + 1).await.unwrap();
        }
        for (n, answer) in (0..).zip(soon(join_all(answers)).await) {
            match answer {
                Ok(answer) => assert!(answer == n + 1 && !lost.contains(&n)),
                Err(error) => {
                    assert!(matches!(error, RequestError::PeerLost { sent: true }), "{error:?}");
                    assert!(lost.contains(&n));
                }
            }
        }
        // Who is left is asked alone.
        let left = repliers.remove(0).serve(async |n| n);
        let answers = (0..4).map(|n| requester.request(n).unwrap().start());
        assert!(soon(join_all(answers)).await.iter().all(Result::is_ok));
        let stats = requester.stats();
        assert!(stats.is_balanced() && stats.in_flight == 0, "{stats:?}");
        assert_eq!(left.stats().answered, 9);
    }
}

#[tokio::test]
async fn a_replier_without_room_is_passed_over() {
    for scheme in SCHEMES {
        let requester = AsyncRequester::<Bytes, Bytes>::bind(fresh(scheme)).high_water(2);
        let requester = requester.timeout(LONG).await.unwrap();
        let at = || requester.endpoint().clone();
        let _idle = AsyncReplier::<Bytes, Bytes>::connect(at()).high_water(2).await.unwrap();
        let busy = AsyncReplier::<Bytes, Bytes>::connect(at()).high_water(2).await.unwrap();
        let busy = busy.serve(async |_| Bytes::new());
        soon(requester.wait_for_peers(2)).await;
        let body = Bytes::from(vec![0; 16 << 10]);
        let answers: Vec<_> = (0..800).map(|_| requester.request(&body).unwrap().start()).collect();
        // The idle one and the way to it hold less.
        until(|| 400 < requester.stats().answered).await;
        assert!(400 < busy.stats().answered);
        drop(answers);
        assert!(requester.stats().is_balanced() && requester.in_flight() == 0);
    }
}

#[tokio::test]
async fn a_cancel_reaches_whoever_was_asked() {
    for scheme in SCHEMES {
        let requester = bound(scheme).await;
        let repliers = repliers(&requester, 2).await;
        let answers: Vec<_> = (0..2).map(|n| requester.request(n).unwrap().start()).collect();
        let mut replies = Vec::new();
        for replier in &repliers {
            replies.push(soon(replier.recv()).await.unwrap());
        }
        replies.sort_by_key(|it| it.0);
        let [first, second] = <[_; 2]>::try_from(answers).unwrap();
        drop(first);
        soon(replies[0].1.cancelled()).await;
        assert!(!replies[1].1.is_cancelled());
        let (n, reply) = replies.remove(1);
        reply.send(n).await.unwrap();
        assert_eq!(soon(second).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn nobody_answers_for_another_replier() {
    for scheme in SCHEMES {
        let requester = bound(scheme).await;
        let at: Endpoint = requester.endpoint().clone();
        let stranger = Router::<Multipart>::connect(at).ready(READY).await.unwrap();
        let replier = repliers(&requester, 1).await.remove(0);
        soon(requester.wait_for_peers(2)).await;
        let answers: Vec<_> = (0..2).map(|n| requester.request(n).unwrap().start()).collect();
        let (n, reply) = soon(replier.recv()).await.unwrap();
        let (peer, asked) = soon(stranger.recv()).await.unwrap();
        let forged = |id: &[u8]| Multipart::new([[b"A", id].concat(), vec![77]]);
        let ours = <[u8; 8]>::try_from(&asked.frames[0][1..9]).unwrap();
        for id in [reply.id().to_be_bytes(), ours] {
            soon(stranger.send_to(&peer, forged(&id))).await.unwrap();
        }
        until(|| requester.stats().late == 1).await;
        reply.send(n + 1).await.unwrap();
        let answers = soon(join_all(answers)).await;
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(answers.contains(&77) && answers.contains(&(n + 1)), "{answers:?}");
    }
}

#[tokio::test]
async fn a_requester_that_comes_again_finds_its_repliers() {
    for scheme in ["ipc", "tcp"] {
        let requester = bound(scheme).await;
        let replier = repliers(&requester, 1).await.remove(0).serve(async |n| n);
        let at = requester.endpoint().clone();
        requester.close().await;
        drop(requester);
        let requester = soon(Requester::bind(at)).await.unwrap();
        assert_eq!(soon(requester.request(3).unwrap().within(LONG)).await.unwrap(), 3);
        assert!(replier.stats().is_balanced());
    }
}
