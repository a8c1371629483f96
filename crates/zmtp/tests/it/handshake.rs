//! Greeting, `READY` and `ERROR`.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use gleis_zmtp::{Config, Error, Event, Session, SocketType, Violation};

use crate::drive::{GREETING, config, feed, hello};

/// Feeds `bytes` to a PUSH socket, one by one, and shows how it ends and after which byte.
#[track_caller]
fn check(bytes: &[u8], expect: &str) {
    let seen = (1..=bytes.len()).find_map(|len| {
        let outcome = feed(config(SocketType::Push), &bytes[..len], &[1]);
        let text = outcome.error.map(|it| it.to_string());
        text.or_else(|| (outcome.events == [Event::Ready]).then(|| "ready".to_owned()))
            .map(|text| format!("{len}: {text}"))
    });
    assert_eq!(seen.as_deref().unwrap_or("hungry"), expect);
}

fn with_greeting(bytes: &[u8]) -> Vec<u8> {
    [GREETING, bytes].concat()
}

#[test]
fn a_good_handshake_is_over_with_its_last_byte() {
    let bytes = hello("PULL");
    check(&bytes, &format!("{}: ready", bytes.len()));
    check(&bytes[..bytes.len() - 1], "hungry");
}

#[test]
fn a_web_browser_is_refused_with_its_first_byte() {
    check(b"GET / HTTP", "1: peer does not speak ZMTP: byte 0 of its greeting is 0x47 ('G')");
}

#[test]
fn a_zmtp_1_0_peer_is_refused_with_its_tenth_byte() {
    let text = "10: peer does not speak ZMTP: byte 9 of its greeting is 0x00";
    check(b"\xff\0\0\0\0\0\0\0\x01\0", text);
}

#[test]
fn a_zmtp_2_0_peer_is_refused_with_its_revision() {
    let text = "11: peer speaks a ZMTP older than 3.0 (revision 1)";
    check(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08", text);
}

#[test]
fn another_mechanism_is_named() {
    let mut bytes = GREETING.to_vec();
    bytes[12..17].copy_from_slice(b"PLAIN");
    check(&bytes, "32: peer wants the security mechanism \"PLAIN\", this side speaks NULL");
}

#[test]
fn a_refusal_of_the_peer_is_shown() {
    let bytes = with_greeting(b"\x04\x0e\x05ERROR\x07go away");
    check(&bytes, "80: peer refused the connection: \"go away\"");
}

#[test]
fn a_message_before_ready_is_refused_with_its_first_byte() {
    let text = "65: peer broke the protocol: message before READY";
    for flags in 0..=3 {
        check(&with_greeting(&[flags]), text);
    }
}

#[test]
fn other_commands_before_ready_are_refused() {
    let text = "72: peer broke the protocol: unexpected command \"HELLO\"";
    check(&with_greeting(b"\x04\x06\x05HELLO"), text);
    let text = "73: peer broke the protocol: unexpected command \"PING\"";
    check(&with_greeting(b"\x04\x07\x04PING\0\0"), text);
}

#[test]
fn a_second_ready_is_refused() {
    let bytes = [hello("PULL"), b"\x04\x06\x05READY".to_vec()].concat();
    let outcome = feed(config(SocketType::Push), &bytes, &[]);
    assert_eq!(outcome.events, [Event::Ready]);
    let name = "READY".to_owned();
    assert_eq!(outcome.error, Some(Error::Protocol(Violation::UnexpectedCommand { name })));
}

#[test]
fn a_ready_without_socket_type_is_refused() {
    let text = "72: peer broke the protocol: malformed READY command: no Socket-Type";
    check(&with_greeting(b"\x04\x06\x05READY"), text);
}

#[test]
fn incompatible_and_unknown_socket_types_are_named() {
    check(&hello("PUB"), "91: a PUSH socket cannot talk to a PUB socket");
    check(&hello("STREAM"), "94: a PUSH socket cannot talk to a STREAM socket");
    check(&hello("\n"), "89: a PUSH socket cannot talk to a \\n socket");
}

#[test]
fn the_peer_is_told_why_it_is_refused() {
    let now = Instant::now();
    let mut session = Session::new(config(SocketType::Push), now);
    let mut input = BytesMut::from(hello("PUB").as_slice());
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    out.clear();
    let error = session.poll_event(now, &mut input).unwrap_err();
    assert!(error.is_permanent());
    assert!(session.poll_transmit(&mut out));
    let text = b"a PUSH socket cannot talk to a PUB socket";
    let expect = [b"\x05ERROR".as_slice(), &[text.len() as u8], text].concat();
    assert!(out.ends_with(&expect), "{}", out.escape_ascii());
}

#[test]
fn a_session_greets_at_once_and_says_ready_when_greeted() {
    let now = Instant::now();
    let mut session = Session::new(config(SocketType::Push), now);
    let mut out = BytesMut::new();
    assert!(session.poll_transmit(&mut out));
    assert_eq!(out, GREETING);
    assert!(!session.poll_transmit(&mut out));
    assert_eq!(session.wanted(0), 64);

    let mut input = BytesMut::from(&GREETING[..63]);
    assert_eq!(session.poll_event(now, &mut input), Ok(None));
    assert_eq!(session.wanted(input.len()), 1);
    assert!(!session.poll_transmit(&mut out));
    input.extend_from_slice(&GREETING[63..]);
    assert_eq!(session.poll_event(now, &mut input), Ok(None));
    out.clear();
    assert!(session.poll_transmit(&mut out));
    assert_eq!(out, hello("PUSH")[64..]);
}

#[test]
fn the_peer_is_described_by_its_ready() {
    let now = Instant::now();
    let mut session = Session::new(config(SocketType::Router), now);
    let mut bytes = GREETING.to_vec();
    bytes[11] = 0;
    bytes.extend_from_slice(
        b"\x04\x3f\x05READY\x0bsocket-type\0\0\0\x06DEALER\
          \x08IDENTITY\0\0\0\x02me\x0dX-Gleis-Codec\0\0\0\x02{}",
    );
    let mut input = BytesMut::from(bytes.as_slice());
    assert!(session.peer().is_none());
    assert_eq!(session.poll_event(now, &mut input), Ok(Some(Event::Ready)));
    let peer = session.peer().unwrap();
    assert_eq!((peer.minor, peer.socket_type), (0, SocketType::Dealer));
    assert_eq!(peer.identity, "me");
    assert_eq!(peer.metadata.get("x-gleis-codec").unwrap(), "{}");
}

#[test]
fn an_identity_with_a_leading_zero_counts_as_none() {
    let now = Instant::now();
    let mut session = Session::new(config(SocketType::Router), now);
    let ready = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x03REQ\x08Identity\0\0\0\x03\0ab";
    let mut input = BytesMut::from(with_greeting(ready).as_slice());
    assert_eq!(session.poll_event(now, &mut input), Ok(Some(Event::Ready)));
    assert_eq!(session.peer().unwrap().identity, "");
}

#[test]
fn an_identity_may_have_255_bytes_and_no_more() {
    for (len, is_good) in [(255_u16, true), (256, false)] {
        let identity = [&u32::from(len).to_be_bytes()[..], &vec![7; len.into()]].concat();
        let body = [b"\x05READY\x0bSocket-Type\0\0\0\x03REQ\x08Identity", &identity[..]].concat();
        let header = [&[6][..], &(body.len() as u64).to_be_bytes()].concat();
        let bytes = with_greeting(&[header, body].concat());
        let outcome = feed(Config::new(SocketType::Router), &bytes, &[]);
        assert_eq!(outcome.error.is_none(), is_good, "{:?}", outcome.error);
    }
}

#[test]
fn an_own_identity_that_is_not_allowed_says_nothing_and_fails() {
    for identity in [vec![0, 1], vec![1; 256]] {
        let now = Instant::now();
        let len = identity.len();
        let config = Config { identity: identity.into(), ..Config::new(SocketType::Req) };
        let mut session = Session::new(config, now);
        assert!(!session.poll_transmit(&mut BytesMut::new()));
        let expect = Err(Error::OwnIdentity { len });
        assert_eq!(session.poll_event(now, &mut BytesMut::new()), expect);
    }
}

#[test]
fn a_peer_that_drips_bytes_cannot_stretch_the_handshake() {
    let start = Instant::now();
    let after = Duration::from_secs(10);
    let mut session = Session::new(config(SocketType::Push), start);
    assert_eq!(session.poll_timeout(), Some(start + after));
    let mut input = BytesMut::new();
    let bytes = hello("PULL");
    for second in 0..10 {
        let now = start + Duration::from_secs(second);
        input.extend_from_slice(&bytes[second as usize..=second as usize]);
        assert_eq!(session.poll_event(now, &mut input), Ok(None));
        assert_eq!(session.handle_timeout(now), Ok(()));
    }
    let expect = Err(Error::HandshakeTimeout { after });
    assert_eq!(session.handle_timeout(start + after), expect);
    assert_eq!(session.poll_timeout(), None);
}
