//! A router knows its peers by name.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    AnyCodec, Dealer, Event, HighWater, Multipart, Overflow, PeerId, RecvError, Router, SendError,
};
use gleis_transport::SocketType;

use crate::support::{
    SCHEMES, end, fresh, inproc, message, soon, stranger, stranger_named, text, until,
};

async fn dealer(router: &Router<u32>, identity: &'static str) -> Dealer<u32> {
    Dealer::connect(router.endpoint()).identity(identity).await.unwrap()
}

#[tokio::test]
async fn a_peer_is_known_by_its_identity_also_when_it_comes_back() {
    for scheme in SCHEMES {
        let router = Router::<u32>::bind(fresh(scheme)).await.unwrap();
        let anna = dealer(&router, "anna").await;
        soon(anna.send(1)).await.unwrap();
        let (from, 1) = soon(router.recv()).await.unwrap() else { panic!("not what was sent") };
        assert_eq!((from.to_string(), from.is_invented()), ("anna".to_owned(), false));
        assert_eq!(router.peer_ids(), [PeerId::from("anna")]);
        drop(anna);
        until(|| router.peer_ids().is_empty()).await;
        assert!(matches!(soon(router.send_to(&from, 2)).await, Err(SendError::NoPeer)));
        let anna = dealer(&router, "anna").await;
        soon(router.wait_for_peers(1)).await;
        soon(router.send_to(&from, 3)).await.unwrap();
        assert_eq!(soon(anna.recv()).await.unwrap(), 3, "{scheme}");
    }
}

#[tokio::test]
async fn a_peer_without_identity_gets_one() {
    for scheme in SCHEMES {
        let router = Router::<u32>::bind(fresh(scheme)).await.unwrap();
        let (one, two) = (dealer(&router, "").await, dealer(&router, "").await);
        soon(router.wait_for_peers(2)).await;
        for it in [&one, &two] {
            soon(it.send(1)).await.unwrap();
            let (from, _) = soon(router.recv()).await.unwrap();
            let bytes = from.as_bytes();
            assert_eq!((bytes.len(), bytes[0], from.is_invented()), (5, 0, true));
            soon(router.send_to(&from, 2)).await.unwrap();
            assert_eq!(soon(it.recv()).await.unwrap(), 2, "{scheme}");
        }
        let ids = router.peer_ids();
        assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
        let gone = PeerId::from(Bytes::from(ids[0].clone()));
        assert!(soon(router.disconnect_peer(&gone)).await);
        assert!(!soon(router.disconnect_peer(&PeerId::from("nobody"))).await);
        assert!(matches!(soon(router.send_to(&gone, 1)).await, Err(SendError::NoPeer)));
    }
}

#[tokio::test]
async fn a_peer_that_is_not_here_is_an_error_or_a_counted_drop() {
    let nobody = PeerId::from("nobody");
    let router = Router::<u32>::bind(inproc()).await.unwrap();
    assert!(matches!(soon(router.send_to(&nobody, 1)).await, Err(SendError::NoPeer)));
    assert!(matches!(router.try_send_to(&nobody, 1), Err(SendError::NoPeer)));
    assert_eq!(router.stats().sent.offered, 0);
    let router = Router::<u32>::bind(inproc()).drop_unroutable().await.unwrap();
    soon(router.send_to(&nobody, 1)).await.unwrap();
    router.try_send_to(&nobody, 1).unwrap();
    let sent = router.stats().sent;
    assert_eq!((sent.offered, sent.dropped.no_peer), (2, 2));
    assert!(sent.is_balanced());
    soon(router.close()).await;
    assert!(matches!(soon(router.send_to(&nobody, 1)).await, Err(SendError::Closed)));
}

#[tokio::test]
async fn the_second_peer_of_one_identity_is_refused_with_a_reason_until_the_first_has_gone() {
    for scheme in SCHEMES {
        let router = Router::<u32>::bind(fresh(scheme)).await.unwrap();
        let mut events = router.events();
        let first = dealer(&router, "anna").await;
        soon(router.wait_for_peers(1)).await;
        let second = dealer(&router, "anna").await;
        let reason = loop {
            match soon(events.recv()).await {
                Some(Event::HandshakeFailed { reason, .. }) => break reason,
                Some(_) => (),
                None => panic!("no refusal"),
            }
        };
        assert!(reason.contains("the identity anna"), "{scheme}: {reason}");
        soon(router.send_to(&"anna".into(), 1)).await.unwrap();
        assert_eq!(soon(first.recv()).await.unwrap(), 1);
        drop(first);
        until(|| second.peers().len() == 1 && router.peer_ids().len() == 1).await;
        soon(second.send(2)).await.unwrap();
        assert_eq!(soon(router.recv()).await.unwrap(), ("anna".into(), 2), "{scheme}");
    }
}

#[tokio::test]
async fn with_handover_the_newcomer_takes_the_identity_over() {
    for scheme in SCHEMES {
        let router = Router::<u32>::bind(fresh(scheme)).handover().await.unwrap();
        let mut events = router.events();
        let old = stranger_named(SocketType::Dealer, router.endpoint(), "anna").await;
        soon(router.wait_for_peers(1)).await;
        let new = stranger_named(SocketType::Dealer, router.endpoint(), "anna").await;
        end(old).await;
        let reason = loop {
            match soon(events.recv()).await {
                Some(Event::Refused { reason, .. }) => break reason,
                Some(_) => (),
                None => panic!("no handover"),
            }
        };
        assert!(reason.contains("took over the identity anna"), "{scheme}: {reason}");
        until(|| router.peers().len() == 1 && router.peer_ids().len() == 1).await;
        soon(router.send_to(&"anna".into(), 1)).await.unwrap();
        let (_sender, mut receiver) = new.split();
        let mut batch = Vec::new();
        soon(receiver.recv_many(&mut batch)).await.unwrap();
        assert_eq!(batch.len(), 1, "{scheme}");
    }
}

#[tokio::test]
async fn a_foreign_req_is_answered_in_frames() {
    let router = Router::<Multipart>::bind("tcp://127.0.0.1:0").await.unwrap();
    let req = stranger_named(SocketType::Req, router.endpoint(), "asker").await;
    let (sender, mut receiver) = req.split();
    sender.try_send(message(&["", "ask"])).unwrap();
    let (from, asked) = soon(router.recv()).await.unwrap();
    assert_eq!((from, asked), ("asker".into(), Multipart::new(["", "ask"])));
    soon(router.send_to(&"asker".into(), Multipart::new(["", "answer"]))).await.unwrap();
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.unwrap();
    assert_eq!(text(batch), "|answer");
}

#[tokio::test]
async fn foreign_dealers_and_routers_are_peers() {
    for kind in [SocketType::Dealer, SocketType::Router] {
        let router = Router::<u32>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await.unwrap();
        let (sender, mut receiver) = stranger(kind, router.endpoint()).await.split();
        sender.try_send(message(&["1"])).unwrap();
        let (from, 1) = soon(router.recv()).await.unwrap() else { panic!("not what was sent") };
        soon(router.send_to(&from, 2)).await.unwrap();
        let mut batch = Vec::new();
        soon(receiver.recv_many(&mut batch)).await.unwrap();
        assert_eq!(text(batch), "2");
        sender.try_send(message(&["1", "2"])).unwrap();
        let error = soon(router.recv()).await.unwrap_err();
        assert!(matches!(error, RecvError::Frames { frames: 2, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_hurts_nobody_else() {
    for scheme in SCHEMES {
        let mark = HighWater { messages: 4, bytes: 1 << 16 };
        let router = Router::<Bytes>::bind(fresh(scheme)).send_high_water(mark).await.unwrap();
        let router = Arc::new(router);
        let lazy = Dealer::<Bytes>::connect(router.endpoint())
            .identity("lazy")
            .recv_high_water(mark)
            .await
            .unwrap();
        let keen = Dealer::<Bytes>::connect(router.endpoint()).identity("keen").await.unwrap();
        soon(router.wait_for_peers(2)).await;
        let body = Bytes::from(vec![1; 100_000]);
        while router.try_send_to(&"lazy".into(), &body).is_ok() {
            tokio::task::yield_now().await;
        }
        let waiting = tokio::spawn({
            let (router, body) = (router.clone(), body.clone());
            async move { router.send_to(&"lazy".into(), body).await }
        });
        for _ in 0..100 {
            soon(router.send_to(&"keen".into(), &body)).await.unwrap();
            assert_eq!(soon(keen.recv()).await.unwrap().len(), body.len());
        }
        assert!(soon(lazy.recv()).await.is_ok());
        drop(lazy);
        // It had room in the end, or it has gone.
        match soon(waiting).await.unwrap() {
            Ok(()) | Err(SendError::NoPeer) => (),
            other => panic!("{other:?}"),
        }
        until(|| router.peers().len() == 1 && router.stats().sent.in_flight == 0).await;
        let sent = router.stats().sent;
        assert!(sent.is_balanced(), "{sent:?}");
    }
}

#[tokio::test]
async fn a_peer_without_room_is_treated_as_was_chosen() {
    for (overflow, expect) in [
        (Overflow::DropNewest, Ok([0, 1])),
        (Overflow::DropOldest, Ok([2, 3])),
        (Overflow::Fail, Err([0, 1])),
    ] {
        let router = Router::<u32>::bind(inproc()).overflow(overflow).await.unwrap();
        let dealer =
            Dealer::<u32>::connect(router.endpoint()).identity("anna").high_water(2).await.unwrap();
        soon(router.wait_for_peers(1)).await;
        let mut res = Ok(());
        for n in 0..4 {
            res = res.and(soon(router.send_to(&"anna".into(), n)).await);
        }
        let expect = match expect {
            Ok(expect) => {
                res.unwrap();
                expect
            }
            Err(expect) => {
                assert!(matches!(res, Err(SendError::Full)));
                expect
            }
        };
        for n in expect {
            assert_eq!(soon(dealer.recv()).await.unwrap(), n, "{overflow:?}");
        }
        assert!(router.stats().sent.is_balanced());
    }
}

#[tokio::test]
async fn a_cancelled_send_has_sent_nothing() {
    let router = Router::<u32>::bind(inproc()).await.unwrap();
    let dealer =
        Dealer::<u32>::connect(router.endpoint()).identity("anna").high_water(1).await.unwrap();
    soon(router.wait_for_peers(1)).await;
    let anna = PeerId::from("anna");
    soon(router.send_to(&anna, 1)).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(1), router.send_to(&anna, 2)).await;
    assert!(waited.is_err());
    assert_eq!(soon(dealer.recv()).await.unwrap(), 1);
    assert!(matches!(dealer.try_recv(), Err(RecvError::Empty)));
    soon(router.send_to(&anna, 3)).await.unwrap();
    assert_eq!(soon(dealer.recv()).await.unwrap(), 3);
}
