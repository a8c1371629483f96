//! Two sessions talk to each other.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use gleis_zmtp::{Config, Event, Head, Message, Session, SocketType};

use crate::drive::config;

/// One side: its session, what it has read, what it has to write, what it saw.
struct Side {
    session: Session,
    input: BytesMut,
    out: BytesMut,
    events: Vec<Event>,
}

impl Side {
    fn new(config: Config, now: Instant) -> Self {
        let session = Session::new(config, now);
        Self { session, input: BytesMut::new(), out: BytesMut::new(), events: Vec::new() }
    }

    /// Takes at most `size` bytes of what `other` wrote; `say` speaks once, when ready.
    fn step(
        &mut self,
        other: &mut Self,
        size: usize,
        now: Instant,
        say: fn(&Session, &mut BytesMut),
    ) {
        self.session.poll_transmit(&mut self.out);
        let size = size.min(other.out.len());
        self.input.extend_from_slice(&other.out.split_to(size));
        while let Some(event) =
            self.session.poll_event(now, &mut self.input).expect("the session lives")
        {
            if event == Event::Ready {
                self.session.poll_transmit(&mut self.out);
                say(&self.session, &mut self.out);
            }
            self.events.push(event);
        }
        self.session.poll_transmit(&mut self.out);
    }
}

/// Lets two sockets talk in pieces of `size` bytes until nothing moves.
fn talk(
    (a, b): (SocketType, SocketType),
    size: usize,
    say: [fn(&Session, &mut BytesMut); 2],
) -> [Vec<Event>; 2] {
    let now = Instant::now();
    let mut a = Side::new(config(a), now);
    let mut b = Side::new(config(b), now);
    for _ in 0..2_000 {
        a.step(&mut b, size, now, say[0]);
        b.step(&mut a, size, now, say[1]);
    }
    assert!(a.out.is_empty() && b.out.is_empty(), "still talking");
    [a.events, b.events]
}

fn nothing(_: &Session, _: &mut BytesMut) {}

#[test]
fn messages_arrive_whatever_the_pieces() {
    fn say(it: &Session, out: &mut BytesMut) {
        it.encoder().message(&Head::new(), b"one", out);
        it.encoder().message(&Head::copied([b"id", b""]), &[7; 300], out);
        it.encoder().header(3, false, out);
        out.extend_from_slice(b"end");
    }
    let head = Head::copied([b"id", b""]);
    let expect = [
        Event::Ready,
        Event::Message(Message::new("one")),
        Event::Message(Message { head, body: vec![7; 300].into() }),
        Event::Message(Message::new("end")),
    ];
    for size in 1..500 {
        let [push, pull] = talk((SocketType::Push, SocketType::Pull), size, [say, nothing]);
        assert_eq!(push, [Event::Ready]);
        assert_eq!(pull, expect, "pieces of {size}");
    }
}

#[test]
fn subscriptions_go_up_and_publications_go_down() {
    fn publish(it: &Session, out: &mut BytesMut) {
        it.encoder().message(&Head::copied([b"eu.fr"]), b"1", out);
    }
    fn subscribe(it: &Session, out: &mut BytesMut) {
        it.encoder().subscribe(b"eu.", out);
        it.encoder().cancel(b"eu.", out);
    }
    for size in 1..200 {
        let types = (SocketType::Pub, SocketType::Sub);
        let [publisher, subscriber] = talk(types, size, [publish, subscribe]);
        let prefix = Bytes::from_static(b"eu.");
        let heard = [Event::Ready, Event::Subscribe(prefix.clone()), Event::Cancel(prefix)];
        assert_eq!(publisher, heard);
        let head = Head::copied([b"eu.fr"]);
        let message = Message { head, body: Bytes::from_static(b"1") };
        assert_eq!(subscriber, [Event::Ready, Event::Message(message)]);
    }
}

#[test]
fn all_compatible_types_shake_hands() {
    for a in SocketType::ALL {
        for b in SocketType::ALL.into_iter().filter(|it| a.is_compatible_with(*it)) {
            let [seen_a, seen_b] = talk((a, b), 7, [nothing, nothing]);
            assert_eq!((seen_a, seen_b), (vec![Event::Ready], vec![Event::Ready]), "{a} {b}");
        }
    }
}
