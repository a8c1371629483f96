//! Every option has an effect.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    Backoff, Builder, Event, Events, Heartbeat, HighWater, Multipart, OpenError, Overflow,
    Publisher, Pull, Push, RecvError, SendError, Subscriber,
};
use gleis_test::sim::Sim;
use gleis_transport::{Connection, LinkConfig, SocketType, connect};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::{SCHEMES, fresh, inproc, soon, until};

const TCP: &str = "tcp://127.0.0.1:0";

/// Waits for an event that says `words`.
async fn told(events: &mut Events, words: &str) -> Event {
    soon(async {
        loop {
            let event = events.recv().await.unwrap();
            if format!("{event:?}").contains(words) {
                return event;
            }
        }
    })
    .await
}

async fn stream(pull: &Pull<u32>) -> TcpStream {
    let at = pull.endpoint().to_string();
    TcpStream::connect(at.strip_prefix("tcp://").unwrap()).await.unwrap()
}

/// A peer that is connected and reads nothing.
async fn deaf(push: &Push<Bytes>) -> Connection {
    let config = Arc::new(LinkConfig::new(SocketType::Pull));
    let deaf = soon(connect(push.endpoint(), &config)).await.unwrap();
    soon(push.wait_for_peers(1)).await;
    deaf
}

/// A pull on a host of `sim`, and a push on another, connected to it.
async fn far(
    sim: &Sim,
    push: impl FnOnce(Builder<Push<u32>>) -> Builder<Push<u32>>,
) -> (Push<u32>, Pull<u32>) {
    let pull = Pull::bind("tcp://10.0.0.1:7").network(Arc::new(sim.host("10.0.0.1")));
    let pull = pull.no_heartbeat().await.unwrap();
    let builder = Push::connect(pull.endpoint()).network(Arc::new(sim.host("10.0.0.2")));
    let push = push(builder).await.unwrap();
    (push, pull)
}

#[tokio::test]
async fn the_advertised_host_is_told() {
    let pull = Pull::<u32>::bind("tcp://*:0").advertise("jobs.example.org").await.unwrap();
    assert!(pull.endpoint().to_string().starts_with("tcp://jobs.example.org:"));
}

#[tokio::test]
async fn the_backoff_bounds_the_wait() {
    let gone = Pull::<u32>::bind(TCP).await.unwrap();
    let at = gone.endpoint().clone();
    gone.close().await;
    let short = Duration::from_millis(1);
    let push = Push::<u32>::connect(&at).backoff(Backoff { first: short, most: short });
    let push = push.connect_patience(Duration::ZERO).await.unwrap();
    match told(&mut push.events(), "Retrying").await {
        Event::Retrying { delay, .. } => assert!(delay <= short),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_to_connect_ends_in_time() {
    let sim = Sim::new(1);
    sim.cut("10.0.0.1", "10.0.0.2");
    let wait = Duration::from_millis(1);
    let (push, _pull) = far(&sim, |it| {
        it.connect_timeout(Duration::from_secs(3)).backoff(Backoff { first: wait, most: wait })
    })
    .await;
    let mut events = push.events();
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let start = Instant::now();
        told(&mut events, "Retrying").await;
        longest = longest.max(start.elapsed());
    }
    assert!((2_900..3_100).contains(&longest.as_millis()), "{longest:?}");
}

#[tokio::test]
async fn a_handshake_ends_in_time() {
    let pull = Pull::<u32>::bind(TCP).handshake_timeout(Duration::from_millis(10)).await.unwrap();
    let mut events = pull.events();
    let _silent = stream(&pull).await;
    told(&mut events, "HandshakeFailed").await;
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_finds_out_that_the_peer_is_gone() {
    let sim = Sim::new(1);
    let second = Duration::from_secs(1);
    let heartbeat = Heartbeat { interval: second, timeout: 2 * second, ttl: 9 * second };
    let (push, _pull) = far(&sim, |it| it.heartbeat(heartbeat)).await;
    soon(push.wait_for_peers(1)).await;
    let mut events = push.events();
    sim.silence("10.0.0.1", "10.0.0.2");
    let start = Instant::now();
    told(&mut events, "Disconnected").await;
    assert!(start.elapsed() < 4 * second, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_a_heartbeat_nobody_finds_out() {
    let sim = Sim::new(1);
    let (push, _pull) = far(&sim, Builder::no_heartbeat).await;
    soon(push.wait_for_peers(1)).await;
    sim.silence("10.0.0.1", "10.0.0.2");
    sim.pass(Duration::from_secs(3_600)).await;
    assert_eq!(push.peers().len(), 1);
}

#[tokio::test]
async fn the_identity_is_seen() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).identity("worker 7").await.unwrap();
        soon(pull.wait_for_peers(1)).await;
        assert_eq!(pull.peers()[0].identity, "worker 7", "{scheme}");
        drop(push);
    }
}

#[tokio::test]
async fn small_writes_may_be_delayed_and_idle_peers_asked_for() {
    let pull = Pull::<u32>::bind(TCP).delay().keepalive(Duration::from_secs(60)).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).delay().keepalive(Duration::from_secs(60));
    let push = push.await.unwrap();
    for n in 0..10 {
        soon(push.send(n)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), n);
    }
}

#[tokio::test]
async fn small_buffers_of_the_system_take_little() {
    let mark = HighWater { messages: 10, bytes: 1 << 30 };
    let push = Push::<Bytes>::bind(TCP).overflow(Overflow::Fail).send_high_water(mark);
    let push = push.send_buffer(4 << 10).recv_buffer(4 << 10).await.unwrap();
    let mut config = LinkConfig::new(SocketType::Pull);
    config.options.recv_buffer = Some(4 << 10);
    let _deaf = soon(connect(push.endpoint(), &Arc::new(config))).await.unwrap();
    soon(push.wait_for_peers(1)).await;
    let body = Bytes::from(vec![7; 32 << 10]);
    while let Ok(()) = push.send(&body).await {
        tokio::task::yield_now().await;
    }
    // Ten wait, a batch of one or two is being written, and the system has less than one or two.
    let sent = push.stats().sent;
    assert!(sent.offered < 20, "{sent:?}");
}

#[tokio::test]
async fn closing_waits_for_as_long_as_linger_says() {
    let push = Push::<Bytes>::bind(TCP).linger(Duration::ZERO).send_buffer(4 << 10).await.unwrap();
    let _deaf = deaf(&push).await;
    let body = Bytes::from(vec![7; 1 << 20]);
    for _ in 0..16 {
        soon(push.send(&body)).await.unwrap();
    }
    let unsent = soon(push.close()).await;
    assert!(0 < unsent);
    let sent = push.stats().sent;
    assert_eq!((sent.dropped.closed, sent.offered), (unsent as u64, 16));
}

#[tokio::test]
async fn no_frame_is_longer_than_said() {
    for scheme in SCHEMES {
        let pull = Pull::<Bytes>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<Bytes>::connect(pull.endpoint()).max_frame(100).await.unwrap();
        let res = soon(push.send(Bytes::from(vec![0; 101]))).await;
        assert!(matches!(res, Err(SendError::Encode(_))), "{scheme}");
        assert_eq!(push.stats().sent.dropped.oversize, 1);
        soon(push.send(Bytes::from(vec![0; 100]))).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap().len(), 100);
    }
    let pull = Pull::<Bytes>::bind(TCP).max_frame(100).await.unwrap();
    let mut events = pull.events();
    let push = Push::<Bytes>::connect(pull.endpoint()).await.unwrap();
    soon(push.send(Bytes::from(vec![0; 101]))).await.unwrap();
    told(&mut events, "Disconnected").await;
}

#[tokio::test]
async fn no_message_has_more_bytes_or_frames_than_said() {
    let open = || Pull::<Multipart>::bind(TCP);
    for narrow in [open().max_message(100), open().max_parts(2)] {
        let pull = narrow.await.unwrap();
        let mut events = pull.events();
        let push = Push::<Multipart>::connect(pull.endpoint()).await.unwrap();
        let small = Multipart::new([vec![0; 50], vec![0; 50]]);
        soon(push.send(&small)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), small);
        let large = Multipart::new([vec![0; 50], vec![0; 50], vec![0; 50]]);
        soon(push.send(large)).await.unwrap();
        told(&mut events, "Disconnected").await;
    }
}

#[tokio::test]
async fn one_handshake_too_many_ends_the_oldest() {
    let pull = Pull::<u32>::bind(TCP).max_handshakes(1).await.unwrap();
    let mut first = stream(&pull).await;
    let mut greeting = [0; 10];
    soon(first.read_exact(&mut greeting)).await.unwrap();
    let _second = stream(&pull).await;
    // Ended or reset, it is over.
    let _ = soon(first.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn one_peer_too_many_is_refused() {
    for scheme in ["ipc", "tcp"] {
        let pull = Pull::<u32>::bind(fresh(scheme)).max_peers(1).await.unwrap();
        let mut events = pull.events();
        let first = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        soon(pull.wait_for_peers(1)).await;
        let second = Push::<u32>::connect(pull.endpoint()).connect_patience(Duration::ZERO).await;
        told(&mut events, "1 peers are served already").await;
        soon(first.send(1)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), 1);
        assert_eq!(pull.peers().len(), 1);
        drop((first, second));
    }
}

#[tokio::test]
async fn one_subscription_too_many_is_refused() {
    let publisher = Publisher::<u32>::bind(TCP).max_subscriptions(2).await.unwrap();
    let mut events = publisher.events();
    let greedy = Subscriber::<u32>::connect(publisher.endpoint());
    let _greedy = greedy.subscribe("a").subscribe("b").subscribe("c").await.unwrap();
    told(&mut events, "more than 2 subscriptions").await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_may_give_up() {
    let second = Duration::from_secs(1);
    let pull = Pull::<u32>::bind(inproc()).recv_timeout(second).await.unwrap();
    let start = Instant::now();
    assert!(matches!(pull.recv().await, Err(RecvError::TimedOut)));
    assert!(matches!(pull.recv_many(&mut Vec::new(), 9).await, Err(RecvError::TimedOut)));
    assert_eq!(start.elapsed(), 2 * second);
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    soon(push.send(1)).await.unwrap();
    assert_eq!(pull.recv().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sender_may_give_up() {
    let second = Duration::from_secs(1);
    let pull = Pull::<u32>::bind(inproc()).high_water(1).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).send_timeout(second).await.unwrap();
    push.send(1).await.unwrap();
    let start = Instant::now();
    assert!(matches!(push.send(2).await, Err(SendError::TimedOut)));
    assert_eq!(start.elapsed(), second);
    assert_eq!(pull.recv().await.unwrap(), 1);
    // What was handed out is done with when the next one is asked for.
    assert!(matches!(pull.try_recv(), Err(RecvError::Empty)));
    push.send(3).await.unwrap();
    assert_eq!(pull.recv().await.unwrap(), 3);
    assert_eq!(push.stats().sent.offered, 2);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_waits_for_its_slow_subscribers_no_longer_than_said() {
    let second = Duration::from_secs(1);
    let publisher = Publisher::<u32>::bind(inproc()).overflow(Overflow::Block);
    let publisher = publisher.send_timeout(second).await.unwrap();
    let at = publisher.endpoint();
    let slow = Subscriber::<u32>::connect(at).subscribe("").high_water(1).await.unwrap();
    let quick = Subscriber::<u32>::connect(at).subscribe("").await.unwrap();
    soon(publisher.wait_for_subscribers(2)).await;
    publisher.send(1).await.unwrap();
    let start = Instant::now();
    assert!(matches!(publisher.send(2).await, Err(SendError::TimedOut)));
    assert_eq!(start.elapsed(), second);
    assert_eq!(slow.recv().await.unwrap().message, 1);
    assert_eq!(quick.recv().await.unwrap().message, 1);
    assert_eq!(quick.recv().await.unwrap().message, 2);
    assert!(matches!(slow.try_recv(), Err(RecvError::Empty)));
    publisher.send(3).await.unwrap();
    assert!(matches!(slow.recv().await, Err(RecvError::Gap { missed: 1, .. })));
    assert_eq!(slow.recv().await.unwrap().message, 3);
    let sent = publisher.stats().sent;
    assert_eq!((sent.offered, sent.delivered, sent.dropped.full), (6, 5, 1));
}

#[tokio::test]
async fn opening_may_wait_until_all_is_up() {
    let lonely = Push::<u32>::bind(inproc()).ready(Duration::from_millis(5)).await;
    assert!(matches!(lonely, Err(OpenError::NotReady { .. })));
    let publisher = Publisher::<u32>::bind(TCP).await.unwrap();
    let it = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("");
    let it = it.ready(Duration::from_secs(20)).await.unwrap();
    publisher.send(1).await.unwrap();
    assert_eq!(soon(it.recv()).await.unwrap().message, 1);
}

#[cfg(feature = "zeromq")]
#[tokio::test]
async fn only_a_trusted_network_is_faced_by_the_zeromq_engine() {
    let refused = Pull::<u32>::bind("zmq+tcp://0.0.0.0:0").await;
    assert!(matches!(refused, Err(OpenError::Listen(_))));
    Pull::<u32>::bind("zmq+tcp://0.0.0.0:0").trusted_network().await.unwrap();
}

#[tokio::test]
async fn the_order_of_the_calls_does_not_matter() {
    let pull = Pull::<u32>::bind(inproc()).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).conflate().overflow(Overflow::Fail);
    let push = push.high_water(5).await.unwrap();
    soon(pull.wait_for_peers(1)).await;
    for n in 0..2_000 {
        push.send(n).await.unwrap();
    }
    until(|| push.stats().sent.dropped.full == 1_000).await;
}

#[tokio::test]
async fn endless_timeouts_are_no_overflow() {
    let feed = Publisher::<u32>::bind(fresh("tcp")).overflow(Overflow::Block);
    let feed = feed.send_timeout(Duration::MAX).await.unwrap();
    let reader = Subscriber::<u32>::connect(feed.endpoint()).subscribe("");
    let reader = reader.recv_timeout(Duration::MAX).ready(Duration::MAX).await.unwrap();
    soon(feed.send(1)).await.unwrap();
    assert_eq!(soon(reader.recv()).await.unwrap().message, 1);
}

#[tokio::test]
async fn a_mark_of_zero_counts_as_one() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).high_water(0).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).high_water(0).await.unwrap();
        for n in 0..3 {
            soon(push.send(n)).await.unwrap();
            assert_eq!(soon(pull.recv()).await.unwrap(), n);
        }
    }
}
