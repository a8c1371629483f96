//! Messages and subscriptions become frames.

use bytes::{BufMut, BytesMut};

use crate::{
    Head,
    command::put_command,
    frame::{MORE, put_header},
};

/// The longest header of a frame.
const MAX_HEADER: usize = 9;

/// Writes messages as a peer of this version reads them.
///
/// A message must not be interrupted: write its frames, and only then what
/// [`Session::poll_transmit`](crate::Session::poll_transmit) has to say.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    peer_minor: u8,
}

impl Encoder {
    pub(crate) fn new(peer_minor: u8) -> Self {
        Self { peer_minor }
    }

    /// Appends a whole message: the frames of `head`, then `body`. All are copied.
    #[inline]
    pub fn message(&self, head: &Head, body: &[u8], out: &mut BytesMut) {
        if !head.is_empty() {
            head.iter().for_each(|it| self.frame(it, true, out));
        }
        self.frame(body, false, out);
    }

    /// Appends the header of a frame of `len` bytes, for a body that is written by reference
    /// right after it. `more` says that another frame of the same message follows.
    #[inline]
    pub fn header(&self, len: usize, more: bool, out: &mut BytesMut) {
        put_header(if more { MORE } else { 0 }, len, out);
    }

    /// Appends a subscription to everything that starts with `prefix`.
    ///
    /// A 3.1 peer gets a `SUBSCRIBE` command, a 3.0 peer the message `0x01 prefix`.
    pub fn subscribe(&self, prefix: &[u8], out: &mut BytesMut) {
        self.subscription(b"SUBSCRIBE", 1, prefix, out);
    }

    /// Appends the cancellation of one subscription to `prefix`.
    ///
    /// A 3.1 peer gets a `CANCEL` command, a 3.0 peer the message `0x00 prefix`.
    pub fn cancel(&self, prefix: &[u8], out: &mut BytesMut) {
        self.subscription(b"CANCEL", 0, prefix, out);
    }

    /// Appends a command that ZMTP does not know, for a peer that is known to understand it.
    /// A name longer than 255 bytes is cut there.
    pub fn command(&self, name: &[u8], body: &[u8], out: &mut BytesMut) {
        put_command(&name[..name.len().min(255)], &[body], out);
    }

    fn subscription(&self, command: &[u8], first: u8, prefix: &[u8], out: &mut BytesMut) {
        if 0 < self.peer_minor {
            return put_command(command, &[prefix], out);
        }
        put_header(0, 1 + prefix.len(), out);
        out.put_u8(first);
        out.put_slice(prefix);
    }

    #[inline]
    fn frame(&self, body: &[u8], more: bool, out: &mut BytesMut) {
        out.reserve(MAX_HEADER + body.len());
        self.header(body.len(), more, out);
        out.extend_from_slice(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(minor: u8, put: impl FnOnce(Encoder, &mut BytesMut), expect: &[u8]) {
        let mut out = BytesMut::new();
        put(Encoder::new(minor), &mut out);
        assert_eq!(out.escape_ascii().to_string(), expect.escape_ascii().to_string());
    }

    #[test]
    fn a_message_of_one_frame_has_a_two_byte_header() {
        check(1, |it, out| it.message(&Head::new(), b"hello", out), b"\0\x05hello");
        check(1, |it, out| it.message(&Head::new(), b"", out), b"\0\0");
    }

    #[test]
    fn all_frames_but_the_last_say_more() {
        let head = Head::copied([b"a", b""]);
        check(0, |it, out| it.message(&head, b"bc", out), b"\x01\x01a\x01\0\0\x02bc");
    }

    #[test]
    fn bodies_from_256_bytes_on_have_a_long_header() {
        let body = [b'x'; 256];
        let expect = [b"\x02\0\0\0\0\0\0\x01\0".as_slice(), &body].concat();
        check(1, |it, out| it.message(&Head::new(), &body, out), &expect);
        check(1, |it, out| it.header(256, true, out), b"\x03\0\0\0\0\0\0\x01\0");
        check(1, |it, out| it.header(255, false, out), b"\0\xff");
    }

    #[test]
    fn subscriptions_are_commands_for_3_1_and_messages_for_3_0() {
        check(1, |it, out| it.subscribe(b"eu.", out), b"\x04\x0d\x09SUBSCRIBEeu.");
        check(1, |it, out| it.cancel(b"", out), b"\x04\x07\x06CANCEL");
        check(0, |it, out| it.subscribe(b"eu.", out), b"\0\x04\x01eu.");
        check(0, |it, out| it.cancel(b"", out), b"\0\x01\0");
    }

    #[test]
    fn a_command_of_the_owners_has_its_name_before_its_body() {
        check(1, |it, out| it.command(b"GAP", b"12", out), b"\x04\x06\x03GAP12");
    }
}
