//! Futures that are polled a few times and then dropped: nothing is lost, nothing comes twice.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use fastrand::Rng;
use gleis_patterns::{
    Dealer, HighWater, Overflow, PeerId, Publisher, Pull, Push, RecvError, Replier, Requester,
    Router, Subscriber,
};
use gleis_test::wait::PATIENCE;

use crate::support::{NATIVE, SCHEMES, fresh, soon, until};

const MESSAGES: u32 = 150;

/// Polls `work` at most so often and drops it; nobody is ever woken for it.
async fn polled<F: Future>(work: F, n_polls: usize) -> Option<F::Output> {
    let mut work = pin!(work);
    for _ in 0..n_polls {
        let res = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(res) = res {
            return Some(res);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Starts the work anew until one that was not dropped too early has a result.
async fn insist<F: Future>(rng: &mut Rng, mut work: impl FnMut() -> F) -> F::Output {
    loop {
        if let Some(res) = polled(work(), rng.usize(1..5)).await {
            return res;
        }
    }
}

/// Two seeds on each transport.
fn cases() -> impl Iterator<Item = (&'static str, Rng)> {
    SCHEMES.into_iter().flat_map(|scheme| [1, 2].map(|seed| (scheme, Rng::with_seed(seed))))
}

/// Few messages, and less than one large one.
fn small(rng: &mut Rng) -> HighWater {
    HighWater { messages: rng.usize(1..20), bytes: 1 << 14 }
}

/// A message that says which it is; now and then as large as many reads.
fn numbered(rng: &mut Rng, n: u32) -> Bytes {
    let len = if rng.u8(0..8) == 0 { 40_000 } else { 40 };
    [&n.to_be_bytes()[..], &vec![0; len]].concat().into()
}

#[track_caller]
fn number(message: &Bytes) -> u32 {
    u32::from_be_bytes(message[..4].try_into().unwrap())
}

#[tokio::test]
async fn a_dropped_recv_of_a_pull_loses_nothing() {
    for (scheme, mut rng) in cases() {
        let pull = Pull::<Bytes>::bind(fresh(scheme)).recv_high_water(small(&mut rng));
        let pull = pull.await.unwrap();
        let push = Push::<Bytes>::connect(pull.endpoint()).await.unwrap();
        let mut sizes = rng.fork();
        let sending = async {
            for n in 0..MESSAGES {
                push.send(numbered(&mut sizes, n)).await.unwrap();
            }
        };
        let receiving = async {
            for n in 0..MESSAGES {
                let got = match rng.bool() {
                    true => insist(&mut rng, || pull.recv()).await.unwrap(),
                    // Most of the time, a batch would be there at once.
                    false => insist(&mut rng, async || {
                        let mut one = Vec::new();
                        pull.recv_many(&mut one, 1).await.map(|_| one.remove(0))
                    })
                    .await
                    .unwrap(),
                };
                assert_eq!(number(&got), n, "{scheme}");
            }
        };
        soon(futures::future::join(sending, receiving)).await;
        assert!(matches!(pull.try_recv(), Err(RecvError::Empty)));
    }
}

#[tokio::test]
async fn a_dropped_recv_of_a_subscriber_loses_nothing() {
    for (scheme, mut rng) in cases() {
        let publisher = Publisher::<Bytes>::bind(fresh(scheme)).overflow(Overflow::Block);
        let publisher = publisher.await.unwrap();
        let it = Subscriber::<Bytes>::connect(publisher.endpoint()).subscribe("yes");
        let it = it.recv_high_water(small(&mut rng)).await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        let mut sizes = rng.fork();
        let sending = async {
            for n in 0..MESSAGES {
                publisher.publish("no", Bytes::new()).await.unwrap();
                publisher.publish("yes", numbered(&mut sizes, n)).await.unwrap();
            }
        };
        let receiving = async {
            for n in 0..MESSAGES {
                let got = insist(&mut rng, || it.recv()).await.unwrap();
                assert_eq!(number(&got.message), n, "{scheme}");
            }
        };
        soon(futures::future::join(sending, receiving)).await;
    }
}

#[tokio::test]
async fn a_dropped_recv_of_a_replier_loses_no_request() {
    for (scheme, mut rng) in cases() {
        let replier = Replier::<u32, u32>::bind(fresh(scheme)).await.unwrap();
        let requester = Requester::<u32, u32>::connect(replier.endpoint()).high_water(10);
        let requester = requester.await.unwrap();
        let asking = futures::future::join_all((0..MESSAGES).map(async |n| {
            assert_eq!(requester.request(n).await.unwrap(), n + 1, "{scheme}");
        }));
        let answering = async {
            for _ in 0..MESSAGES {
                let (n, reply) = insist(&mut rng, || replier.recv()).await.unwrap();
                reply.send(n + 1).await.unwrap();
            }
        };
        soon(futures::future::join(asking, answering)).await;
        let received = replier.stats().received;
        assert_eq!((received.offered, received.delivered), (150, 150), "{scheme}");
    }
}

#[tokio::test]
async fn a_dropped_recv_of_a_router_loses_nothing() {
    for (scheme, mut rng) in cases() {
        let router = Router::<Bytes>::bind(fresh(scheme)).recv_high_water(small(&mut rng));
        let router = router.await.unwrap();
        let connect = |name| Dealer::<Bytes>::connect(router.endpoint()).identity(name);
        let dealers = [connect("a").await.unwrap(), connect("b").await.unwrap()];
        let mut sizes = rng.fork();
        let sending = async {
            for n in 0..MESSAGES {
                for dealer in &dealers {
                    dealer.send(numbered(&mut sizes, n)).await.unwrap();
                }
            }
        };
        let receiving = async {
            let mut next = [0, 0];
            for _ in 0..2 * MESSAGES {
                let (from, got) = insist(&mut rng, || router.recv()).await.unwrap();
                let next = &mut next[usize::from(from == PeerId::from("b"))];
                assert_eq!(number(&got), *next, "{scheme}");
                *next += 1;
            }
        };
        soon(futures::future::join(sending, receiving)).await;
    }
}

/// Whoever received by hand, and lost interest, leaves a socket that works as before.
#[tokio::test]
async fn after_a_dropped_recv_the_next_one_is_woken() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        for n in 0..50 {
            assert!(polled(pull.recv(), n as usize % 3 + 1).await.is_none());
            let (sent, got) = soon(futures::future::join(push.send(n), pull.recv())).await;
            sent.unwrap();
            assert_eq!(got.unwrap(), n, "{scheme}");
        }
    }
}

#[tokio::test]
async fn a_dropped_send_has_sent_nothing() {
    macro_rules! check {
        ($from:ty => $to:ty) => {
            for (scheme, mut rng) in cases() {
                let to = <$to>::bind(fresh(scheme)).recv_high_water(small(&mut rng));
                let to = to.await.unwrap();
                let from = <$from>::connect(to.endpoint()).send_high_water(small(&mut rng));
                let from = from.identity("from").await.unwrap();
                soon(to.wait_for_peers(1)).await;
                soon(from.wait_for_peers(1)).await;
                let mut turns = rng.fork();
                let sending = async {
                    for n in 0..MESSAGES {
                        let message = numbered(&mut rng, n);
                        insist(&mut rng, || from.send(&message)).await.unwrap();
                    }
                };
                let receiving = async {
                    for n in 0..MESSAGES {
                        assert_eq!(number(&to.recv().await.unwrap()), n, "{scheme}");
                        for _ in 0..turns.u8(0..6) {
                            tokio::task::yield_now().await;
                        }
                    }
                };
                soon(futures::future::join(sending, receiving)).await;
                until(|| from.stats().sent.in_flight + from.stats().sent.queued == 0).await;
                let sent = from.stats().sent;
                assert_eq!(sent.offered, u64::from(MESSAGES), "{scheme}");
                assert!(sent.is_balanced(), "{scheme}: {sent:?}");
                assert!(to.try_recv().is_err(), "{scheme}");
            }
        };
    }
    check!(Push<Bytes> => Pull<Bytes>);
    check!(Dealer<Bytes> => Dealer<Bytes>);
}

#[tokio::test]
async fn a_dropped_send_of_a_router_has_sent_nothing() {
    for (scheme, mut rng) in cases() {
        let router = Router::<Bytes>::bind(fresh(scheme)).send_high_water(small(&mut rng));
        let router = router.await.unwrap();
        let dealer = Dealer::<Bytes>::connect(router.endpoint()).identity("anna");
        let dealer = dealer.recv_high_water(small(&mut rng)).await.unwrap();
        soon(router.wait_for_peers(1)).await;
        let anna = PeerId::from("anna");
        let sending = async {
            for n in 0..MESSAGES {
                let message = numbered(&mut rng, n);
                insist(&mut rng, || router.send_to(&anna, &message)).await.unwrap();
            }
        };
        let receiving = async {
            for n in 0..MESSAGES {
                assert_eq!(number(&dealer.recv().await.unwrap()), n, "{scheme}");
                tokio::task::yield_now().await;
            }
        };
        soon(futures::future::join(sending, receiving)).await;
        assert!(dealer.try_recv().is_err());
    }
}

/// Answered ones were asked once, dropped ones once at most.
#[tokio::test]
async fn a_dropped_request_is_asked_once_at_most_and_forgotten() {
    for (scheme, mut rng) in cases() {
        let replier = Replier::<u32, u32>::bind(fresh(scheme)).await.unwrap();
        let requester = Requester::<u32, u32>::connect(replier.endpoint()).high_water(3);
        let requester = requester.timeout(PATIENCE).await.unwrap();
        let (done, over) = tokio::sync::oneshot::channel::<()>();
        let asking = async {
            let mut answered = Vec::new();
            for n in 0..MESSAGES {
                // Some are never given up: how many polls an answer takes is nobody's promise.
                let n_polls = if n % 4 == 0 { usize::MAX } else { rng.usize(1..8) };
                match polled(requester.request(n), n_polls).await {
                    Some(answer) => {
                        assert_eq!(answer.unwrap(), n + 1, "{scheme}");
                        answered.push(n);
                    }
                    None => assert_eq!(requester.in_flight(), 0),
                }
            }
            assert_eq!(requester.request(MESSAGES).await.unwrap(), MESSAGES + 1);
            drop(done);
            answered
        };
        let answering = async {
            let (mut asked, mut over) = (Vec::new(), pin!(over));
            loop {
                let (n, reply) = tokio::select! {
                    it = replier.recv() => it.unwrap(),
                    _ = &mut over => break asked,
                };
                asked.push(n);
                reply.send(n + 1).await.unwrap();
            }
        };
        let (answered, asked) = soon(futures::future::join(asking, answering)).await;
        assert!(asked.is_sorted_by(|a, b| a < b), "{scheme}: {asked:?}");
        assert!(answered.iter().all(|it| asked.contains(it)), "{scheme}");
        assert!(!answered.is_empty() && answered.len() < MESSAGES as usize, "{scheme}");
    }
}

/// A publication that was dropped half-way has reached some, and nobody twice.
#[tokio::test]
async fn a_dropped_publication_reaches_nobody_twice_and_a_whole_one_everybody() {
    for scheme in NATIVE {
        for seed in 0..3 {
            let mut rng = Rng::with_seed(seed);
            let publisher = Publisher::<Bytes>::bind(fresh(scheme)).overflow(Overflow::Block);
            let publisher = publisher.send_high_water(small(&mut rng)).await.unwrap();
            let mut subscribers = Vec::new();
            for _ in 0..2 {
                let it = Subscriber::<Bytes>::connect(publisher.endpoint()).subscribe("");
                subscribers.push(it.recv_high_water(small(&mut rng)).await.unwrap());
            }
            soon(publisher.wait_for_subscribers(2)).await;
            let sending = async {
                let mut whole = Vec::new();
                for n in 0..MESSAGES {
                    let message = numbered(&mut rng, n);
                    let n_polls = rng.usize(1..4);
                    if let Some(res) = polled(publisher.send(&message), n_polls).await {
                        res.unwrap();
                        whole.push(n);
                    }
                }
                publisher.send(numbered(&mut rng, MESSAGES)).await.unwrap();
                whole
            };
            let receiving = futures::future::join_all(subscribers.iter().map(async |it| {
                let mut got = Vec::new();
                while got.last() != Some(&MESSAGES) {
                    got.push(number(&it.recv().await.unwrap().message));
                    tokio::task::yield_now().await;
                }
                got
            }));
            let (whole, got) = soon(futures::future::join(sending, receiving)).await;
            for got in got {
                assert!(got.is_sorted_by(|a, b| a < b), "{scheme}: {got:?}");
                assert!(whole.iter().all(|it| got.contains(it)), "{scheme}");
            }
            until(|| publisher.stats().sent.in_flight == 0).await;
            assert!(publisher.stats().sent.is_balanced());
        }
    }
}
