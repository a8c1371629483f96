//! Which kinds of socket meet, and what they say.

use bytes::Bytes;

use crate::foreign::Frames;
use crate::matrix::ours::{Ours, Value};

/// A row of the table: a kind of foreign socket, and what a kind of gleis socket does with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    is_frames: bool,
    is_short: bool,
    /// What stands before each message on our side, and on theirs.
    ours_ahead: &'static [&'static [u8]],
    theirs_ahead: &'static [&'static [u8]],
    pub(crate) theirs: &'static str,
    pub(crate) ways: &'static [Way],
}

/// Which way messages go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// The foreign socket asks and gleis sends everything back.
    Answers,
    /// Gleis asks and the foreign socket sends everything back.
    Asks,
    /// Gleis sends.
    Gives,
    /// Gleis receives.
    Takes,
}

impl Row {
    pub(crate) fn new<O: Ours>(theirs: &'static str, ways: &'static [Way]) -> Self {
        let is_frames = O::Value::IS_FRAMES;
        Self { is_frames, is_short: false, ours_ahead: &[], theirs_ahead: &[], theirs, ways }
    }

    /// Only messages of all sorts: for what differs from another row in nothing else.
    pub(crate) fn only_messages(self) -> Self {
        Self { is_short: true, ..self }
    }

    /// Frames that gleis puts before each message, and the foreign socket does not see.
    pub(crate) fn ours_ahead(self, ours_ahead: &'static [&'static [u8]]) -> Self {
        Self { ours_ahead, ..self }
    }

    /// Frames that the foreign socket puts before each message, and gleis does not see.
    pub(crate) fn theirs_ahead(self, theirs_ahead: &'static [&'static [u8]]) -> Self {
        Self { theirs_ahead, ..self }
    }

    pub(crate) fn is_short(&self) -> bool {
        self.is_short
    }

    /// Whether a message may have any number of frames, beside its topic.
    pub(crate) fn is_frames(&self) -> bool {
        self.is_frames
    }

    /// Whether messages are found by the first of their frames.
    pub(crate) fn has_topics(&self) -> bool {
        ["PUB", "SUB", "XPUB", "XSUB"].contains(&self.theirs)
    }

    /// Whether one message must be answered before the next is sent.
    pub(crate) fn is_lockstep(&self) -> bool {
        self.theirs == "REQ"
    }

    pub(crate) fn subscribes(&self) -> bool {
        ["SUB", "XSUB"].contains(&self.theirs)
    }

    /// A message with one body.
    pub(crate) fn message(&self, topic: &[u8], body: impl Into<Bytes>) -> Frames {
        self.frames(topic, [body])
    }

    /// A message of these bodies.
    pub(crate) fn frames<B: Into<Bytes>>(
        &self,
        topic: &[u8],
        bodies: impl IntoIterator<Item = B>,
    ) -> Frames {
        let topic = self.has_topics().then(|| Bytes::copy_from_slice(topic));
        topic.into_iter().chain(bodies.into_iter().map(Into::into)).collect()
    }

    /// A message as it is on our side.
    pub(crate) fn as_ours(&self, message: &Frames) -> Frames {
        behind(self.ours_ahead, message)
    }

    /// A message as it is on their side.
    pub(crate) fn as_theirs(&self, message: &Frames) -> Frames {
        behind(self.theirs_ahead, message)
    }
}

fn behind(ahead: &[&'static [u8]], message: &Frames) -> Frames {
    ahead.iter().map(|it| Bytes::from_static(it)).chain(message.iter().cloned()).collect()
}
