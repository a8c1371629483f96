//! Messages and commands after the handshake.

use gleis_zmtp::{Event, SocketType};

use crate::drive::{Outcome, config, feed, hello};

fn run(frames: &[u8]) -> Outcome {
    feed(config(SocketType::Pull), &[&hello("PUSH"), frames].concat(), &[])
}

fn show(event: &Event) -> String {
    match event {
        Event::Message(it) => {
            let frames: Vec<_> = it.frames().map(|it| it.escape_ascii().to_string()).collect();
            frames.join("|")
        }
        Event::Command(it) => {
            format!("{}({})", it.name.escape_ascii(), it.body.escape_ascii())
        }
        other => format!("{other:?}"),
    }
}

/// Shows what comes after `Ready`: messages, their frames split by `|`, and the error.
#[track_caller]
fn check(frames: &[u8], expect: &str) {
    let outcome = run(frames);
    let mut seen: Vec<_> = outcome.events.iter().skip(1).map(show).collect();
    seen.extend(outcome.error.map(|it| it.to_string()));
    assert_eq!(seen.join(" "), expect);
}

#[test]
fn messages_come_out_in_order() {
    check(b"\0\x01a\0\x02bc\0\0\0\x01d", "a bc  d");
}

#[test]
fn frames_of_one_message_come_out_together() {
    check(b"\x01\x01a\x01\0\0\x02bc", "a||bc");
    check(b"\x01\x01a\x01\0", "");
}

#[test]
fn a_long_frame_may_be_short() {
    check(b"\x02\0\0\0\0\0\0\0\x01a", "a");
    check(b"\x03\0\0\0\0\0\0\0\0\0\x01a", "|a");
}

#[test]
fn unknown_commands_are_told_in_order_for_those_who_know_them() {
    let frames = b"\0\x01a\x04\x06\x04JOINx\x06\0\0\0\0\0\0\0\x03\x02XY\0\x01b";
    check(frames, "a JOIN(x) XY() b");
}

#[test]
fn a_command_between_the_frames_of_a_message_does_not_disturb_it() {
    check(b"\x01\x01a\x04\x05\x04JOIN\0\x01b", "JOIN() a|b");
}

#[test]
fn subscriptions_mean_nothing_to_a_socket_that_does_not_publish() {
    check(b"\x04\x0b\x09SUBSCRIBEa\0\x02\x01a", "\\x01a");
}

#[test]
fn an_error_after_the_handshake_is_a_refusal_too() {
    check(b"\x04\x08\x05ERROR\x01x", "peer refused the connection: \"x\"");
}

#[test]
fn bad_flags_end_the_session_with_their_first_byte() {
    check(b"\0\x01a\x08", "a peer broke the protocol: reserved bits in frame flags 0x08");
    check(b"\x05", "peer broke the protocol: command frame with the more bit");
}

#[test]
fn a_frame_cut_short_stays_in_the_input() {
    assert_eq!(run(b"\0\x01a\0\x05abc").left, Some(5));
    assert_eq!(run(b"\x01\x01a\0").left, Some(1));
}
