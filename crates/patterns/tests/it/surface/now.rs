//! Sending and receiving at once or not at all.

use bytes::Bytes;
use futures::poll;
use gleis_patterns::{
    Dealer, Overflow, Pair, PeerId, Publisher, Pull, Push, RecvError, Replier, RequestError,
    Requester, Router, SendError, Subscriber, Upstream, XPub, XSub,
};

use crate::support::{SCHEMES, fresh, inproc, soon, until};

#[tokio::test]
async fn trying_to_send_says_that_there_is_no_peer_no_room_or_no_socket() {
    macro_rules! check {
        ($from:ty, $to:ty) => {
            let from = <$from>::bind(inproc()).await.unwrap();
            assert!(matches!(from.try_send(0), Err(SendError::NoPeer)));
            let to = <$to>::connect(from.endpoint()).high_water(2).await.unwrap();
            soon(from.wait_for_peers(1)).await;
            from.try_send(1).unwrap();
            from.try_send(&2).unwrap();
            assert!(matches!(from.try_send(3), Err(SendError::Full)));
            for n in 1..=2 {
                assert_eq!(to.try_recv().unwrap(), n);
            }
            assert!(matches!(to.try_recv(), Err(RecvError::Empty)));
            from.try_send(4).unwrap();
            assert_eq!(to.try_recv().unwrap(), 4);
            drop(to);
            until(|| from.peers().is_empty()).await;
            assert!(matches!(from.try_send(5), Err(SendError::NoPeer)));
            soon(from.close()).await;
            assert!(matches!(from.try_send(6), Err(SendError::Closed)));
            let sent = from.stats().sent;
            assert_eq!((sent.offered, sent.delivered, sent.dropped.total()), (3, 3, 0));
        };
    }
    check!(Push<u32>, Pull<u32>);
    check!(Dealer<u32>, Dealer<u32>);
    check!(Pair<u32>, Pair<u32>);
}

#[tokio::test]
async fn a_router_that_tries_says_the_same() {
    let router = Router::<u32>::bind(inproc()).await.unwrap();
    let anna = PeerId::from("anna");
    assert!(matches!(router.try_send_to(&anna, 0), Err(SendError::NoPeer)));
    let dealer = Dealer::<u32>::connect(router.endpoint()).identity("anna").high_water(1);
    let dealer = dealer.await.unwrap();
    soon(router.wait_for_peers(1)).await;
    router.try_send_to(&anna, 1).unwrap();
    assert!(matches!(router.try_send_to(&anna, 2), Err(SendError::Full)));
    assert_eq!(dealer.try_recv().unwrap(), 1);
    drop(dealer);
    until(|| router.peers().is_empty()).await;
    assert!(matches!(router.try_send_to(&anna, 3), Err(SendError::NoPeer)));
    soon(router.close()).await;
    assert!(matches!(router.try_send_to(&anna, 4), Err(SendError::Closed)));
}

#[tokio::test]
async fn trying_to_publish_reaches_all_that_want_it_or_nobody() {
    macro_rules! check {
        ($from:ty, $to:ty) => {
            for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::Fail] {
                let from = <$from>::bind(inproc()).overflow(overflow).await.unwrap();
                from.try_publish("a", 0).unwrap();
                assert_eq!(from.stats().sent.dropped.no_subscriber, 1);
                let slow = <$to>::connect(from.endpoint()).high_water(2).subscribe("");
                let (slow, keen) = (slow.await.unwrap(), <$to>::connect(from.endpoint()));
                let keen = keen.subscribe("").await.unwrap();
                soon(from.wait_for_subscribers(2)).await;
                from.try_publish("a", 1).unwrap();
                from.try_send(&2).unwrap();
                assert!(matches!(from.try_publish("a", 3), Err(SendError::Full)));
                for it in [&slow, &keen] {
                    assert_eq!(it.try_recv().unwrap().message, 1);
                    assert_eq!(it.try_recv().unwrap().message, 2);
                    assert!(matches!(it.try_recv(), Err(RecvError::Empty)));
                }
                from.try_publish("a", 4).unwrap();
                assert_eq!(slow.try_recv().unwrap().message, 4);
                assert_eq!(keen.try_recv().unwrap().message, 4);
                assert_eq!(from.stats().sent.dropped.total(), 1);
                soon(from.close()).await;
                assert!(matches!(from.try_publish("a", 5), Err(SendError::Closed)));
            }
        };
    }
    check!(Publisher<u32>, Subscriber<u32>);
    check!(XPub<u32>, XSub<u32>);
}

#[tokio::test]
async fn what_was_only_tried_is_not_kept_and_holds_up_nobody_who_does_not_want_it() {
    let publisher = Publisher::<u32>::bind(inproc()).replay_last(9).await.unwrap();
    let slow = Subscriber::<u32>::connect(publisher.endpoint()).high_water(1).subscribe("a");
    let _slow = slow.await.unwrap();
    soon(publisher.wait_for_subscribers(1)).await;
    publisher.try_publish("a", 1).unwrap();
    assert!(matches!(publisher.try_publish("a", 2), Err(SendError::Full)));
    publisher.try_publish("b", 3).unwrap();
    let late = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("").await.unwrap();
    for n in [1, 3] {
        assert_eq!(soon(late.recv()).await.unwrap().message, n);
    }
}

#[tokio::test]
async fn an_xsub_that_tries_reaches_all_publishers_or_none() {
    let (one, two) = (XPub::<u32>::bind(inproc()), XPub::<u32>::bind(inproc()).high_water(1));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    let xsub = XSub::<u32>::connect(one.endpoint()).await.unwrap();
    xsub.also_connect(two.endpoint().clone()).await.unwrap();
    soon(xsub.wait_for_peers(2)).await;
    xsub.try_send(1).unwrap();
    assert!(matches!(xsub.try_send(2), Err(SendError::Full)));
    for it in [&one, &two] {
        assert!(matches!(it.try_recv(), Ok(Upstream::Message(1))));
        assert!(matches!(it.try_recv(), Err(RecvError::Empty)));
    }
    xsub.try_send(3).unwrap();
    drop((one, two));
    until(|| xsub.peers().is_empty()).await;
    assert!(matches!(xsub.try_send(4), Err(SendError::NoPeer)));
    assert_eq!(xsub.stats().sent.dropped.no_peer, 0);
    soon(xsub.close()).await;
    assert!(matches!(xsub.try_send(5), Err(SendError::Closed)));
}

#[tokio::test]
async fn trying_to_ask_needs_a_peer_and_a_place() {
    for scheme in SCHEMES {
        let requester = Requester::<u32, u32>::bind(fresh(scheme)).high_water(1).await.unwrap();
        assert!(matches!(requester.try_request(0), Err(RequestError::NoPeer)));
        let replier = Replier::<u32, u32>::connect(requester.endpoint()).await.unwrap();
        soon(requester.wait_for_peers(1)).await;
        let asked = requester.try_request(&1).unwrap();
        assert!(matches!(requester.try_request(2), Err(RequestError::Full)));
        let (n, reply) = soon(replier.recv()).await.unwrap();
        reply.send(n + 1).await.unwrap();
        assert_eq!(soon(asked).await.unwrap(), 2, "{scheme}");
        // Given up, it gives its place free.
        drop(requester.try_request(3).unwrap());
        assert_eq!(requester.in_flight(), 0);
        assert_eq!(soon(replier.recv()).await.unwrap().0, 3);
        let last = requester.try_request(4).unwrap();
        soon(requester.close()).await;
        assert!(matches!(soon(last).await, Err(RequestError::Closed)));
        assert!(matches!(requester.try_request(5), Err(RequestError::Closed)));
    }
}

#[tokio::test]
async fn what_does_not_fit_any_more_can_be_sent_when_there_is_room() {
    for scheme in SCHEMES {
        let push = Push::<Bytes>::bind(fresh(scheme)).high_water(4).await.unwrap();
        let pull = Pull::<Bytes>::connect(push.endpoint()).high_water(4).await.unwrap();
        soon(push.wait_for_peers(1)).await;
        let (mut n_taken, mut n_full) = (0_u32, 0);
        let message = |n: u32| Bytes::from([n.to_be_bytes().to_vec(), vec![0; 50_000]].concat());
        let mut n_got = 0;
        while n_got < 300 {
            match push.try_send(message(n_taken)) {
                Ok(()) => {
                    n_taken += 1;
                    continue;
                }
                Err(SendError::Full) => n_full += 1,
                Err(error) => panic!("{error}"),
            }
            match pull.try_recv() {
                Ok(got) => {
                    assert_eq!(got[..4], u32::to_be_bytes(n_got), "{scheme}");
                    n_got += 1;
                }
                Err(RecvError::Empty) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(0 < n_full, "{scheme}");
    }
}

#[tokio::test]
async fn trying_to_receive_says_that_there_is_nothing_or_no_socket() {
    macro_rules! check {
        ($($socket:ty),+) => {$(
            let it = <$socket>::bind(inproc()).await.unwrap();
            assert!(matches!(it.try_recv(), Err(RecvError::Empty)));
            soon(it.close()).await;
            assert!(matches!(it.try_recv(), Err(RecvError::Closed)));
            assert!(matches!(it.try_recv(), Err(RecvError::Closed)));
        )+};
    }
    check!(Dealer<u32>, Pair<u32>, Pull<u32>, Replier<u32, u32>);
    check!(Router<u32>, Subscriber<u32>, XPub<u32>, XSub<u32>);
}

#[tokio::test]
async fn trying_to_receive_gives_what_each_kind_gives() {
    for scheme in SCHEMES {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let it = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("a").await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        publisher.publish("ab", 1).await.unwrap();
        until(|| it.stats().received.queued == 1).await;
        assert_eq!(it.try_recv().unwrap().topic, "ab");
        assert!(matches!(it.try_recv(), Err(RecvError::Empty)), "{scheme}");

        let replier = Replier::<u32, u32>::bind(fresh(scheme)).await.unwrap();
        let requester = Requester::<u32, u32>::connect(replier.endpoint()).await.unwrap();
        let answering = async {
            until(|| replier.stats().received.queued == 1).await;
            let (n, reply) = replier.try_recv().unwrap();
            reply.send(n + 1).await.unwrap();
        };
        let (answer, ()) = soon(futures::future::join(requester.request(1), answering)).await;
        assert_eq!(answer.unwrap(), 2, "{scheme}");
    }
}

#[tokio::test]
async fn whoever_waits_goes_before_whoever_tries() {
    let pull = Pull::<u32>::bind(inproc()).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    soon(push.wait_for_peers(1)).await;
    let mut waiting = Box::pin(pull.recv());
    assert!(poll!(&mut waiting).is_pending());
    push.try_send(1).unwrap();
    assert!(matches!(pull.try_recv(), Err(RecvError::Empty)));
    assert_eq!(soon(waiting).await.unwrap(), 1);
    push.try_send(2).unwrap();
    assert_eq!(pull.try_recv().unwrap(), 2);
}

#[tokio::test]
async fn what_was_not_taken_is_dropped_with_the_socket_and_counted() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        for n in 0..5 {
            soon(push.send(n)).await.unwrap();
        }
        until(|| pull.stats().received.queued == 5).await;
        assert_eq!(pull.try_recv().unwrap(), 0);
        soon(pull.close()).await;
        assert!(matches!(pull.try_recv(), Err(RecvError::Closed)));
        let received = pull.stats().received;
        assert_eq!((received.delivered, received.dropped.closed), (1, 4), "{scheme}");
        assert!(received.is_balanced(), "{received:?}");
    }
}
