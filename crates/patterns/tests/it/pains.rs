//! What users of such libraries ask for most, each under the name of its pain.

use std::time::{Duration, Instant};

use gleis_patterns::{
    DropReason, Event, Overflow, Publisher, Pull, Push, RecvError, Replier, RequestError,
    Requester, SendError, Subscriber,
};

use crate::support::{SCHEMES, fresh, inproc, soon, until};

/// "Tell me when something was dropped": the sender, the receiver and the books all say so.
#[tokio::test]
async fn pain_1_silent_loss() {
    for scheme in SCHEMES {
        let publisher = Publisher::<Vec<u8>>::bind(fresh(scheme)).high_water(5).await.unwrap();
        let mut events = publisher.events();
        let slow = Subscriber::<Vec<u8>>::connect(publisher.endpoint())
            .subscribe("")
            .high_water(5)
            .ready(gleis_test::wait::PATIENCE)
            .await
            .unwrap();
        let mut n_sent = 0;
        // The system takes some as well, on tcp and ipc.
        while publisher.stats().sent.dropped.full < 7 {
            soon(publisher.send(vec![0; 100_000])).await.unwrap();
            n_sent += 1;
        }
        let told = soon(async {
            loop {
                match events.recv().await.unwrap() {
                    Event::DroppedSent { peer: Some(_), reason, messages } => {
                        break (reason, messages);
                    }
                    _ => continue,
                }
            }
        });
        assert_eq!(told.await, (DropReason::Full, 1), "{scheme}");
        // It learns of the gap as soon as there is room, before the message that comes next.
        let (mut n_received, mut n_missed) = (0, 0);
        while n_received + n_missed < n_sent {
            match soon(slow.recv()).await {
                Ok(_) => n_received += 1,
                Err(RecvError::Gap { missed, .. }) => n_missed += missed,
                Err(error) => panic!("{error}"),
            }
            if 0 == n_missed && publisher.stats().sent.queued == 0 {
                publisher.send(vec![1]).await.unwrap();
                n_sent += 1;
            }
        }
        let (sent, received) = (publisher.stats().sent, slow.stats().received);
        assert!(sent.is_balanced() && received.is_balanced(), "{sent:?} {received:?}");
        assert_eq!((n_received, n_missed), (sent.delivered, sent.dropped.full), "{scheme}");
    }
}

/// "Sleep 200 ms after bind": never again.
#[tokio::test]
async fn pain_2_slow_joiners_lose_the_first_messages() {
    for scheme in SCHEMES {
        for n in 0..50 {
            let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
            let subscriber = Subscriber::<u32>::connect(publisher.endpoint())
                .subscribe("a")
                .ready(gleis_test::wait::PATIENCE)
                .await
                .unwrap();
            publisher.publish("a", n).await.unwrap();
            assert_eq!(soon(subscriber.recv()).await.unwrap().message, n, "{scheme}");
            // The same for whatever is subscribed to later.
            subscriber.subscribe("b");
            subscriber.ready(gleis_test::wait::PATIENCE).await.unwrap();
            publisher.publish("b", n).await.unwrap();
            assert_eq!(soon(subscriber.recv()).await.unwrap().topic, "b", "{scheme}");
        }
    }
}

/// Requests around reconnects end at once and say whether asking again is safe; the next one finds
/// its way.
#[tokio::test]
async fn pain_4_requests_hang_around_reconnects() {
    for scheme in ["ipc", "tcp"] {
        let replier = Replier::<u32, u32>::bind(fresh(scheme)).await.unwrap();
        let at = replier.endpoint().clone();
        let requester = Requester::<u32, u32>::connect(&at)
            .timeout(gleis_test::wait::PATIENCE * 10)
            .await
            .unwrap();
        let lost = async {
            let res = requester.request(1).await;
            assert!(matches!(res, Err(RequestError::PeerLost { sent: true })), "{res:?}");
        };
        let dying = async {
            // Its reply handle outlives it, as in a process that is killed: nothing is answered.
            let (_, reply) = replier.recv().await.unwrap();
            drop(replier);
            reply
        };
        let _reply = soon(futures::future::join(lost, dying)).await;
        assert_eq!(requester.in_flight(), 0);
        // Asked while nobody is there, answered by whoever comes.
        let asked = async { requester.request(2).await.unwrap() };
        let revived = async {
            let replier = Replier::<u32, u32>::bind(&at).await.unwrap();
            let (n, reply) = replier.recv().await.unwrap();
            reply.send(n + 40).await.unwrap();
            replier
        };
        assert_eq!(soon(futures::future::join(asked, revived)).await.0, 42);
    }
}

/// Closing ends within its linger time, whatever the peer does.
#[tokio::test]
async fn pain_6_shutdown_never_ends() {
    for scheme in ["ipc", "tcp"] {
        let stuck = Pull::<Vec<u8>>::bind(fresh(scheme)).high_water(1).await.unwrap();
        let linger = Duration::from_millis(20);
        let push = Push::<Vec<u8>>::connect(stuck.endpoint()).linger(linger).await.unwrap();
        soon(push.wait_for_peers(1)).await;
        until(|| {
            loop {
                match push.try_send(vec![0; 50_000]) {
                    Ok(()) => continue,
                    Err(_) => break 300 <= push.stats().sent.queued,
                }
            }
        })
        .await;
        // A send that waits ends with the socket, and so does everything else.
        let ((), waiting) = soon(futures::future::join(
            async { assert!(0 < push.close().await) },
            push.send(vec![0; 50_000]),
        ))
        .await;
        assert!(matches!(waiting, Err(SendError::Closed)), "{waiting:?}");
        soon(stuck.close()).await;
        assert!(matches!(push.send(vec![1]).await, Err(SendError::Closed)));
        loop {
            match soon(stuck.recv()).await {
                Ok(_) => continue,
                Err(error) => break assert!(matches!(error, RecvError::Closed)),
            }
        }
    }
}

/// Every queue has a bound and a choice of what happens there.
#[tokio::test]
async fn pain_7_queues_grow_without_a_bound() {
    for (overflow, kept) in [
        (Overflow::DropNewest, vec![0, 1, 2, 3]),
        (Overflow::DropOldest, vec![6, 7, 8, 9]),
        (Overflow::Fail, vec![0, 1, 2, 3]),
    ] {
        let pull = Pull::<u32>::bind(inproc()).high_water(4).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).overflow(overflow).await.unwrap();
        let mut n_refused = 0;
        for n in 0..10 {
            match push.send(n).await {
                Ok(()) => (),
                Err(SendError::Full) => n_refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        let sent = push.stats().sent;
        assert_eq!(
            (n_refused, sent.dropped.full),
            if overflow == Overflow::Fail { (6, 0) } else { (0, 6) }
        );
        let mut got = Vec::new();
        soon(pull.recv_many(&mut got, 100)).await.unwrap();
        while let Ok(more) = pull.try_recv() {
            got.push(more);
        }
        assert_eq!(got, kept);
    }
    let pull = Pull::<u32>::bind(inproc()).high_water(4).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    for n in 0..4 {
        push.send(n).await.unwrap();
    }
    // Blocked, it waits for room and no longer.
    let mut fifth = std::pin::pin!(push.send(4));
    assert!(futures::poll!(&mut fifth).is_pending());
    assert_eq!(soon(pull.recv()).await.unwrap(), 0);
    assert_eq!(soon(pull.recv()).await.unwrap(), 1);
    assert_eq!(soon(pull.recv()).await.unwrap(), 2);
    soon(fifth).await.unwrap();
}

/// What users of `zeromq` miss: inproc, linger, marks, timeouts, disconnect, events.
#[tokio::test]
async fn pain_14_what_zmq_rs_lacks() {
    // inproc, timeouts.
    let pull = Pull::<u32>::bind(inproc()).recv_timeout(Duration::from_millis(1)).await.unwrap();
    assert!(matches!(pull.recv().await, Err(RecvError::TimedOut)));
    let push = Push::<u32>::connect(pull.endpoint())
        .high_water(1)
        .send_timeout(Duration::from_millis(1))
        .await
        .unwrap();
    // Marks: the receiver's counts on inproc.
    let start = Instant::now();
    let error = loop {
        match push.send(1).await {
            Ok(()) => assert!(start.elapsed() < gleis_test::wait::PATIENCE),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SendError::TimedOut), "{error}");
    // Disconnect, events, linger.
    let pull = Pull::<u32>::bind("tcp://127.0.0.1:0").await.unwrap();
    let mut events = pull.events();
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    push.send(7).await.unwrap();
    assert!(soon(push.disconnect(pull.endpoint())).await);
    assert!(!push.disconnect(pull.endpoint()).await);
    assert_eq!(soon(pull.recv()).await.unwrap(), 7);
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match soon(events.recv()).await.unwrap() {
            Event::Accepted { .. } => seen.push("accepted"),
            Event::Disconnected { .. } => seen.push("disconnected"),
            _ => (),
        }
    }
    assert_eq!(seen, ["accepted", "disconnected"]);
    assert!(matches!(push.try_send(1), Err(SendError::NoPeer)));
}
