//! Laws about messages.

use std::time::Duration;

use bytes::Bytes;
use gleis_transport::{
    Broadcast, CloseReason, Command, Control, Head, HighWater, Inbound, LinkConfig, Message,
    NotTaken, TrySendError,
};

use super::world::{Collector, World, read, shown, text};
use crate::wait::eventually;

fn small_queues(config: &mut LinkConfig) {
    config.options.send_high_water = HighWater { messages: 8, bytes: 1 << 20 };
    config.options.recv_high_water = HighWater { messages: 8, bytes: 1 << 20 };
}

/// A body that fills the buffers of the system after a few messages.
fn heavy(i: usize) -> Message {
    let mut body = format!("{i:06}").into_bytes();
    body.resize(256 << 10, b'.');
    Message::single(body)
}

/// Sizes around every boundary of the wire, several frames, both directions.
pub async fn messages_arrive_whole_and_in_order(world: World) {
    let ends = world.ends().await;
    let (near_out, mut near_in) = ends.near.split();
    let (far_out, mut far_in) = ends.far.split();
    let sizes = [0, 1, 255, 256, 16_383, 16_384, 65_535, 65_536, 1 << 20];
    let bodies: Vec<String> = sizes.iter().map(|&n| "x".repeat(n)).collect();
    let to_far = async {
        for body in &bodies {
            near_out.send(text(body.clone())).await.expect("sent");
        }
    };
    let (got, ()) = tokio::join!(read(&mut far_in, bodies.len()), to_far);
    assert!(got == bodies, "bodies of {:?} bytes", got.iter().map(String::len).collect::<Vec<_>>());
    let head = vec![Bytes::from_static(b"a"), Bytes::new(), Bytes::from("y".repeat(20_000))];
    far_out.send(Message::multipart(head, "end")).await.expect("sent");
    assert_eq!(read(&mut near_in, 1).await, [format!("a||{}|end", "y".repeat(20_000))]);
}

/// At the mark a message comes back; after the reader went on there is room again.
pub async fn a_full_queue_gives_the_message_back(world: World) {
    let ends = world.ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    let mut n_taken = 0;
    let refused = loop {
        match out.try_send(heavy(n_taken)) {
            Ok(()) => n_taken += 1,
            Err(refused) => break refused,
        }
        tokio::task::yield_now().await;
    };
    let TrySendError::Full(back) = refused else { panic!("{refused}") };
    assert_eq!(shown(&Inbound::Message(back))[..6], format!("{n_taken:06}"));
    let again = tokio::join!(out.send(heavy(n_taken)), read(&mut far_in, n_taken + 1));
    again.0.expect("sent");
    for (i, body) in again.1.iter().enumerate() {
        assert_eq!(body[..6], format!("{i:06}"));
    }
}

/// A message for many arrives as any other, as often as it is sent; one that was not taken can be sent
/// by value later.
pub async fn a_copy_arrives_as_the_message_does(world: World) {
    let ends = world.ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    let mut message = heavy(7);
    message.head = Head::copied([b"topic", b""]);
    let mut n_taken = 0;
    let broadcast = Broadcast::new(message.clone());
    let refused = loop {
        match out.try_send_copy(&broadcast) {
            Ok(()) => n_taken += 1,
            Err(refused) => break refused,
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(refused, NotTaken::Full), "{refused}");
    let (sent, got) = tokio::join!(out.send(message.clone()), read(&mut far_in, n_taken + 1));
    sent.expect("sent");
    let expect = shown(&Inbound::Message(message));
    assert!(got.iter().all(|it| *it == expect));
}

/// However slow the reader, nothing is lost and nothing comes twice.
pub async fn a_slow_reader_gets_everything(world: World) {
    let ends = world.ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    let sending = async {
        for i in 0..5_000 {
            out.send(text(i.to_string())).await.expect("sent");
        }
    };
    let reading = async {
        let mut got = Vec::new();
        while got.len() < 5_000 {
            far_in.recv_many(&mut got).await.expect("the link lives");
            tokio::task::yield_now().await;
        }
        got
    };
    let ((), got) = tokio::join!(sending, reading);
    for (i, item) in got.iter().enumerate() {
        assert_eq!(shown(item), i.to_string());
    }
}

/// A send that was given up while it waited has no effect.
pub async fn a_cancelled_send_sends_nothing(world: World) {
    let ends = world.ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    let mut n_sent = 0;
    loop {
        let waiting = out.send(heavy(n_sent));
        if tokio::time::timeout(Duration::from_millis(30), waiting).await.is_err() {
            break;
        }
        n_sent += 1;
    }
    let last = async { out.send(text("last")).await.expect("sent") };
    let (got, ()) = tokio::join!(read(&mut far_in, n_sent + 1), last);
    assert_eq!(got.len(), n_sent + 1);
    assert_eq!(got.last().map(String::as_str), Some("last"));
}

/// With the queue full the oldest waiting message is given up, and returned.
pub async fn the_oldest_message_gives_way(world: World) {
    let ends = world.ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    let mut displaced = Vec::new();
    let mut n_sent = 0;
    while displaced.len() < 3 {
        let oldest = out.displace(heavy(n_sent)).expect("something can be given up");
        displaced.extend(oldest.into_iter().map(|it| shown(&Inbound::Message(it))[..6].to_owned()));
        n_sent += 1;
        tokio::task::yield_now().await;
    }
    let got = read(&mut far_in, n_sent - displaced.len()).await;
    let mut all: Vec<_> = got.iter().map(|it| it[..6].to_owned()).chain(displaced).collect();
    all.sort();
    assert_eq!(all, (0..n_sent).map(|i| format!("{i:06}")).collect::<Vec<_>>());
    assert_eq!(got.last().map(|it| &it[..6]), Some(&*format!("{:06}", n_sent - 1)));
}

/// Subscribe and cancel arrive as what they are, in order.
pub async fn subscriptions_travel_beside_messages(world: World) {
    use gleis_transport::{SocketType, connect, listen};
    let publisher = world.config(SocketType::XPub, |_| ());
    let subscriber = world.config(SocketType::XSub, |_| ());
    let mut listener = listen(&world.endpoint(), &publisher).await.expect("listening");
    let at = listener.endpoint().clone();
    let (near, far) = tokio::join!(connect(&at, &subscriber), listener.accept());
    let ((out, _in), (_out, mut far_in)) = (near.expect("near").split(), far.expect("far").split());
    out.control(Control::Subscribe(Bytes::from_static(b"\x00binary"))).expect("alive");
    out.control(Control::Cancel(Bytes::from_static(b"eu."))).expect("alive");
    let mut batch = Vec::new();
    while batch.len() < 2 {
        far_in.recv_many(&mut batch).await.expect("alive");
    }
    let expect = ["Control(Subscribe(b\"\\0binary\"))", "Control(Cancel(b\"eu.\"))"];
    assert_eq!(batch.iter().map(shown).collect::<Vec<_>>(), expect);
}

/// A command stays between the messages it was sent between, however many wait.
pub async fn commands_stay_in_order_with_messages(world: World) {
    let ends = world.ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, mut far_in) = ends.far.split();
    let command = |i: usize| {
        let (name, body) = (Bytes::from_static(b"MARK"), Bytes::from(i.to_string()));
        Control::Command(Box::new(Command { name, body }))
    };
    let sending = async {
        for i in 0..2_000 {
            out.send(text(i.to_string())).await.expect("sent");
            out.control(command(i)).expect("alive");
        }
    };
    let reading = async {
        let mut batch = Vec::new();
        while batch.len() < 4_000 {
            far_in.recv_many(&mut batch).await.expect("alive");
        }
        batch
    };
    let ((), batch) = tokio::join!(sending, reading);
    for (i, pair) in batch.chunks(2).enumerate() {
        let [Inbound::Message(message), Inbound::Control(Control::Command(mark))] = pair else {
            panic!("a message and its mark, not {pair:?}");
        };
        let body = message.body.to_bytes().expect("bytes");
        assert_eq!((body, &mark.body), (Bytes::from(i.to_string()), &Bytes::from(i.to_string())));
    }
}

/// The ledger of a link is exact while it lives and after its end.
pub async fn every_message_taken_is_in_the_tally(world: World) {
    let ends = world.ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (far_out, far_in) = ends.far.split();
    let (mut n_taken, mut n_given_up) = (0, 0);
    let mut check = |n_new: u64, n_old: u64| {
        n_taken += n_new;
        n_given_up += n_old;
        let tally = out.tally();
        let sum = tally.delivered + tally.queued + tally.in_flight + n_given_up;
        assert_eq!((tally.accepted, sum), (n_taken, n_taken), "{tally:?}");
    };
    while let Ok(()) = out.try_send(text("x".repeat(10_000))) {
        check(1, 0);
    }
    for _ in 0..100 {
        match out.displace(text("x".repeat(10_000))) {
            Ok(given_up) => check(1, given_up.len() as u64),
            Err(_) => check(0, 0),
        }
    }
    drop((far_out, far_in));
    out.abort(CloseReason::Here);
    check(0, 0);
}

/// A delivery fills the inbox up to its mark; the rest waits at the sender.
pub async fn an_inbox_gets_what_arrives_and_holds_the_peer_back(world: World) {
    let ends = world.ends_with(small_queues).await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, far_in) = ends.far.split();
    out.send(text("0")).await.expect("sent");
    let inbox = Collector::new(4);
    let delivery = far_in.deliver_to(inbox.clone());
    let sending = async {
        for i in 1..3_000 {
            out.send(text(i.to_string())).await.expect("sent");
        }
    };
    let taking = async {
        let mut got = Vec::new();
        while got.len() < 3_000 {
            eventually(|| !inbox.is_empty()).await;
            got.extend(inbox.take());
        }
        got
    };
    let ((), got) = tokio::join!(sending, taking);
    assert_eq!(got, (0..3_000).map(|i| i.to_string()).collect::<Vec<_>>());
    drop(out);
    eventually(|| inbox.closed().is_some()).await;
    assert_eq!(inbox.closed().as_deref(), Some("closed by the peer"));
    drop(delivery);
}

/// However large the newest ones are, what waits stays within the mark in bytes.
pub async fn large_messages_displace_as_many_small_ones_as_are_in_their_way(world: World) {
    let ends = world
        .ends_with(|config| {
            let mark = HighWater { messages: 10_000, bytes: 1 << 20 };
            config.options.send_high_water = mark;
            config.options.recv_high_water = mark;
        })
        .await;
    let (out, _near_in) = ends.near.split();
    let (_far_out, _far_in) = ends.far.split();
    let large = || out.displace(text("x".repeat(500 << 10))).expect("alive").len();
    let (mut n_large, mut most_given_up) = (0, 0);
    // Again and again, since what is full may be emptied by another thread until the peer takes no more.
    while n_large < 100 && most_given_up <= 100 {
        while out.try_send(text("x".repeat(100))).is_ok() {}
        most_given_up = most_given_up.max(large());
        n_large += 1;
    }
    for _ in 0..100 {
        large();
    }
    assert!(100 < most_given_up, "{most_given_up} small ones gave way to a large one");
    // Two large ones are the mark; what the system took does not count, what is encoded may.
    assert!(out.queued() <= 10_000 && out.tally().queued < 10, "{:?}", out.tally());
}
