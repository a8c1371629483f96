//! What travels on a connection.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gleis_zmtp::{Command, Head};

use crate::error::BoxError;

/// What a queued message is counted with beside its bytes: it bounds queues of empty messages.
const OVERHEAD: usize = 64;

/// One message: the frames before the last one, and the last one.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// All frames but the last; empty for most messages.
    pub head: Head,
    /// The last frame.
    pub body: Body,
}

impl Message {
    /// A message of one frame.
    pub fn single(body: impl Into<Body>) -> Self {
        Self { head: Head::new(), body: body.into() }
    }

    /// A message of several frames.
    pub fn multipart(head: impl Into<Head>, body: impl Into<Body>) -> Self {
        Self { head: head.into(), body: body.into() }
    }

    /// The bytes this message is counted with in queues.
    pub fn weight(&self) -> usize {
        OVERHEAD + self.head.n_bytes() + self.body.len()
    }
}

/// The last frame of a message: bytes, or on inproc a value of this process.
#[derive(Clone)]
pub enum Body {
    /// Encoded bytes.
    Bytes(Bytes),
    /// A value that was never encoded; only inproc hands it over as it is.
    Local(Arc<dyn Local>),
}

impl Body {
    /// The number of bytes, or the value's own estimate.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Local(value) => value.size_hint(),
        }
    }

    /// True if there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn is_bytes(&self) -> bool {
        matches!(self, Self::Bytes(_))
    }

    /// The body as bytes; a local value is encoded.
    ///
    /// # Errors
    /// What the value's own encoder says.
    pub fn to_bytes(&self) -> Result<Bytes, BoxError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::Local(value) => value.to_bytes(),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Local(value) => write!(f, "Local({})", value.type_name()),
        }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// A value that travels inside the process without being encoded.
///
/// A receiver that expects another type, or bytes, asks for [`Local::to_bytes`] and decodes those:
/// inproc then behaves as every other transport does.
pub trait Local: Any + Send + Sync {
    /// The value as the sender's codec writes it.
    ///
    /// # Errors
    /// What the codec says.
    fn to_bytes(&self) -> Result<Bytes, BoxError>;

    /// The name of the value's type, for error texts.
    fn type_name(&self) -> &'static str;

    /// What the value counts in queues bounded by bytes; its size in memory is a good answer.
    fn size_hint(&self) -> usize;
}

/// Controls that may wait for a peer that takes nothing; one more ends the link, and the next one
/// begins with what still holds.
pub(crate) const CONTROLS: usize = 64 << 10;

/// What sockets tell each other beside messages, in order with them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Control {
    /// No longer send what begins with this prefix.
    Cancel(Bytes),
    /// Something that only the sockets understand; not for a peer that does not.
    Command(Box<Command>),
    /// Send what begins with this prefix.
    Subscribe(Bytes),
}

impl Control {
    /// The bytes it is counted with in queues.
    pub fn weight(&self) -> usize {
        match self {
            Self::Cancel(prefix) | Self::Subscribe(prefix) => OVERHEAD + prefix.len(),
            Self::Command(it) => OVERHEAD + it.name.len() + it.body.len(),
        }
    }
}

/// What arrives on a connection.
#[derive(Clone, Debug)]
pub enum Inbound {
    /// A subscription, its end, or a command.
    Control(Control),
    /// A message.
    Message(Message),
}

impl Inbound {
    /// The bytes this item is counted with in queues.
    pub fn weight(&self) -> usize {
        match self {
            Self::Control(control) => control.weight(),
            Self::Message(message) => message.weight(),
        }
    }
}
