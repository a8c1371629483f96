//! What server and client say to each other: MessagePack, one value per message.
//!
//! The frames of a message are `[id, "", body]`. A request has an id of its client's choice, a
//! reply the id of its request (whatever frames stand before the body come back), and news the id zero.

use std::time::Duration;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits as CodecLimits};
use gleis_core::{Endpoint, Name};
use gleis_transport::{Body, Head, LinkConfig, Message, Options, SocketType};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Change, NamingError, Record, RegisterError, ShutdownReport};

/// What both sides call themselves in their READY metadata, and which version they speak.
pub(crate) const PROTOCOL: (&str, &str) = ("X-Gleis-Protocol", "naming/1");

/// The most bytes one message may have.
const MESSAGE: usize = 64 << 10;

/// The most bytes of names and records in one message; one record more still fits.
pub(crate) const PAGE: usize = 32 << 10;

/// The id of news: no request has it.
pub(crate) const NEWS_ID: [u8; 8] = [0; 8];

const CODEC: AnyCodec = AnyCodec::Msgpack;
const CODEC_LIMITS: CodecLimits = CodecLimits { bytes: MESSAGE, depth: 16 };

/// What a client asks for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Release all names of this client at once: it does not come back.
    Leave,
    /// The names behind `after`, as many as fit.
    List { after: Option<Name> },
    /// Register a name, or register it anew.
    Register { name: Name, record: Record },
    /// What stands under a name?
    Resolve { name: Name },
    /// All names this client still wants were registered on this connection: release its others.
    Settled,
    /// Close the server within so many milliseconds.
    Shutdown { millis: u64 },
    /// Release a name; `forced` if whoever had it was ended by force.
    Unregister {
        name: Name,
        #[serde(default)]
        forced: bool,
    },
    /// Send news from now on, beginning with the present state.
    Watch,
}

/// What the server answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Done,
    Found {
        record: Record,
    },
    Page {
        names: Vec<(Name, Record)>,
        more: bool,
    },
    Refused {
        why: Refusal,
    },
    Stopped {
        stayed: Vec<Name>,
        #[serde(default)]
        forced: Vec<Name>,
    },
}

/// Why the server does not do what it was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    Busy { what: String, limit: usize },
    Closed,
    Closing,
    Full { what: String, limit: usize },
    Malformed { reason: String },
    NotHeld,
    Taken { holder: Endpoint },
    TooLarge { len: usize },
    Unknown { near: Vec<Name> },
}

/// What the server says unasked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    Closing { millis: u64 },
    Current,
    Lagged,
    Registered { name: Name, record: Record },
    Unregistered { name: Name },
}

impl Refusal {
    pub(crate) fn of_naming(error: NamingError) -> Self {
        match error {
            NamingError::Busy { what, limit } => Self::Busy { what: what.to_owned(), limit },
            NamingError::Closed => Self::Closed,
            NamingError::NotHeld { .. } => Self::NotHeld,
            NamingError::Unknown { near, .. } => Self::Unknown { near },
            other => Self::Malformed { reason: other.to_string() },
        }
    }

    pub(crate) fn of_register(error: RegisterError) -> Self {
        match error {
            RegisterError::Closing => Self::Closing,
            RegisterError::Full { what, limit } => Self::Full { what: what.to_owned(), limit },
            RegisterError::Naming(error) => Self::of_naming(error),
            RegisterError::Taken { holder, .. } => Self::Taken { holder },
            RegisterError::TooLarge { len } => Self::TooLarge { len },
        }
    }

    /// The error for whoever asked for `name`.
    pub(crate) fn into_register(self, name: &Name) -> RegisterError {
        match self {
            Self::Closing => RegisterError::Closing,
            Self::Full { what, limit } => {
                let what = if what == "bytes" { "bytes" } else { "names" };
                RegisterError::Full { what, limit }
            }
            Self::Taken { holder } => RegisterError::Taken { name: name.clone(), holder },
            Self::TooLarge { len } => RegisterError::TooLarge { len },
            other => other.into_naming(Some(name)).into(),
        }
    }

    /// The error for whoever asked, `name` being what they asked for.
    pub(crate) fn into_naming(self, name: Option<&Name>) -> NamingError {
        match (self, name.cloned()) {
            (Self::Busy { what, limit }, _) => {
                let what = if what == "watches" { "watches" } else { "requests" };
                NamingError::Busy { what, limit }
            }
            (Self::Closed | Self::Closing, _) => NamingError::Closed,
            (Self::NotHeld, Some(name)) => NamingError::NotHeld { name },
            (Self::Unknown { near }, Some(name)) => NamingError::Unknown { name, near },
            (Self::Malformed { reason }, _) => NamingError::Protocol { reason },
            (other, _) => unexpected(&other),
        }
    }
}

impl Reply {
    pub(crate) fn done(res: Result<(), Refusal>) -> Self {
        res.map_or_else(Self::refused, |()| Self::Done)
    }

    pub(crate) fn refused(why: Refusal) -> Self {
        Self::Refused { why }
    }
}

impl News {
    /// What stands before news.
    pub(crate) fn head() -> Head {
        head(NEWS_ID)
    }

    /// The news of a change; the closing is told by other means.
    pub(crate) fn of(change: Change) -> Option<Self> {
        match change {
            Change::Closing { .. } => None,
            Change::Current => Some(Self::Current),
            Change::Lagged => Some(Self::Lagged),
            Change::Registered { name, record } => Some(Self::Registered { name, record }),
            Change::Unregistered { name } => Some(Self::Unregistered { name }),
        }
    }
}

impl From<&ShutdownReport> for Reply {
    /// As many names as fit.
    fn from(report: &ShutdownReport) -> Self {
        let mut left = PAGE;
        let mut fits = |name: &&Name| {
            left = left.saturating_sub(name.as_str().len() + 8);
            0 < left
        };
        let mut fitting = |names: &[Name]| names.iter().take_while(&mut fits).cloned().collect();
        let stayed = fitting(&report.stayed);
        Self::Stopped { stayed, forced: fitting(&report.forced) }
    }
}

/// An answer that makes no sense.
pub(crate) fn unexpected(reply: &impl std::fmt::Debug) -> NamingError {
    NamingError::Protocol { reason: format!("unexpected answer {reply:?}") }
}

/// Milliseconds for the wire.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A message of `value` behind the frames `head`.
pub(crate) fn encode<T: Serialize + 'static>(head: Head, value: &T) -> Result<Message, String> {
    let body = CODEC.encode(value, &CODEC_LIMITS).map_err(|it| with_cause(&it))?;
    Ok(Message::multipart(head, body))
}

/// The frames before the body of a message with this id.
pub(crate) fn head(id: [u8; 8]) -> Head {
    Head::copied([&id, b""])
}

/// The value of a message; the text says what is wrong with it.
pub(crate) fn decode<T: DeserializeOwned + 'static>(message: &Message) -> Result<T, String> {
    if message.head.last().is_none_or(|it| !it.is_empty()) {
        return Err("no empty frame stands before the body".to_owned());
    }
    decode_body(&message.body)
}

fn decode_body<T: DeserializeOwned + 'static>(body: &Body) -> Result<T, String> {
    let bytes = body.to_bytes().map_err(|it| it.to_string())?;
    CODEC.decode(&bytes, &CODEC_LIMITS).map_err(|it| with_cause(&it))
}

fn with_cause(error: &dyn std::error::Error) -> String {
    let mut res = error.to_string();
    let mut cause = error.source();
    while let Some(it) = cause {
        res = format!("{res}: {it}");
        cause = it.source();
    }
    // What a peer sent may be quoted in it.
    res.chars().take(500).collect()
}

/// The link of a server or a client: small messages, short queues.
pub(crate) fn link(socket_type: SocketType, options: Options) -> LinkConfig {
    let mut config = LinkConfig::new(socket_type);
    let version = Bytes::from_static(PROTOCOL.1.as_bytes());
    let inserted = config.metadata.insert(PROTOCOL.0, version);
    debug_assert!(inserted.is_ok(), "the property's name is a constant");
    config.options = options;
    config.options.limits.frame = MESSAGE;
    config.options.limits.message = 2 * MESSAGE;
    config.options.limits.parts = 16;
    for queue in [&mut config.options.recv_high_water, &mut config.options.send_high_water] {
        queue.messages = 256;
        queue.bytes = 128 << 10;
    }
    config
}
