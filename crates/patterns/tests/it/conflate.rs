//! Sockets that keep the newest message alone.

use std::sync::Arc;

use bytes::Bytes;
use gleis_patterns::{Flow, Publisher, Pull, Push, Stats, Subscriber};
use gleis_transport::{Control, Inbound, LinkConfig, SocketType, connect};

use crate::support::{SCHEMES, fresh, soon, until};

/// Whether all that was sent has come in or was given up, and every message is accounted for.
fn is_settled(sender: &Stats, receiver: &Stats) -> bool {
    let balanced = |it: &Flow| it.is_balanced();
    sender.sent.queued + sender.sent.in_flight == 0
        && sender.sent.delivered == receiver.received.offered
        && balanced(&sender.sent)
        && balanced(&receiver.received)
}

#[tokio::test]
async fn a_slow_subscriber_sees_the_newest_value() {
    for scheme in SCHEMES {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).conflate().await.unwrap();
        let slow = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("").conflate();
        let slow = slow.await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        for round in 1..=20 {
            for n in 0..500 {
                publisher.send(round * 1_000 + n).await.unwrap();
            }
            until(|| is_settled(&publisher.stats(), &slow.stats())).await;
            assert!(slow.stats().received.queued <= 1);
            let newest = round * 1_000 + 499;
            assert_eq!(soon(slow.recv()).await.unwrap().message, newest, "{scheme}");
            assert!(slow.try_recv().is_err());
        }
        let (sent, received) = (publisher.stats().sent, slow.stats().received);
        assert_eq!((sent.offered, received.delivered), (10_000, 20));
        assert_eq!(sent.dropped.full + received.dropped.full, 9_980);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_seen_never_goes_back_and_ends_with_the_newest() {
    for scheme in SCHEMES {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).conflate().await.unwrap();
        let it = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("").conflate();
        let it = it.await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        let publishing = tokio::spawn(async move {
            for n in 1..=20_000 {
                publisher.send(n).await.unwrap();
            }
            publisher
        });
        let mut last = 0;
        while last < 20_000 {
            let next = soon(it.recv()).await.unwrap().message;
            assert!(last < next, "{scheme}: {next} after {last}");
            last = next;
        }
        drop(publishing.await.unwrap());
    }
}

#[tokio::test]
async fn a_sender_keeps_little_for_a_peer_that_takes_nothing() {
    for scheme in ["ipc", "tcp"] {
        let publisher = Publisher::<Bytes>::bind(fresh(scheme)).conflate().await.unwrap();
        let config = Arc::new(LinkConfig::new(SocketType::Sub));
        let stuck = soon(connect(publisher.endpoint(), &config)).await.unwrap();
        let (sender, mut receiver) = stuck.split();
        sender.control(Control::Subscribe(Bytes::new())).unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        for n in 0..4_000_u32 {
            let mut body = vec![0; 10_000];
            body[..4].copy_from_slice(&n.to_be_bytes());
            publisher.send(Bytes::from(body)).await.unwrap();
            let sent = publisher.stats().sent;
            assert!(sent.queued <= 2 && sent.is_balanced(), "{scheme}: {sent:?}");
        }
        assert!(0 < publisher.stats().sent.dropped.full);
        let (mut batch, mut newest) = (Vec::new(), 0);
        while newest < 3_999 {
            soon(receiver.recv_many(&mut batch)).await.unwrap();
            for item in batch.drain(..) {
                let Inbound::Message(message) = item else { continue };
                let body = message.body.to_bytes().unwrap();
                newest = u32::from_be_bytes(body[..4].try_into().unwrap());
            }
        }
        until(|| publisher.stats().sent.queued + publisher.stats().sent.in_flight == 0).await;
        assert!(publisher.stats().sent.is_balanced());
    }
}

#[tokio::test]
async fn the_newest_of_each_peer_is_kept() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).conflate().await.unwrap();
        let mut pushes = Vec::new();
        for _ in 0..3 {
            pushes.push(Push::<u32>::connect(pull.endpoint()).await.unwrap());
        }
        for n in 1..=100 {
            for (push, of) in pushes.iter().zip([0, 1_000, 2_000]) {
                soon(push.send(of + n)).await.unwrap();
            }
        }
        until(|| pull.stats().received.offered == 300).await;
        let mut newest = Vec::new();
        for _ in 0..3 {
            newest.push(soon(pull.recv()).await.unwrap());
        }
        newest.sort_unstable();
        assert_eq!(newest, [100, 1_100, 2_100], "{scheme}");
        let received = pull.stats().received;
        assert_eq!((received.dropped.full, received.delivered, received.queued), (297, 3, 0));
    }
}
