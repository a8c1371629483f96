//! Publishers that hear their subscribers, and subscribers that talk back.

use std::sync::Arc;

use bytes::Bytes;
use gleis_patterns::{
    AnyCodec, DropReason, Filter, Multipart, Overflow, Publisher, SendError, Subscriber, Upstream,
    XPub, XSub,
};
use gleis_test::wait::PATIENCE;
use gleis_transport::{
    Control, Inbound, LinkConfig, Message, Receiver, Sender, SocketType, connect, listen,
};

use crate::support::{SCHEMES, fresh, inproc, soon, until};

/// What the owner hears next, in short: `+` and `-` for subscriptions.
async fn heard<T: gleis_patterns::Message + std::fmt::Debug>(xpub: &XPub<T>) -> String {
    match soon(xpub.recv()).await.expect("open") {
        Upstream::Cancel { filter, .. } => format!("-{filter}"),
        Upstream::Message(message) => format!("{message:?}"),
        Upstream::Subscribe { filter, .. } => format!("+{filter}"),
    }
}

#[tokio::test]
async fn the_first_subscription_and_the_end_of_the_last_are_heard() {
    for scheme in SCHEMES {
        let xpub = XPub::<u32>::bind(fresh(scheme)).await.unwrap();
        let one = Subscriber::<u32>::connect(xpub.endpoint()).subscribe("a").await.unwrap();
        assert_eq!(heard(&xpub).await, "+\"a\"..");
        let two =
            XSub::<u32>::connect(xpub.endpoint()).subscribe("a").subscribe("b").await.unwrap();
        assert_eq!(heard(&xpub).await, "+\"b\"..");
        soon(xpub.wait_for_subscribers(2)).await;
        assert!(one.unsubscribe("a"));
        until(|| xpub.subscribers() == 1).await;
        assert!(xpub.try_recv().is_err());
        // A peer that leaves cancels what it had.
        drop(two);
        let mut both = [heard(&xpub).await, heard(&xpub).await];
        both.sort();
        assert_eq!(both, ["-\"a\"..", "-\"b\".."], "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hears_of_a_subscription_finds_it_counted() {
    let xpub = XPub::<u32>::bind(fresh("tcp")).await.unwrap();
    let one = Subscriber::<u32>::connect(xpub.endpoint()).await.unwrap();
    for _ in 0..500 {
        one.subscribe("a");
        assert_eq!((heard(&xpub).await.as_str(), xpub.subscribers()), ("+\"a\"..", 1));
        assert!(one.unsubscribe("a"));
        assert_eq!((heard(&xpub).await.as_str(), xpub.subscribers()), ("-\"a\"..", 0));
    }
}

#[tokio::test]
async fn each_subscription_is_heard_if_asked_for_with_its_peer() {
    for scheme in SCHEMES {
        let xpub = XPub::<u32>::bind(fresh(scheme)).verbose().await.unwrap();
        let filter = Filter::path("a.*").unwrap();
        for name in ["one", "two"] {
            let it = Subscriber::<u32>::connect(xpub.endpoint()).identity(name);
            let it = it.subscribe(filter.clone()).await.unwrap();
            match soon(xpub.recv()).await.unwrap() {
                Upstream::Subscribe { filter: told, peer } => {
                    assert_eq!((told, &peer.identity[..]), (filter.clone(), name.as_bytes()));
                }
                other => panic!("{other:?}"),
            }
            drop(it);
            match soon(xpub.recv()).await.unwrap() {
                Upstream::Cancel { filter: told, peer } => {
                    assert_eq!((told, &peer.identity[..]), (filter.clone(), name.as_bytes()));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn subscriptions_have_their_effect_though_nobody_receives_them() {
    for scheme in SCHEMES {
        let xpub = XPub::<u32>::bind(fresh(scheme)).high_water(1).await.unwrap();
        let it = Subscriber::<u32>::connect(xpub.endpoint()).await.unwrap();
        for n in 0..100 {
            it.subscribe(format!("topic {n}."));
        }
        it.subscribe("last");
        soon(it.ready(PATIENCE)).await.unwrap();
        until(|| xpub.subscribers() == 1).await;
        while xpub.stats().sent.delivered == 0 {
            xpub.publish("last", 1).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(soon(it.recv()).await.unwrap().message, 1, "{scheme}");
        for n in 0..100 {
            assert!(it.unsubscribe(format!("topic {n}.")));
        }
        soon(it.ready(PATIENCE)).await.unwrap();
    }
}

#[tokio::test]
async fn what_comes_and_goes_unheard_leaves_nothing_behind() {
    for scheme in SCHEMES {
        let xpub = XPub::<u32>::bind(fresh(scheme)).await.unwrap();
        let it = Subscriber::<u32>::connect(xpub.endpoint()).await.unwrap();
        for n in 0..100 {
            it.subscribe(format!("{n}"));
            it.unsubscribe(format!("{n}"));
        }
        it.subscribe("stays");
        soon(it.ready(PATIENCE)).await.unwrap();
        assert_eq!(heard(&xpub).await, "+\"stays\"..");
        assert!(xpub.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_waiting_owner_is_woken_by_a_subscription() {
    for scheme in SCHEMES {
        let xpub = XPub::<u32>::bind(fresh(scheme)).await.unwrap();
        let at = xpub.endpoint().clone();
        let waiting = tokio::spawn(async move { heard(&xpub).await });
        tokio::task::yield_now().await;
        let it = Subscriber::<u32>::connect(&at).await.unwrap();
        it.subscribe("x");
        assert_eq!(soon(waiting).await.unwrap(), "+\"x\"..");
    }
}

#[tokio::test]
async fn a_message_goes_up_to_every_xpub_and_to_no_publisher() {
    for scheme in SCHEMES {
        let (a, b) = (XPub::<u8>::bind(fresh(scheme)), XPub::<u8>::bind(fresh(scheme)));
        let (a, b) = (a.await.unwrap(), b.await.unwrap());
        let deaf = Publisher::<u8>::bind(fresh(scheme)).await.unwrap();
        let xsub = XSub::<u8>::connect(a.endpoint()).await.unwrap();
        xsub.also_connect(b.endpoint()).await.unwrap();
        xsub.also_connect(deaf.endpoint()).await.unwrap();
        soon(xsub.ready(PATIENCE)).await.unwrap();
        // Encoded, these begin as subscriptions of foreign peers do.
        for n in [0, 1, 2] {
            xsub.send(n).await.unwrap();
            assert_eq!(heard(&a).await, n.to_string());
            assert_eq!(heard(&b).await, n.to_string());
        }
        assert_eq!(xsub.stats().sent.offered, 6, "{scheme}");
        assert_eq!(deaf.stats().received.offered, 0);
    }
}

#[tokio::test]
async fn a_message_without_a_publisher_or_without_room_is_counted_or_an_error() {
    let lonely = XSub::<u32>::bind(inproc()).await.unwrap();
    lonely.send(1).await.unwrap();
    assert_eq!(lonely.stats().sent.dropped.no_peer, 1);
    let lonely = XSub::<u32>::bind(inproc()).overflow(Overflow::Fail).await.unwrap();
    assert!(matches!(lonely.send(1).await, Err(SendError::NoPeer)));

    let xpub = XPub::<u32>::bind(inproc()).high_water(2).await.unwrap();
    let xsub = XSub::<u32>::connect(xpub.endpoint()).await.unwrap();
    for n in 0..5 {
        xsub.send(n).await.unwrap();
    }
    assert_eq!(xsub.stats().sent.dropped.of(DropReason::Full), 3);
    assert_eq!((heard(&xpub).await, heard(&xpub).await), ("0".to_owned(), "1".to_owned()));
    xsub.close().await;
    assert!(matches!(xsub.send(6).await, Err(SendError::Closed)));
    xpub.close().await;
    assert!(xpub.recv().await.is_err());
}

async fn stranger<T: gleis_patterns::Message>(
    kind: SocketType,
    to: &XPub<T>,
) -> (Sender, Receiver) {
    let config = Arc::new(LinkConfig::new(kind));
    soon(connect(to.endpoint(), &config)).await.expect("somebody listens").split()
}

fn frames(frames: &[&'static str]) -> Message {
    let mut head: Vec<Bytes> = frames.iter().map(|it| Bytes::from_static(it.as_bytes())).collect();
    let body = head.pop().expect("a message has a frame");
    Message::multipart(head, body)
}

#[tokio::test]
async fn a_foreign_xsub_is_heard_and_served() {
    let xpub = XPub::<u32>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await.unwrap();
    let (sender, mut receiver) = stranger(SocketType::XSub, &xpub).await;
    sender.control(Control::Subscribe(Bytes::from_static(b"eu."))).unwrap();
    assert_eq!(heard(&xpub).await, "+\"eu.\"..");
    // As a peer of version 3.0 says it.
    sender.try_send(frames(&["\u{1}us."])).unwrap();
    assert_eq!(heard(&xpub).await, "+\"us.\"..");
    sender.try_send(frames(&["\u{0}us."])).unwrap();
    assert_eq!(heard(&xpub).await, "-\"us.\"..");
    sender.try_send(frames(&["42"])).unwrap();
    assert_eq!(heard(&xpub).await, "42");
    sender.try_send(frames(&["4", "2"])).unwrap();
    assert!(soon(xpub.recv()).await.is_err());
    xpub.publish("eu.de", 1).await.unwrap();
    let mut batch = Vec::new();
    soon(receiver.recv_many(&mut batch)).await.unwrap();
    assert!(matches!(&batch[..], [Inbound::Message(it)] if it.head.first() == Some(b"eu.de")));
}

/// libzmq subscribes each time, and cancels when nobody in its process is left.
#[tokio::test]
async fn what_a_foreign_peer_wanted_twice_ends_with_one_cancellation() {
    for verbose in [false, true] {
        let at = fresh("tcp");
        let xpub = if verbose { XPub::<u32>::bind(at).verbose() } else { XPub::bind(at) };
        let xpub = xpub.await.unwrap();
        let (sender, _receiver) = stranger(SocketType::XSub, &xpub).await;
        let times = if verbose { 2 } else { 1 };
        for _ in 0..3 {
            let eu = Bytes::from_static(b"eu.");
            sender.control(Control::Subscribe(eu.clone())).unwrap();
            sender.control(Control::Subscribe(eu.clone())).unwrap();
            for _ in 0..times {
                assert_eq!(heard(&xpub).await, "+\"eu.\"..");
            }
            sender.control(Control::Cancel(eu)).unwrap();
            until(|| xpub.subscribers() == 0).await;
            for _ in 0..times {
                assert_eq!(heard(&xpub).await, "-\"eu.\"..");
            }
            assert!(xpub.try_recv().is_err());
        }
    }
}

#[tokio::test]
async fn a_foreign_xpub_gets_bare_messages_that_are_no_subscriptions() {
    let at = "tcp://127.0.0.1:0".parse().unwrap();
    let kind = Arc::new(LinkConfig::new(SocketType::XPub));
    let mut listener = soon(listen(&at, &kind)).await.unwrap();
    let opening = XSub::<Bytes>::connect(listener.endpoint()).subscribe("eu").into_future();
    let (xsub, accepted) = soon(futures::future::join(opening, listener.accept())).await;
    let (xsub, (_sender, mut receiver)) = (xsub.unwrap(), accepted.unwrap().split());
    for body in ["\u{0}no", "\u{1}no", "yes"] {
        xsub.send(Bytes::from_static(body.as_bytes())).await.unwrap();
    }
    let mut batch = Vec::new();
    while batch.len() < 2 {
        soon(receiver.recv_many(&mut batch)).await.unwrap();
    }
    let Inbound::Message(message) = batch.remove(1) else { panic!("{batch:?}") };
    assert!(matches!(&batch[0], Inbound::Control(Control::Subscribe(it)) if it == "eu"));
    assert_eq!((message.head.len(), message.body.to_bytes().unwrap()), (0, "yes".into()));
    assert_eq!(xsub.stats().sent.dropped.undecodable, 2);
}

/// Frames of a publisher through a forwarder made of the two, and back up again.
#[tokio::test]
async fn whole_messages_pass_a_forwarder_unchanged() {
    for scheme in SCHEMES {
        let (inside, outside) = (XSub::<Multipart>::bind(fresh(scheme)), fresh("tcp"));
        let (inside, outside) = (inside.await.unwrap(), XPub::<Multipart>::bind(outside));
        let outside = outside.await.unwrap();
        let publisher = XPub::<Multipart>::connect(inside.endpoint()).await.unwrap();
        let (sender, mut receiver) = stranger(SocketType::XSub, &outside).await;
        sender.control(Control::Subscribe(Bytes::from_static(b"eu"))).unwrap();
        let Upstream::Subscribe { filter, .. } = soon(outside.recv()).await.unwrap() else {
            panic!("a subscription");
        };
        inside.subscribe(filter);
        soon(publisher.wait_for_subscribers(1)).await;
        for parts in [&["europe"][..], &["us", "no"], &["eu", ""], &["eu", "a", "b"]] {
            let whole = Multipart::new(parts.iter().copied());
            publisher.publish_whole(whole.clone()).await.unwrap();
            if whole.frames[0].starts_with(b"eu") {
                let got = soon(inside.recv_whole()).await.unwrap();
                assert_eq!(got, whole, "{scheme}");
                outside.publish_whole(got).await.unwrap();
                let mut batch = Vec::new();
                soon(receiver.recv_many(&mut batch)).await.unwrap();
                let Some(Inbound::Message(message)) = batch.pop() else { panic!("a message") };
                let all =
                    message.head.into_vec().into_iter().chain([message.body.to_bytes().unwrap()]);
                assert_eq!(all.collect::<Multipart>(), whole);
            }
        }
        sender.try_send(frames(&["", "up", "there"])).unwrap();
        let Upstream::Message(up) = soon(outside.recv()).await.unwrap() else { panic!("frames") };
        inside.send(&up).await.unwrap();
        loop {
            match soon(publisher.recv()).await.unwrap() {
                Upstream::Message(message) => break assert_eq!(message, up),
                Upstream::Subscribe { .. } => continue,
                Upstream::Cancel { .. } => panic!("nothing was cancelled"),
            }
        }
    }
}
