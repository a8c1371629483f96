//! What is said between a scenario and a foreign peer: a line of JSON each way.
//!
//! A frame is written as hexadecimal text, or as a number: the [pattern] of that many bytes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::outcome::Failure;

/// The frames of one message.
pub(crate) type Frames = Vec<Bytes>;

/// What a peer is to do. It gives one [`Answer`] and does nothing unasked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub(crate) enum Order {
    /// Bind, and say where.
    Bind {
        at: String,
    },
    /// Give up the socket and what is queued in it.
    Close,
    Connect {
        at: String,
    },
    /// Send back, as they come, this many messages.
    Echo {
        count: usize,
    },
    /// Send up to `count` messages of `head` and a body of `size` bytes that begins with the
    /// message's number (8 bytes); stop at the first that takes longer than `patience` ms. Say how
    /// many were sent.
    Flood {
        count: u64,
        head: Vec<Word>,
        patience: u64,
        size: usize,
    },
    /// Receive `count` messages and say the numbers their bodies begin with.
    Numbers {
        count: u64,
    },
    /// Make a new socket.
    Open {
        heartbeat: Option<Beat>,
        high_water: Option<usize>,
        identity: Option<Word>,
        kind: String,
    },
    /// Receive `count` messages and say them.
    Recv {
        count: usize,
    },
    Send {
        messages: Vec<Vec<Word>>,
    },
    Subscribe {
        prefix: Word,
    },
    Unsubscribe {
        prefix: Word,
    },
}

/// Heartbeats, in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Beat {
    pub(crate) interval: u64,
    pub(crate) timeout: u64,
    pub(crate) ttl: u64,
}

/// What an order led to; what was not asked for is empty.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Answer {
    pub(crate) at: String,
    pub(crate) count: u64,
    pub(crate) error: Option<String>,
    pub(crate) messages: Vec<Vec<Word>>,
    pub(crate) numbers: Vec<u64>,
}

/// A frame as it is written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Word {
    Hex(String),
    Pattern(usize),
}

/// Patterns that are longer are not spelled out.
const LONG: usize = 1_024;

/// What a pattern repeats; no power of two, so that nothing that is cut wrongly fits.
const CYCLE: [u8; 251] = {
    let mut cycle = [0; 251];
    let mut at = 0;
    while at < cycle.len() {
        cycle[at] = at as u8;
        at += 1;
    }
    cycle
};

/// The body of `len` bytes that both sides know.
pub(crate) fn pattern(len: usize) -> Bytes {
    let mut bytes = CYCLE.repeat(len.div_ceil(CYCLE.len()));
    bytes.truncate(len);
    bytes.into()
}

impl From<&Bytes> for Word {
    fn from(frame: &Bytes) -> Self {
        let is_pattern = frame.chunks(CYCLE.len()).all(|it| CYCLE.starts_with(it));
        if LONG < frame.len() && is_pattern {
            return Self::Pattern(frame.len());
        }
        Self::Hex(frame.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl TryFrom<&Word> for Bytes {
    type Error = Failure;

    fn try_from(word: &Word) -> Result<Self, Failure> {
        let text = match word {
            Word::Hex(text) => text,
            Word::Pattern(len) => return Ok(pattern(*len)),
        };
        let byte = |at: usize| {
            let digits = text.get(at..at + 2);
            digits.and_then(|it| u8::from_str_radix(it, 16).ok())
        };
        let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
        bytes.map(Self::from).ok_or_else(|| Failure::new(format!("not hexadecimal: {text}")))
    }
}

pub(crate) fn words(frames: &[Bytes]) -> Vec<Word> {
    frames.iter().map(Word::from).collect()
}

pub(crate) fn frames(words: &[Word]) -> Result<Frames, Failure> {
    words.iter().map(Bytes::try_from).collect()
}

/// A body of `size` bytes that begins with `number`.
pub(crate) fn numbered(number: u64, size: usize) -> Bytes {
    let mut body = number.to_be_bytes().to_vec();
    body.resize(size.max(8), 0);
    body.into()
}

/// The number that a body begins with.
pub(crate) fn number(body: &[u8]) -> Result<u64, Failure> {
    let digits = body.first_chunk().ok_or_else(|| Failure::new("a body without a number"))?;
    Ok(u64::from_be_bytes(*digits))
}
