//! Peers that say what nobody understands, ask for what they may not have, or want too much.

use std::time::Duration;

use bytes::Bytes;
use gleis_channels::{
    AsyncReplier, AsyncRequester, Options, RequestError, SyncPublisher, SyncSubscriber,
};
use gleis_patterns::{Dealer, Endpoint, Multipart, Router, Subscriber};

use crate::support::{LONG, READY, SCHEMES, fresh, soon, until};

async fn dealer(at: &Endpoint) -> Dealer<Multipart> {
    Dealer::connect(at.clone()).ready(READY).await.unwrap()
}

/// Some bytes of chance, as frames.
fn noise(rng: &mut fastrand::Rng) -> Multipart {
    let frame = |rng: &mut fastrand::Rng| {
        let kinds = b"QCWAEPD";
        let mut bytes = vec![kinds[rng.usize(..kinds.len())]];
        let len = rng.usize(0..40);
        bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(len));
        Bytes::from(bytes)
    };
    (0..rng.usize(1..5)).map(|_| frame(rng)).collect()
}

#[tokio::test]
async fn noise_is_ignored_and_counted_and_others_are_served() {
    for scheme in SCHEMES {
        let mut rng = fastrand::Rng::with_seed(7);
        let publisher = SyncPublisher::<u32, u32, u32>::bind(fresh(scheme)).await.unwrap();
        let publisher = publisher.serve(async |n| n);
        let stranger = dealer(publisher.endpoint()).await;
        for _ in 0..2_000 {
            soon(stranger.send(noise(&mut rng))).await.unwrap();
        }
        let subscriber = SyncSubscriber::<u32, u32, u32>::connect(publisher.endpoint());
        let subscriber = subscriber.subscribe("").ready(READY).await.unwrap();
        assert_eq!(soon(subscriber.request(1).unwrap()).await.unwrap(), 1);
        publisher.send(2).await.unwrap();
        soon(subscriber.recv()).await.unwrap();
        let stats = publisher.stats();
        assert!(0 < stats.unreadable && stats.is_balanced(), "{stats:?}");
    }
}

#[tokio::test]
async fn a_requester_survives_a_replier_that_talks_nonsense() {
    for scheme in SCHEMES {
        let mut rng = fastrand::Rng::with_seed(7);
        let stranger = Router::<Multipart>::bind(fresh(scheme)).await.unwrap();
        let requester = AsyncRequester::<u32, u32>::connect(stranger.endpoint());
        let requester = requester.ready(READY).await.unwrap();
        let answer = requester.request(1).unwrap().within(LONG).start();
        let (peer, _) = soon(stranger.recv()).await.unwrap();
        for _ in 0..2_000 {
            soon(stranger.send_to(&peer, noise(&mut rng))).await.unwrap();
        }
        // The id is right and the body is not.
        let head = [&b"A"[..], &[0, 0, 0, 1, 0, 0, 0, 0]].concat();
        let bad = Multipart::new([Bytes::from(head), Bytes::from_static(b"\xff\xff\xff")]);
        stranger.send_to(&peer, bad).await.unwrap();
        let answer = soon(answer).await;
        assert!(matches!(answer, Err(RequestError::Decode(_))), "{answer:?}");
        let stats = requester.stats();
        assert!(0 < stats.unreadable && stats.is_balanced(), "{stats:?}");
    }
}

#[tokio::test]
async fn a_plain_subscriber_gets_nothing_at_all() {
    for scheme in SCHEMES {
        let publisher = SyncPublisher::<u32, u32, u32>::bind(fresh(scheme)).await.unwrap();
        let publisher = publisher.serve(async |n| n);
        // Replies are not published, and such a socket is not even let in.
        let spy = Subscriber::<Bytes>::connect(publisher.endpoint()).subscribe("");
        let spy = spy.connect_patience(Duration::from_millis(50)).await;
        let subscriber = SyncSubscriber::<u32, u32, u32>::connect(publisher.endpoint());
        let subscriber = subscriber.ready(READY).await.unwrap();
        assert_eq!(soon(subscriber.request(1).unwrap()).await.unwrap(), 1);
        assert!(spy.is_err() || spy.unwrap().try_recv().is_err());
        assert_eq!(publisher.peers(), 1);
    }
}

#[tokio::test]
async fn nobody_answers_or_cancels_for_another_peer() {
    let replier = AsyncReplier::<u32, u32>::bind(fresh("tcp")).await.unwrap();
    let requester = AsyncRequester::<u32, u32>::connect(replier.endpoint()).ready(READY);
    let requester = requester.await.unwrap();
    let answer = requester.request(1).unwrap().start();
    let (_, reply) = soon(replier.recv()).await.unwrap();
    let stranger = dealer(replier.endpoint()).await;
    for kind in [&b"C"[..], b"A"] {
        let head = [kind, &reply.id().to_be_bytes()].concat();
        stranger.send(Multipart::new([head])).await.unwrap();
    }
    until(|| replier.stats().unreadable == 1).await;
    assert!(!reply.is_cancelled());
    reply.send(2).await.unwrap();
    assert_eq!(soon(answer).await.unwrap(), 2);
}

#[tokio::test]
async fn whoever_wants_too_much_is_disconnected() {
    let mut options = Options::default();
    options.max_subscriptions = 10;
    let publisher = SyncPublisher::<u32, (), ()>::bind(fresh("tcp")).options(options);
    let publisher = publisher.await.unwrap();
    let modest = SyncSubscriber::<u32, (), ()>::connect(publisher.endpoint()).subscribe("a");
    let modest = modest.ready(READY).await.unwrap();
    let greedy = SyncSubscriber::<u32, (), ()>::connect(publisher.endpoint());
    let greedy = (0..11).fold(greedy, |it, n| it.subscribe(n.to_string())).await.unwrap();
    assert!(greedy.ready(Duration::from_millis(300)).await.is_err());
    publisher.publish("a", 1).await.unwrap();
    soon(modest.recv()).await.unwrap();
}
