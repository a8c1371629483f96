//! Requests that are answered, and those that are not.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::join_all;
use gleis_patterns::{Overflow, RecvError, Replier, RequestError, Requester};

use crate::support::{Binder, SCHEMES, fresh, inproc, pair, soon, until};

type Asker = Requester<u32, u64>;
type Answerer = Replier<u32, u64>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_are_in_flight_and_answers_find_their_owners() {
    for scheme in SCHEMES {
        let (requester, replier) = pair::<Asker, Answerer>(scheme, Binder::Second).await;
        let answering = tokio::spawn(async move {
            let mut held = Vec::new();
            for _ in 0..500 {
                held.push(replier.recv().await.unwrap());
            }
            // In another order than they came.
            for (n, reply) in held.into_iter().rev() {
                reply.send(u64::from(n) + 1).await.unwrap();
            }
            replier
        });
        let answers = soon(join_all((0..500).map(|n| requester.request(n)))).await;
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), n as u64 + 1);
        }
        assert_eq!(requester.in_flight(), 0);
        drop(soon(answering).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lone_and_crowded_requests_may_alternate() {
    for scheme in SCHEMES {
        let (requester, replier) = pair::<Asker, Answerer>(scheme, Binder::Second).await;
        let answering = tokio::spawn(async move {
            while let Ok((n, reply)) = replier.recv().await {
                // Whoever asked may have gone.
                let _ = reply.send(u64::from(n) + 1).await;
            }
        });
        let requester = Arc::new(requester);
        for round in 0..300 {
            assert_eq!(soon(requester.request(round)).await.unwrap(), u64::from(round) + 1);
            let crowd = (0..round % 5).map(|n| {
                let requester = requester.clone();
                tokio::spawn(async move { requester.request(n).await })
            });
            let crowd: Vec<_> = crowd.collect();
            // One that is given up while it reads for all.
            poll_once(requester.request(round)).await;
            for (n, answer) in soon(join_all(crowd)).await.into_iter().enumerate() {
                assert_eq!(answer.unwrap().unwrap(), n as u64 + 1);
            }
        }
        answering.abort();
    }
}

/// Polls a future once and drops it.
async fn poll_once<F: Future + Unpin>(mut work: F) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut work).poll(cx);
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn more_requests_than_may_be_in_flight_take_turns() {
    let at = inproc();
    let replier = Answerer::bind(&at).await.unwrap();
    let requester = Asker::connect(&at).high_water(3).await.unwrap();
    let answering = tokio::spawn(async move {
        for _ in 0..50 {
            let (n, reply) = replier.recv().await.unwrap();
            reply.send(u64::from(n)).await.unwrap();
        }
    });
    let answers = soon(join_all((0..50).map(|n| requester.request(n)))).await;
    assert!(answers.into_iter().map(Result::unwrap).eq(0..50));
    soon(answering).await.unwrap();
}

#[tokio::test]
async fn a_dropped_handle_answers_no_reply_and_a_failed_one_its_text() {
    for scheme in SCHEMES {
        let (requester, replier) = pair::<Asker, Answerer>(scheme, Binder::First).await;
        let answering = tokio::spawn(async move {
            drop(replier.recv().await.unwrap());
            let (_, reply) = replier.recv().await.unwrap();
            reply.fail("no such number").await.unwrap();
            let (_, reply) = replier.recv().await.unwrap();
            reply.send(5).await.unwrap();
            replier
        });
        assert!(matches!(soon(requester.request(1)).await, Err(RequestError::NoReply)));
        match soon(requester.request(2)).await {
            Err(RequestError::Remote { text }) => assert_eq!(text, "no such number"),
            other => panic!("{other:?}"),
        }
        assert_eq!(soon(requester.request(3)).await.unwrap(), 5);
        drop(soon(answering).await);
    }
}

#[tokio::test]
async fn a_request_ends_at_its_deadline_and_its_late_answer_is_dropped() {
    for scheme in SCHEMES {
        let (requester, replier) = pair::<Asker, Answerer>(scheme, Binder::Second).await;
        let request = requester.request(1).within(Duration::from_millis(20));
        match soon(request).await {
            Err(RequestError::DeadlineExceeded { sent: true }) => (),
            other => panic!("{other:?}"),
        }
        assert_eq!(requester.in_flight(), 0);
        let (_, late) = soon(replier.recv()).await.unwrap();
        late.send(1).await.unwrap();
        until(|| requester.stats().received.dropped.unwanted == 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_follows_the_clock_of_the_runtime() {
    let at = inproc();
    let _replier = Answerer::bind(&at).await.unwrap();
    let requester = Asker::connect(&at).await.unwrap();
    let start = tokio::time::Instant::now();
    let ended = requester.request(1).within(Duration::from_secs(20)).await;
    assert!(matches!(ended, Err(RequestError::DeadlineExceeded { sent: true })));
    assert_eq!(start.elapsed().as_secs(), 20);
}

#[tokio::test]
async fn deadlines_are_kept_in_whatever_order_they_come() {
    let at = inproc();
    let _replier = Answerer::bind(&at).await.unwrap();
    let requester = Asker::connect(&at).timeout(Duration::from_secs(600)).await.unwrap();
    let long = requester.request(1);
    let mut long = std::pin::pin!(long);
    assert!(futures::poll!(&mut long).is_pending());
    for millis in [30, 10, 20] {
        let request = requester.request(2).within(Duration::from_millis(millis));
        let ended = soon(request).await;
        assert!(matches!(ended, Err(RequestError::DeadlineExceeded { sent: true })));
    }
    assert_eq!(requester.in_flight(), 1);
}

#[tokio::test]
async fn without_a_peer_a_request_waits_until_its_deadline() {
    let requester = Asker::bind(inproc()).await.unwrap();
    let request = requester.request(1).within(Duration::from_millis(20));
    assert!(matches!(soon(request).await, Err(RequestError::NoPeer)));
    let hasty = Asker::bind(inproc()).overflow(Overflow::Fail).await.unwrap();
    assert!(matches!(soon(hasty.request(1)).await, Err(RequestError::NoPeer)));
}

#[tokio::test]
async fn a_cancelled_request_gives_its_place_free() {
    for scheme in SCHEMES {
        let (requester, replier) = pair::<Asker, Answerer>(scheme, Binder::Second).await;
        soon(requester.wait_for_peers(1)).await;
        {
            let mut request = std::pin::pin!(requester.request(1));
            assert!(futures::poll!(&mut request).is_pending());
            assert_eq!(requester.in_flight(), 1);
        }
        assert_eq!(requester.in_flight(), 0);
        let (n, reply) = soon(replier.recv()).await.unwrap();
        reply.send(u64::from(n)).await.unwrap();
        until(|| requester.stats().received.dropped.unwanted == 1).await;
    }
}

#[tokio::test]
async fn a_lost_peer_ends_its_requests_at_once() {
    for scheme in SCHEMES {
        let (requester, replier) = pair::<Asker, Answerer>(scheme, Binder::First).await;
        let request = tokio::spawn(async move { requester.request(1).await });
        let (_, reply) = soon(replier.recv()).await.unwrap();
        drop(replier);
        let ended = soon(request).await.unwrap();
        assert!(matches!(ended, Err(RequestError::PeerLost { sent: true })), "{ended:?}");
        drop(reply);
    }
}

#[tokio::test]
async fn requests_go_to_the_repliers_in_turn() {
    let requester = Requester::<u32, u32>::bind(inproc()).await.unwrap();
    let mut tasks = Vec::new();
    for id in 0..3 {
        let it = Replier::<u32, u32>::connect(requester.endpoint()).await.unwrap();
        soon(requester.wait_for_peers(id as usize + 1)).await;
        tasks.push(tokio::spawn(async move {
            while let Ok((_, reply)) = it.recv().await {
                reply.send(id).await.unwrap();
            }
        }));
    }
    let mut counts = [0; 3];
    for n in 0..30 {
        counts[soon(requester.request(n)).await.unwrap() as usize] += 1;
    }
    assert_eq!(counts, [10; 3]);
    tasks.iter().for_each(|it| it.abort());
}

#[tokio::test]
async fn closing_ends_pending_requests_and_receiving() {
    let (requester, replier) = pair::<Asker, Answerer>("tcp", Binder::First).await;
    soon(requester.wait_for_peers(1)).await;
    let request = requester.request(1);
    let (ended, _) = soon(futures::future::join(request, requester.close())).await;
    assert!(matches!(ended, Err(RequestError::Closed)), "{ended:?}");
    assert!(matches!(soon(requester.request(1)).await, Err(RequestError::Closed)));
    soon(replier.close()).await;
    loop {
        match soon(replier.recv()).await {
            Ok(_) => continue,
            Err(error) => break assert!(matches!(error, RecvError::Closed)),
        }
    }
}

#[tokio::test]
async fn a_server_may_answer_from_many_tasks() {
    let replier = Answerer::bind(fresh("tcp")).await.unwrap();
    let requester = Asker::connect(replier.endpoint()).await.unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((n, reply)) = replier.recv().await {
            tokio::spawn(async move { reply.send(u64::from(n) * 3).await });
        }
    });
    let answers = soon(join_all((0..100).map(|n| requester.request(n)))).await;
    assert!(answers.into_iter().map(Result::unwrap).eq((0..100).map(|n| n * 3)));
    serving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_first_arrives_first_and_is_awaited_later() {
    for scheme in SCHEMES {
        let (requester, replier) = pair::<Asker, Answerer>(scheme, Binder::Second).await;
        let mut requests = Vec::new();
        for n in 0..20 {
            let mut request = requester.request(n);
            soon(request.sent()).await.unwrap();
            // Once more does nothing.
            soon(request.sent()).await.unwrap();
            requests.push(request);
        }
        for n in 0..20 {
            let (came, reply) = soon(replier.recv()).await.unwrap();
            assert_eq!(came, n);
            reply.send(u64::from(n) + 1).await.unwrap();
        }
        for (n, request) in (0..).zip(requests) {
            assert_eq!(soon(request).await.unwrap(), n + 1);
        }
    }
    let nobody = Asker::connect(fresh("inproc")).await.unwrap();
    let mut request = nobody.request(1).within(Duration::from_millis(10));
    assert!(matches!(soon(request.sent()).await, Err(RequestError::NoPeer)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replier_tells_who_asked_and_notices_that_he_has_gone() {
    for scheme in SCHEMES {
        let (requester, replier) = pair::<Asker, Answerer>(scheme, Binder::Second).await;
        let other = Asker::connect(replier.endpoint()).await.unwrap();
        let asked = async |requester: &Asker| {
            let mut request = requester.request(1);
            soon(request.sent()).await.unwrap();
            soon(replier.recv()).await.unwrap().1
        };
        let (first, again, stranger) =
            (asked(&requester).await, asked(&requester).await, asked(&other).await);
        let who = first.asker().unwrap();
        assert_eq!(Some(&who), again.asker().as_ref());
        assert_ne!(Some(&who), stranger.asker().as_ref());
        assert_eq!(who.address(), first.peer());
        assert!(!who.is_gone());
        drop(requester);
        soon(who.gone()).await;
        assert!(who.is_gone() && !stranger.asker().unwrap().is_gone());
        // One that comes too late to hear of it hears of it too.
        soon(who.gone()).await;
    }
}
