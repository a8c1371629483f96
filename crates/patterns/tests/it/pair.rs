//! A pair talks to one peer at a time.

use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    AnyCodec, Event, Events, HighWater, Multipart, OpenError, Pair, RequestError, SendError,
};
use gleis_transport::SocketType;

use crate::support::{SCHEMES, end, fresh, inproc, message, soon, stranger, text, until};

/// Waits until `events` tell of a peer that was refused, and says why it was.
async fn refusal(events: &mut Events) -> String {
    loop {
        match soon(events.recv()).await {
            Some(Event::HandshakeFailed { reason, .. }) => return reason,
            Some(_) => (),
            None => panic!("no refusal"),
        }
    }
}

/// Waits until `events` tell why the peer sent us away.
async fn rejection(events: &mut Events) -> String {
    loop {
        match soon(events.recv()).await {
            Some(Event::Retrying { reason, .. }) => return reason,
            Some(_) => (),
            None => panic!("no rejection"),
        }
    }
}

#[tokio::test]
async fn a_second_peer_is_refused_with_a_reason_and_admitted_when_the_first_has_gone() {
    for scheme in SCHEMES {
        let pair = Pair::<u32>::bind(fresh(scheme)).await.unwrap();
        let mut events = pair.events();
        let first = Pair::<u32>::connect(pair.endpoint()).await.unwrap();
        soon(pair.wait_for_peers(1)).await;
        let second = Pair::<u32>::connect(pair.endpoint()).await.unwrap();
        let mut told = second.events();
        let reason = refusal(&mut events).await;
        assert!(reason.contains("one peer at a time"), "{scheme}: {reason}");
        let reason = rejection(&mut told).await;
        assert!(reason.contains("one peer at a time"), "{scheme}: {reason}");
        assert_eq!(pair.peers().len(), 1);
        soon(pair.send(1)).await.unwrap();
        assert_eq!(soon(first.recv()).await.unwrap(), 1);
        drop(first);
        soon(second.send(2)).await.unwrap();
        // What was sent to nobody in particular reaches whoever comes.
        until(|| second.peers().len() == 1 && pair.peers().len() == 1).await;
        soon(pair.send(3)).await.unwrap();
        assert_eq!(soon(second.recv()).await.unwrap(), 3, "{scheme}");
    }
}

#[tokio::test]
async fn a_pair_that_is_refused_does_not_knock_all_the_time() {
    let pair = Pair::<u32>::bind(inproc()).await.unwrap();
    let _first = Pair::<u32>::connect(pair.endpoint()).await.unwrap();
    soon(pair.wait_for_peers(1)).await;
    let mut events = pair.events();
    let _second = Pair::<u32>::connect(pair.endpoint()).await.unwrap();
    let _ = tokio::time::timeout(Duration::from_millis(200), async {
        for _ in 0..10 {
            refusal(&mut events).await;
        }
        panic!("ten attempts in 200 ms");
    })
    .await;
}

#[tokio::test]
async fn a_pair_that_has_a_peer_does_not_connect_to_another() {
    let (one, other) = (inproc(), inproc());
    let _one = Pair::<u32>::bind(one.clone()).await.unwrap();
    let _other = Pair::<u32>::bind(other.clone()).await.unwrap();
    let pair = Pair::<u32>::connect(one).await.unwrap();
    match soon(pair.also_connect(other)).await {
        Err(OpenError::Refused { reason, .. }) => assert!(reason.contains("one peer"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn questions_and_answers_take_turns() {
    for scheme in SCHEMES {
        let here = Pair::<u32, String>::bind(fresh(scheme)).await.unwrap();
        let there = Pair::<String, u32>::connect(here.endpoint()).await.unwrap();
        let answering = tokio::spawn(async move {
            for _ in 0..3 {
                let n = there.recv().await.unwrap();
                there.send(n.to_string()).await.unwrap();
            }
            there
        });
        for n in 0..3 {
            assert_eq!(soon(here.send_recv(n)).await.unwrap(), n.to_string());
        }
        drop(soon(answering).await.unwrap());
        soon(here.close()).await;
        assert!(matches!(soon(here.send_recv(4)).await, Err(RequestError::Closed)));
    }
}

#[tokio::test]
async fn a_cancelled_send_loses_and_duplicates_nothing() {
    for scheme in SCHEMES {
        let mark = HighWater { messages: 2, bytes: 1 << 14 };
        let to = Pair::<Bytes>::bind(fresh(scheme)).recv_high_water(mark).await.unwrap();
        let from = Pair::<Bytes>::connect(to.endpoint()).send_high_water(mark).await.unwrap();
        soon(from.wait_for_peers(1)).await;
        let body = |n: usize| Bytes::from(vec![n as u8; 20_000]);
        let mut sent = Vec::new();
        for n in 0..400 {
            let mut send = Box::pin(from.send(body(n)));
            match futures::poll!(&mut send) {
                std::task::Poll::Ready(res) => {
                    res.unwrap();
                    sent.push(n);
                }
                // Dropped, it has sent nothing; now there is room for the next one.
                std::task::Poll::Pending => {
                    drop(send);
                    if let Ok(it) = to.try_recv() {
                        assert_eq!(it, body(sent.remove(0)), "{scheme}");
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
        for n in sent {
            assert_eq!(soon(to.recv()).await.unwrap(), body(n), "{scheme}");
        }
        until(|| from.stats().sent.in_flight == 0).await;
        let (sent, received) = (from.stats().sent, to.stats().received);
        assert!(sent.is_balanced() && received.is_balanced(), "{sent:?} {received:?}");
        assert_eq!((sent.offered, sent.queued), (received.delivered, 0), "{scheme}");
    }
}

#[tokio::test]
async fn a_foreign_pair_is_a_peer() {
    let pair = Pair::<u32>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await.unwrap();
    let (sender, mut receiver) = stranger(SocketType::Pair, pair.endpoint()).await.split();
    sender.try_send(message(&["1"])).unwrap();
    assert_eq!(soon(pair.recv()).await.unwrap(), 1);
    soon(pair.send(2)).await.unwrap();
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.unwrap();
    assert_eq!(text(batch), "2");
    let reason = end(stranger(SocketType::Pair, pair.endpoint()).await).await;
    assert!(reason.to_string().contains("one peer at a time"), "{reason}");
}

#[tokio::test]
async fn a_pair_of_frames_has_no_codec() {
    let pair = Pair::<Multipart>::bind(fresh("tcp")).await.unwrap();
    let (sender, _receiver) = stranger(SocketType::Pair, pair.endpoint()).await.split();
    sender.try_send(message(&["a", "", "b"])).unwrap();
    assert_eq!(soon(pair.recv()).await.unwrap(), Multipart::new(["a", "", "b"]));
}

#[tokio::test]
async fn nothing_is_sent_after_the_end() {
    let pair = Pair::<u32>::bind(inproc()).await.unwrap();
    assert!(matches!(pair.try_send(1), Err(SendError::NoPeer)));
    soon(pair.close()).await;
    assert!(matches!(pair.try_send(1), Err(SendError::Closed)));
    assert!(matches!(soon(pair.send(1)).await, Err(SendError::Closed)));
}
