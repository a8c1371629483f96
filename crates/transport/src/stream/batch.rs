//! Encoded messages on their way into a socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes, BytesMut};
use gleis_zmtp::Encoder;

use crate::broadcast::BY_REFERENCE;
use crate::message::{Body, Control, Message};
use crate::stream::socket::Socket;

/// Slices that go into one vectored write.
const SLICES: usize = 64;
/// A buffer that grew beyond this is not kept for the next batch.
const KEEP: usize = 512 << 10;
/// The same for the list of ends.
const KEEP_ENDS: usize = 4 << 10;
/// Frames of the protocol itself, in bytes; what comes beyond is given up. They are answers to PINGs,
/// which a peer may send for ever and never read; those that wait tell it as much.
const OWN: usize = 4 << 10;

/// Bytes to write: first `chunks`, then `tail`.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    chunks: VecDeque<Bytes>,
    /// Where each message ends, counted from the first byte.
    ends: Vec<usize>,
    /// Bytes that are frames of the protocol itself.
    own: usize,
    tail: BytesMut,
    /// Bytes that are written.
    passed: usize,
    /// Messages that [`take_passed`](Self::take_passed) has told of.
    told: usize,
    /// How much of `tail` is written.
    written: usize,
    /// Bytes in it when it was complete.
    pub(crate) len: usize,
    pub(crate) n_messages: usize,
    pub(crate) weight: usize,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a message. A body that is not bytes was encoded before it came here.
    pub(crate) fn push(&mut self, encoder: &Encoder, message: &Message, weight: usize) {
        let Body::Bytes(body) = &message.body else {
            return;
        };
        let before = self.tail.len();
        let is_small = |it: &[u8]| it.len() < BY_REFERENCE;
        if is_small(body) && message.head.iter().all(is_small) {
            encoder.message(&message.head, body, &mut self.tail);
            self.len += self.tail.len() - before;
        } else {
            for frame in message.head.clone().into_vec() {
                self.frame(encoder, &frame, true);
            }
            self.frame(encoder, body, false);
        }
        self.end_message(weight);
    }

    /// Appends a message that is encoded already.
    #[inline]
    pub(crate) fn push_wire(&mut self, wire: &[u8], weight: usize) {
        self.tail.extend_from_slice(wire);
        self.len += wire.len();
        self.end_message(weight);
    }

    #[inline]
    fn end_message(&mut self, weight: usize) {
        self.ends.push(self.len);
        self.n_messages += 1;
        self.weight += weight;
    }

    fn frame(&mut self, encoder: &Encoder, frame: &Bytes, more: bool) {
        let before = self.tail.len();
        encoder.header(frame.len(), more, &mut self.tail);
        if frame.len() < BY_REFERENCE {
            self.tail.extend_from_slice(frame);
            self.len += self.tail.len() - before;
        } else {
            self.len += self.tail.len() - before + frame.len();
            self.chunks.push_back(self.tail.split().freeze());
            self.chunks.push_back(frame.clone());
        }
    }

    /// Appends a subscription, its end, or a command.
    pub(crate) fn push_control(&mut self, encoder: &Encoder, control: &Control) {
        self.push_encoded(|out| match control {
            Control::Cancel(prefix) => encoder.cancel(prefix, out),
            Control::Command(it) => encoder.command(&it.name, &it.body, out),
            Control::Subscribe(prefix) => encoder.subscribe(prefix, out),
        });
    }

    /// Appends frames of the protocol itself, unless there are many.
    pub(crate) fn push_own(&mut self, frames: &[u8]) {
        if self.own + frames.len() <= OWN {
            self.own += frames.len();
            self.push_encoded(|out| out.extend_from_slice(frames));
        }
    }

    fn push_encoded(&mut self, put: impl FnOnce(&mut BytesMut)) {
        let before = self.tail.len();
        put(&mut self.tail);
        self.len += self.tail.len() - before;
    }

    /// Writes until everything has left (true) or the socket takes no more (false).
    pub(crate) fn write(&mut self, socket: &Socket) -> io::Result<bool> {
        while !self.chunks.is_empty() || self.written < self.tail.len() {
            match self.write_once(socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n_bytes) => self.advance(n_bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn write_once(&self, socket: &Socket) -> io::Result<usize> {
        let tail = &self.tail[self.written..];
        if self.chunks.is_empty() {
            return socket.try_write(tail);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut n_slices = 0;
        for (slot, chunk) in
            slices.iter_mut().zip(self.chunks.iter().map(|it| &it[..]).chain([tail]))
        {
            *slot = IoSlice::new(chunk);
            n_slices += 1;
        }
        socket.try_write_vectored(&slices[..n_slices])
    }

    /// Messages that have left as a whole since the last call.
    pub(crate) fn take_passed(&mut self) -> usize {
        let n_passed = self.ends.partition_point(|end| *end <= self.passed);
        n_passed - std::mem::replace(&mut self.told, n_passed)
    }

    fn advance(&mut self, mut n_bytes: usize) {
        self.passed += n_bytes;
        while let Some(chunk) = self.chunks.front_mut() {
            if n_bytes < chunk.len() {
                chunk.advance(n_bytes);
                return;
            }
            n_bytes -= chunk.len();
            self.chunks.pop_front();
        }
        self.written += n_bytes;
    }

    /// Bytes that its buffer holds without growing.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.tail.capacity()
    }

    /// An empty batch that has the buffers of this one.
    pub(crate) fn recycle(self) -> Self {
        let Self { mut ends, mut tail, .. } = self;
        tail.clear();
        ends.clear();
        if KEEP < tail.capacity() {
            tail = BytesMut::new();
        }
        if KEEP_ENDS < ends.capacity() {
            ends = Vec::new();
        }
        Self { ends, tail, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_to_a_peer_that_reads_nothing_are_bounded() {
        let mut batch = Batch::default();
        for _ in 0..1_000_000 {
            batch.push_own(b"PONG");
        }
        assert_eq!(batch.len, OWN);
    }
}
