//! However the bytes are cut, the events are the same.

use gleis_zmtp::SocketType;
use proptest::{collection::vec, prelude::*};

use crate::drive::{self, choose, config, feed, hello};

/// Frames most of which are good, so that long streams live.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let body = vec(any::<u8>(), 0..300);
    let message = (0..4_u8, body.clone()).prop_map(|(flags, body)| frame(flags, &body));
    let ping = vec(any::<u8>(), 2..19).prop_map(|it| command(b"\x04PING", &it));
    let subscribe = vec(any::<u8>(), 0..33).prop_map(|it| command(b"\x09SUBSCRIBE", &it));
    let unknown = vec(any::<u8>(), 0..200).prop_map(|it| command(b"\x04JOIN", &it));
    let wild = vec(any::<u8>(), 0..20);
    let one = prop_oneof![8 => message, 2 => ping, 2 => subscribe, 2 => unknown, 1 => wild];
    vec(one, 0..20).prop_map(|it| it.concat())
}

fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let len = body.len() as u64;
    if flags & 2 == 0 && len < 256 {
        return [&[flags, len as u8], body].concat();
    }
    [[flags | 2].as_slice(), &len.to_be_bytes(), body].concat()
}

fn command(name: &[u8], data: &[u8]) -> Vec<u8> {
    frame(4, &[name, data].concat())
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_events(
        by in any::<u8>(), frames in frames(), chunks in vec(1..=255_u8, 1..40),
    ) {
        let (ours, theirs) = choose(by);
        let stream = [hello(theirs.as_str()), frames].concat();
        let whole = feed(config(ours), &stream, &[]);
        prop_assert!(!whole.events.is_empty());
        prop_assert_eq!(feed(config(ours), &stream, &chunks), whole);
    }

    #[test]
    fn random_bytes_end_in_an_error_or_in_hunger(bytes in vec(any::<u8>(), 0..400)) {
        drive::greeting(&bytes);
        drive::frame(&bytes);
        drive::session(&bytes);
    }

    #[test]
    fn a_damaged_handshake_ends_in_an_error_or_in_hunger(
        at in 0..100_usize, byte in any::<u8>(), rest in vec(any::<u8>(), 0..50),
    ) {
        let mut stream = hello("DEALER");
        let at = at % stream.len();
        stream[at] = byte;
        stream.extend_from_slice(&rest);
        drive::greeting(&stream);
    }
}

#[test]
fn every_cut_in_two_gives_the_same_events() {
    let frames =
        [frame(1, b"id"), frame(1, b""), frame(0, &[1; 300]), command(b"\x04PING", b"\0\0ctx")];
    let stream = [hello("REQ"), frames.concat(), frame(0, b"end")].concat();
    let whole = feed(config(SocketType::Router), &stream, &[]);
    assert_eq!((whole.events.len(), whole.left), (3, Some(0)));
    for cut in 1..stream.len() {
        let first = u8::try_from(cut).unwrap_or(u8::MAX);
        let seen = feed(config(SocketType::Router), &stream, &[first, 255, 255]);
        assert_eq!(seen, whole, "cut at {cut}");
    }
}
