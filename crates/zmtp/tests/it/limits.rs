//! What a peer may announce, and what it may make us hold.

use std::time::Instant;

use bytes::BytesMut;
use gleis_zmtp::{Config, Error, Limit, Limits, Session, SocketType};

use crate::drive::{GREETING, config, feed, hello};

#[track_caller]
fn check(frames: &[u8], expect: &str) {
    let outcome = feed(config(SocketType::Pull), &[&hello("PUSH"), frames].concat(), &[]);
    assert_eq!(outcome.error.map(|it| it.to_string()).as_deref(), Some(expect));
}

fn announce(flags: u8, len: u64) -> Vec<u8> {
    [[flags].as_slice(), &len.to_be_bytes()].concat()
}

#[test]
fn huge_frames_are_refused_by_their_header() {
    for len in [513, 1 << 46, (1 << 63) - 1, 1 << 63, u64::MAX] {
        for flags in [2, 3] {
            let expect = format!("frame limit exceeded: {len} announced, 512 allowed");
            check(&announce(flags, len), &expect);
        }
        let expect = format!("command limit exceeded: {len} announced, 256 allowed");
        check(&announce(6, len), &expect);
    }
}

#[test]
fn huge_commands_are_refused_before_ready() {
    let bytes = [GREETING, &announce(6, 1 << 46)].concat();
    let outcome = feed(config(SocketType::Pull), &bytes, &[]);
    let limit = Limit::Command;
    let expect = Error::LimitExceeded { limit, announced: 1 << 46, allowed: 256 };
    assert_eq!(outcome.error, Some(expect));
}

#[test]
fn all_frames_of_a_message_count_together() {
    let part = [announce(3, 400), vec![0; 400]].concat();
    let expect = "message limit exceeded: 1200 announced, 1024 allowed";
    check(&[part.clone(), part, announce(2, 400)].concat(), expect);
}

#[test]
fn the_number_of_frames_is_limited_even_if_they_are_empty() {
    let expect = "parts limit exceeded: 9 announced, 8 allowed";
    check(&[b"\x01\0".repeat(8), vec![0, 0]].concat(), expect);
    let outcome =
        feed(config(SocketType::Pull), &[hello("PUSH"), b"\x01\0".repeat(7)].concat(), &[]);
    assert_eq!(outcome.error, None);
}

#[test]
fn no_limit_at_all_still_reserves_nothing_and_does_not_overflow() {
    let now = Instant::now();
    let all = usize::MAX;
    let limits = Limits { frame: all, message: all, parts: all, command: all, subscription: all };
    let mut session = Session::new(Config { limits, ..Config::new(SocketType::Pub) }, now);
    let mut input = BytesMut::from(hello("SUB").as_slice());
    input.extend_from_slice(&announce(2, u64::MAX));
    assert!(session.poll_event(now, &mut input).unwrap().is_some());
    let before = input.capacity();
    assert_eq!(session.poll_event(now, &mut input), Ok(None));
    assert_eq!(session.wanted(input.len()), usize::MAX - 9);
    assert_eq!(input.capacity(), before);
}

#[test]
fn a_part_that_waits_for_its_message_does_not_pin_the_read_buffer() {
    let now = Instant::now();
    let mut session = Session::new(config(SocketType::Pull), now);
    let mut input = BytesMut::with_capacity(64 << 10);
    input.extend_from_slice(&hello("PUSH"));
    assert!(session.poll_event(now, &mut input).unwrap().is_some());
    input.extend_from_slice(b"\x01\x01a");
    assert_eq!(session.poll_event(now, &mut input), Ok(None));
    assert!(input.try_reclaim(60 << 10), "the part was not copied out");
}

#[test]
fn a_flood_of_pings_is_answered_by_a_bounded_number_of_pongs() {
    let now = Instant::now();
    let mut session = Session::new(config(SocketType::Pull), now);
    let mut input = BytesMut::from(hello("PUSH").as_slice());
    assert!(session.poll_event(now, &mut input).unwrap().is_some());
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    out.clear();
    for n in 0..100_000_u32 {
        input.extend_from_slice(b"\x04\x0b\x04PING\0\0");
        input.extend_from_slice(&n.to_be_bytes());
    }
    assert_eq!(session.poll_event(now, &mut input), Ok(None));
    assert!(session.poll_transmit(&mut out));
    assert_eq!(out.len(), 8 * 11);
    assert!(out.ends_with(&99_999_u32.to_be_bytes()), "the youngest question is answered");
}
