//! `PING`, `PONG`, and silence.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use gleis_zmtp::{Config, Error, Event, Heartbeat, Session, SocketType};

use crate::drive::hello;

const PING: &[u8] = b"\x04\x07\x04PING\x01\x2c";

/// A session after its handshake, and the time in seconds since then.
struct Probe {
    session: Session,
    start: Instant,
    input: BytesMut,
}

impl Probe {
    fn new(heartbeat: Option<Heartbeat>, minor: u8) -> Self {
        let start = Instant::now();
        let config = Config { heartbeat, ..Config::new(SocketType::Pull) };
        let mut session = Session::new(config, start);
        let mut bytes = hello("PUSH");
        bytes[11] = minor;
        let mut input = BytesMut::from(bytes.as_slice());
        assert_eq!(session.poll_event(start, &mut input), Ok(Some(Event::Ready)));
        session.poll_transmit(&mut BytesMut::new());
        Self { session, start, input }
    }

    fn usual() -> Self {
        Self::new(Some(Heartbeat::default()), 1)
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    /// The time of the next timeout in seconds.
    fn next(&self) -> Option<u64> {
        self.session.poll_timeout().map(|it| it.duration_since(self.start).as_secs())
    }

    /// Handles the timeout and returns what the session says then.
    #[track_caller]
    fn tick(&mut self, seconds: u64) -> Vec<u8> {
        let now = self.at(seconds);
        self.session.handle_timeout(now).expect("the session lives");
        self.said()
    }

    fn said(&mut self) -> Vec<u8> {
        let mut out = BytesMut::new();
        self.session.poll_transmit(&mut out);
        out.to_vec()
    }

    #[track_caller]
    fn hear(&mut self, seconds: u64, bytes: &[u8]) {
        let now = self.at(seconds);
        self.input.extend_from_slice(bytes);
        while self.session.poll_event(now, &mut self.input).expect("the session lives").is_some() {}
    }

    #[track_caller]
    fn check_gone(&mut self, seconds: u64, silent_for: u64) {
        let expect = Error::PeerSilent { silent_for: Duration::from_secs(silent_for) };
        let now = self.at(seconds);
        assert_eq!(self.session.handle_timeout(now), Err(expect));
    }
}

#[test]
fn a_ping_goes_out_at_every_interval() {
    let mut it = Probe::usual();
    assert_eq!(it.next(), Some(5));
    assert_eq!(it.tick(4), b"");
    assert_eq!(it.tick(5), PING);
    it.hear(6, b"\x04\x05\x04PONG");
    assert_eq!(it.next(), Some(10));
    assert_eq!(it.tick(10), PING);
}

#[test]
fn a_peer_that_answers_no_ping_is_gone_after_the_timeout() {
    let mut it = Probe::usual();
    for seconds in [5, 10, 15] {
        assert_eq!(it.tick(seconds), PING);
    }
    assert_eq!(it.next(), Some(20));
    it.check_gone(20, 20);
    it.check_gone(21, 20);
    assert_eq!(it.next(), None);
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let mut it = Probe::usual();
    assert_eq!(it.tick(5), PING);
    it.hear(19, b"\0");
    assert_eq!(it.tick(20), PING);
    it.hear(34, b"\x03ab");
    assert_eq!(it.tick(35), PING);
    it.check_gone(50, 16);
}

#[test]
fn pings_that_were_not_taken_do_not_pile_up() {
    let mut it = Probe::usual();
    for seconds in [5, 10, 15] {
        let now = it.at(seconds);
        it.session.handle_timeout(now).unwrap();
    }
    assert_eq!(it.said(), PING);
}

#[test]
fn a_ping_is_answered_with_its_context() {
    let mut it = Probe::usual();
    it.hear(1, b"\x04\x0a\x04PING\0\0ctx\x04\x07\x04PING\0\0");
    assert_eq!(it.said(), b"\x04\x08\x04PONGctx\x04\x05\x04PONG");
}

#[test]
fn a_3_0_peer_is_never_asked_but_answered() {
    let mut it = Probe::new(Some(Heartbeat::default()), 0);
    assert_eq!(it.next(), None);
    assert_eq!(it.tick(100), b"");
    it.hear(101, b"\x04\x07\x04PING\0\0");
    assert_eq!(it.said(), b"\x04\x05\x04PONG");
}

#[test]
fn without_heartbeat_the_promise_of_the_peer_still_holds() {
    let mut it = Probe::new(None, 1);
    assert_eq!(it.next(), None);
    it.hear(1, b"\x04\x07\x04PING\0\x14");
    assert_eq!(it.next(), Some(3));
    it.check_gone(3, 2);
}

#[test]
fn further_traffic_keeps_the_promise() {
    let mut it = Probe::new(None, 1);
    it.hear(1, b"\x04\x07\x04PING\0\x14");
    it.hear(2, b"\0");
    assert_eq!(it.next(), None);
    it.hear(3, b"\0\x04\x07\x04PING\0\x14\0\0");
    assert_eq!(it.next(), None);
}

#[test]
fn an_interval_of_zero_asks_nothing() {
    let heartbeat = Heartbeat { interval: Duration::ZERO, ..Heartbeat::default() };
    assert_eq!(Probe::new(Some(heartbeat), 1).next(), None);
}

#[test]
fn endless_times_never_come() {
    let interval = Duration::MAX;
    let it = Probe::new(Some(Heartbeat { interval, timeout: interval, ttl: interval }), 1);
    assert_eq!(it.next(), None);
    let handshake_timeout = Duration::MAX;
    let config = Config { handshake_timeout, ..Config::new(SocketType::Pull) };
    assert_eq!(Session::new(config, Instant::now()).poll_timeout(), None);
}

#[test]
fn a_ttl_beyond_16_bits_is_cut() {
    let ttl = Duration::from_secs(10_000);
    let mut it = Probe::new(Some(Heartbeat { ttl, ..Heartbeat::default() }), 1);
    assert_eq!(it.tick(5), b"\x04\x07\x04PING\xff\xff");
}

#[test]
fn held_silence_is_not_judged_but_pings_go_out() {
    let mut it = Probe::usual();
    it.hear(1, b"\x04\x07\x04PING\0\x14");
    it.said();
    it.session.hold_silence(true);
    for seconds in (5..=100).step_by(5) {
        assert_eq!(it.next(), Some(seconds));
        assert_eq!(it.tick(seconds), PING);
    }
    it.session.hold_silence(false);
    assert_eq!(it.tick(101), b"");
    assert_eq!(it.next(), Some(103));
    it.check_gone(103, 102);
}

#[test]
fn after_a_release_the_patience_counts_anew() {
    let mut it = Probe::usual();
    it.session.hold_silence(true);
    assert_eq!(it.tick(5), PING);
    it.session.hold_silence(false);
    for seconds in [60, 65, 70] {
        assert_eq!(it.tick(seconds), PING);
    }
    it.check_gone(75, 75);
}
