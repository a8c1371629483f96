//! What publishers hear.

use gleis_zmtp::{Event, SocketType};

use crate::drive::{config, feed, hello};

#[track_caller]
fn check(socket_type: SocketType, frames: &[u8], expect: &str) {
    let outcome = feed(config(socket_type), &[&hello("SUB"), frames].concat(), &[]);
    let show = |it: &Event| match it {
        Event::Command(it) => format!("!{}", it.name.escape_ascii()),
        Event::Subscribe(it) => format!("+{}", it.escape_ascii()),
        Event::Cancel(it) => format!("-{}", it.escape_ascii()),
        Event::Message(it) => format!("{} {}", it.n_frames(), it.body.escape_ascii()),
        Event::Ready => "ready".to_owned(),
    };
    let mut seen: Vec<_> = outcome.events.iter().skip(1).map(show).collect();
    seen.extend(outcome.error.map(|it| it.to_string()));
    assert_eq!(seen.join(" "), expect);
}

#[test]
fn commands_subscribe_and_cancel() {
    let frames = b"\x04\x0c\x09SUBSCRIBEeu\x04\x09\x06CANCELeu\x04\x0a\x09SUBSCRIBE";
    check(SocketType::Pub, frames, "+eu -eu +");
    check(SocketType::XPub, frames, "+eu -eu +");
}

#[test]
fn messages_of_the_3_0_form_subscribe_and_cancel() {
    check(SocketType::Pub, b"\0\x03\x01eu\0\x03\0eu\0\x01\x01", "+eu -eu +");
    check(SocketType::XPub, b"\0\x03\x01eu\0\x03\0eu\0\x01\x01", "+eu -eu +");
}

#[test]
fn other_messages_are_nothing_to_a_pub_and_messages_to_an_xpub() {
    let frames = b"\0\0\0\x02hi\x01\x01\x01\0\x02\x01b\0\x02\x01a";
    check(SocketType::Pub, frames, "+a");
    check(SocketType::XPub, frames, "1  1 hi 2 \\x01b +a");
}

#[test]
fn a_subscription_beyond_the_limit_is_refused_in_both_forms() {
    let long = [b'x'; 33];
    let text = "subscription limit exceeded: 33 announced, 32 allowed";
    check(SocketType::Pub, &[b"\x04\x2b\x09SUBSCRIBE".as_slice(), &long].concat(), text);
    check(SocketType::Pub, &[b"\0\x22\x01".as_slice(), &long].concat(), text);
    let fits = [b"\0\x21\x01".as_slice(), &long[1..]].concat();
    check(SocketType::Pub, &fits, &format!("+{}", "x".repeat(32)));
}
