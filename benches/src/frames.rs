//! The wire without sockets: a session that has greeted, and frames for it.

use std::time::Instant;

use bytes::BytesMut;
use gleis_zmtp::{Config, Encoder, Error, Event, Head, Session, SocketType};

use crate::load::Load;

/// A PULL session after the greeting, and the encoder of the PUSH session it talks to.
///
/// # Errors
/// If they do not understand each other.
pub fn session() -> Result<(Session, Encoder), Error> {
    let now = Instant::now();
    let mut push = Session::new(Config::new(SocketType::Push), now);
    let mut pull = Session::new(Config::new(SocketType::Pull), now);
    let (mut to_pull, mut to_push) = (BytesMut::new(), BytesMut::new());
    let mut n_ready = 0;
    while n_ready < 2 {
        push.poll_transmit(&mut to_pull);
        pull.poll_transmit(&mut to_push);
        let events = [push.poll_event(now, &mut to_push)?, pull.poll_event(now, &mut to_pull)?];
        n_ready += events.iter().filter(|it| matches!(it, Some(Event::Ready))).count();
    }
    Ok((pull, push.encoder()))
}

/// Messages of one frame, one behind the other.
pub fn encoded(encoder: &Encoder, size: usize, n_messages: u64) -> BytesMut {
    encoded_behind(encoder, &Head::new(), size, n_messages)
}

/// The same, each behind the frames of `head`.
pub fn encoded_behind(encoder: &Encoder, head: &Head, size: usize, n_messages: u64) -> BytesMut {
    let mut frames = BytesMut::new();
    for message in Load::new(size).turn(n_messages) {
        encoder.message(head, message, &mut frames);
    }
    frames
}
