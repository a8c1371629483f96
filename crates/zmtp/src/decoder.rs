//! Frames become messages; every length meets its limit before it is believed.

use std::mem;

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    Limits, Message,
    error::{Error, Limit, check},
    frame::{Header, LONG},
};

/// Parts of an unfinished message that are smaller than this are copied out of the read buffer.
const DETACH_BELOW: usize = 4096;

/// Takes frames off the input and collects those of one message.
#[derive(Debug)]
pub(crate) struct Decoder {
    limits: Limits,
    // The longest body a message of one frame may have, if any may be.
    longest_lone: Option<usize>,
    head: Vec<Bytes>,
    head_bytes: usize,
    // Invariant: this many parts at the front of `head` pin no more than they are worth.
    detached: usize,
    // The length of the frame at hand with its header, 0 while that is unknown.
    frame: usize,
}

/// What the front of the input holds.
#[derive(Debug)]
pub(crate) enum Step {
    /// A whole command, still in the input: `size` bytes of header, `len` bytes of body.
    Command { size: usize, len: usize },
    /// Nothing whole.
    Hungry,
    /// A whole message, taken off the input.
    Message(Message),
}

impl Decoder {
    pub(crate) fn new(limits: Limits) -> Self {
        let longest_lone = (0 < limits.parts).then(|| limits.frame.min(limits.message));
        Self { limits, longest_lone, head: Vec::new(), head_bytes: 0, detached: 0, frame: 0 }
    }

    /// The bytes missing for the frame at hand when `buffered` are there.
    pub(crate) fn wanted(&self, buffered: usize) -> usize {
        self.frame.saturating_sub(buffered)
    }

    /// Asks for `len` bytes in all.
    pub(crate) fn want(&mut self, len: usize) {
        self.frame = len;
    }

    /// Takes the message at the front of the input if it is one whole frame.
    ///
    /// `None` says nothing: [`Decoder::step`] knows the rest, and refuses what is refused.
    #[inline(always)]
    pub(crate) fn lone(&mut self, input: &mut BytesMut) -> Option<Bytes> {
        let (size, len) = match &**input {
            [0, len, ..] => (2, usize::from(*len)),
            [LONG, rest @ ..] => {
                (9, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?)
            }
            _ => return None,
        };
        if self.longest_lone? < len || input.len() - size < len || !self.head.is_empty() {
            return None;
        }
        Some(take_body(input, size, len))
    }

    /// Takes the next message off the input, or finds the next command.
    pub(crate) fn step(&mut self, input: &mut BytesMut) -> Result<Step, Error> {
        loop {
            let Some(header) = Header::parse(input)? else {
                return Ok(self.hungry(0));
            };
            let len = self.admit(header)?;
            let whole = header.size.saturating_add(len);
            if input.len() < whole {
                return Ok(self.hungry(whole));
            }
            if header.is_command() {
                return Ok(Step::Command { size: header.size, len });
            }
            let body = take_body(input, header.size, len);
            if !header.is_more() {
                return Ok(Step::Message(self.finish(body)));
            }
            self.head_bytes += len;
            self.head.push(body);
        }
    }

    #[inline]
    fn admit(&self, header: Header) -> Result<usize, Error> {
        if header.is_command() {
            check(Limit::Command, header.len, self.limits.command)?;
        } else {
            check(Limit::Frame, header.len, self.limits.frame)?;
            check(Limit::Parts, self.head.len() as u64 + 1, self.limits.parts)?;
            let total = (self.head_bytes as u64).saturating_add(header.len);
            check(Limit::Message, total, self.limits.message)?;
        }
        // No truncation: the length is below a limit, which is a usize.
        Ok(header.len as usize)
    }

    #[inline]
    fn finish(&mut self, body: Bytes) -> Message {
        self.head_bytes = 0;
        self.detached = 0;
        Message { head: mem::take(&mut self.head), body }
    }

    /// Nothing more can be done with the input.
    ///
    /// A small part waiting here for the rest of its message would keep its whole read buffer
    /// alive, so a peer that sends such parts slowly could pin far more than the limits say.
    fn hungry(&mut self, frame: usize) -> Step {
        self.frame = frame;
        for part in &mut self.head[self.detached..] {
            if part.len() < DETACH_BELOW {
                *part = Bytes::copy_from_slice(part);
            }
        }
        self.detached = self.head.len();
        Step::Hungry
    }
}

#[inline(always)]
fn take_body(input: &mut BytesMut, size: usize, len: usize) -> Bytes {
    input.advance(size);
    match len {
        0 => Bytes::new(),
        _ => input.split_to(len).freeze(),
    }
}
