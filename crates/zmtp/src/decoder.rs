//! Frames become messages; every length meets its limit before it is believed.

use std::mem;

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    Head, Limits, Message,
    error::{Error, Limit, check},
    frame::{Header, LONG, MORE},
};

/// Parts of an unfinished message that are smaller than this are copied out of the read buffer.
const DETACH_BELOW: usize = 4096;

/// A message of at most so many short frames before its last one takes the short way.
const SHORT_HEAD: usize = 3;
/// The header of a short frame: its flags, its length.
const SHORT_HEADER: usize = 2;

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

    /// Takes up to `most` messages off the front of the input that are a few whole short frames each,
    /// as most are. Their frames share what is taken off. Says how many there were.
    ///
    /// None says nothing, as for [`Decoder::lone`].
    #[inline]
    pub(crate) fn short(
        &self,
        input: &mut BytesMut,
        most: usize,
        mut take: impl FnMut(Message),
    ) -> usize {
        if !self.head.is_empty() {
            return 0;
        }
        let (mut n_messages, mut n_bytes) = (0, 0);
        while n_messages < most
            && let Some(len) = self.short_len(&input[n_bytes..])
        {
            n_bytes += len;
            n_messages += 1;
        }
        if 0 < n_messages {
            let mut block = Block { at: 0, bytes: input.split_to(n_bytes).freeze() };
            (1..n_messages).for_each(|_| take(block.message()));
            take(block.last_message());
        }
        n_messages
    }

    /// The length of the message at the front of `input`, headers included, if it is a few whole short
    /// frames.
    #[inline]
    fn short_len(&self, input: &[u8]) -> Option<usize> {
        let (mut n_head, mut at, mut total) = (0, 0, 0);
        loop {
            let [flags @ (0 | MORE), len, ..] = input.get(at..)? else {
                return None;
            };
            let len = usize::from(*len);
            at += SHORT_HEADER + len;
            total += len;
            if input.len() < at || self.limits.frame < len {
                return None;
            }
            match flags {
                0 => break,
                _ if n_head == SHORT_HEAD => return None,
                _ => n_head += 1,
            }
        }
        (n_head < self.limits.parts && total <= self.limits.message).then_some(at)
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
        Message { head: mem::take(&mut self.head).into(), body }
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

/// Whole messages of a few short frames, one behind the other.
struct Block {
    at: usize,
    bytes: Bytes,
}

impl Block {
    #[inline]
    fn message(&mut self) -> Message {
        let head = self.head();
        let (start, end) = self.frame();
        self.at = end;
        let body = if start == end { Bytes::new() } else { self.bytes.slice(start..end) };
        Message { head, body }
    }

    /// As [`message`](Self::message): what is left of the block becomes the body.
    #[inline]
    fn last_message(mut self) -> Message {
        let head = self.head();
        let (start, end) = self.frame();
        if start == end {
            return Message { head, body: Bytes::new() };
        }
        self.bytes.advance(start);
        Message { head, body: self.bytes }
    }

    /// The frames before the last one.
    #[inline]
    fn head(&mut self) -> Head {
        let first = self.at;
        let mut n_frames = 0;
        while self.bytes[self.at] == MORE {
            self.at = self.frame().1;
            n_frames += 1;
        }
        match n_frames {
            0 => Head::new(),
            1 => Head::from(self.bytes.slice(first + SHORT_HEADER..self.at)),
            _ => self.long_head(first, n_frames),
        }
    }

    fn long_head(&self, first: usize, n_frames: usize) -> Head {
        let frames = |at: &mut usize| {
            let start = *at + SHORT_HEADER;
            *at = start + usize::from(self.bytes[*at + 1]);
            Some(start..*at)
        };
        let frames = || (0..n_frames).scan(first, |at, _| frames(at));
        Head::in_place(frames().map(|it| &self.bytes[it]))
            .unwrap_or_else(|| frames().map(|it| self.bytes.slice(it)).collect())
    }

    /// Where the frame at hand begins, without its header, and ends.
    #[inline]
    fn frame(&self) -> (usize, usize) {
        let start = self.at + SHORT_HEADER;
        (start, start + usize::from(self.bytes[self.at + 1]))
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
