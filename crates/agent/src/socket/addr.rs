//! Where a socket of an agent can be reached, and how to talk to it.

use std::fmt;
use std::str::FromStr;

use gleis_codec::AnyCodec;
use gleis_core::Endpoint;
use serde::{Deserialize, Serialize};

/// What a socket of an agent does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Kind {
    /// Answers requests of askers that go on meanwhile.
    AsyncRep,
    /// Asks and goes on; answers go to a handler.
    AsyncReq,
    /// Sends each message to every subscriber of its topic.
    Pub,
    /// Takes messages from all its peers.
    Pull,
    /// Hands each message to one of its peers.
    Push,
    /// Answers requests.
    Rep,
    /// Asks.
    Req,
    /// Receives what it subscribed to.
    Sub,
    /// Publishes, and answers what its subscribers ask within the same stream.
    SyncPub,
    /// Receives what it subscribed to, and asks; an answer stands where it was given in the stream.
    SyncSub,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::AsyncRep,
        Self::AsyncReq,
        Self::Pub,
        Self::Pull,
        Self::Push,
        Self::Rep,
        Self::Req,
        Self::Sub,
        Self::SyncPub,
        Self::SyncSub,
    ];

    /// The kind on the other side.
    pub fn twin(self) -> Self {
        match self {
            Self::AsyncRep => Self::AsyncReq,
            Self::AsyncReq => Self::AsyncRep,
            Self::Pub => Self::Sub,
            Self::Pull => Self::Push,
            Self::Push => Self::Pull,
            Self::Rep => Self::Req,
            Self::Req => Self::Rep,
            Self::Sub => Self::Pub,
            Self::SyncPub => Self::SyncSub,
            Self::SyncSub => Self::SyncPub,
        }
    }

    /// Whether it is one of the channels, which are bound by those who answer.
    pub fn is_channel(self) -> bool {
        matches!(self, Self::AsyncRep | Self::AsyncReq | Self::SyncPub | Self::SyncSub)
    }

    /// Whether a socket of this kind answers, so that it cannot be without a handler.
    pub fn requires_handler(self) -> bool {
        matches!(self, Self::AsyncRep | Self::Rep | Self::SyncPub)
    }

    /// Whether something arrives at sockets of this kind that a handler may take.
    pub fn receives(self) -> bool {
        !matches!(self, Self::Pub | Self::Push | Self::Req)
    }

    /// Whether messages, or the first word of a conversation, go out of sockets of this kind.
    pub fn is_source(self) -> bool {
        matches!(self, Self::AsyncReq | Self::Pub | Self::Push | Self::Req | Self::SyncPub)
    }

    /// Its name, such as `PUSH`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AsyncRep => "ASYNC_REP",
            Self::AsyncReq => "ASYNC_REQ",
            Self::Pub => "PUB",
            Self::Pull => "PULL",
            Self::Push => "PUSH",
            Self::Rep => "REP",
            Self::Req => "REQ",
            Self::Sub => "SUB",
            Self::SyncPub => "SYNC_PUB",
            Self::SyncSub => "SYNC_SUB",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no kind of socket.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no kind of socket: `{text}`; there are {}", names())]
pub struct KindError {
    text: String,
}

fn names() -> String {
    crate::text::list(&Kind::ALL)
}

impl FromStr for Kind {
    type Err = KindError;

    /// Reads a kind, whatever the case of its letters.
    fn from_str(text: &str) -> Result<Self, KindError> {
        let found = Self::ALL.into_iter().find(|it| it.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| KindError { text: text.to_owned() })
    }
}

/// Where a socket of an agent can be reached, of which kind it is and which codec it speaks.
///
/// It passes through serde, so one process can tell it to another.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Addr {
    /// Where.
    pub endpoint: Endpoint,
    /// What stands there; who connects is its [twin](Kind::twin).
    pub kind: Kind,
    /// The name of the codec.
    pub codec: String,
}

impl Addr {
    /// An address with the default codec; also for peers that are no agents.
    pub fn new(endpoint: Endpoint, kind: Kind) -> Self {
        Self { endpoint, kind, codec: AnyCodec::default_for::<()>().name().to_owned() }
    }

    /// The address as its [twin](Kind::twin) sees it: the same place and codec, the kind of the other side.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self { kind: self.kind.twin(), ..self.clone() }
    }

    /// The same address with another codec, such as `json` or `raw`.
    #[must_use]
    pub fn with_codec(mut self, name: impl Into<String>) -> Self {
        self.codec = name.into();
        self
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} ({})", self.kind, self.endpoint, self.codec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twin_of_the_twin_is_the_kind_itself() {
        for kind in Kind::ALL {
            assert_eq!(kind.twin().twin(), kind);
            assert_ne!(kind.twin(), kind);
        }
    }

    #[test]
    fn adr10_adr11_adr12_adr17_adr18_the_twin_of_an_address_has_its_place_and_codec() {
        for kind in Kind::ALL {
            let addr = Addr::new("tcp://127.0.0.1:7".parse().unwrap(), kind).with_codec("json");
            let twin = addr.twin();
            assert_eq!((&twin.endpoint, twin.codec.as_str()), (&addr.endpoint, "json"));
            assert_eq!(twin.kind, kind.twin());
            assert_eq!(twin.twin(), addr);
            assert_ne!(twin, addr);
            assert_ne!(twin.clone().with_codec("raw"), twin);
            assert_ne!(
                Addr::new("tcp://127.0.0.1:8".parse().unwrap(), kind).with_codec("json"),
                addr
            );
        }
    }

    #[test]
    fn a_kind_is_read_from_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("push".parse(), Ok(Kind::Push));
        let error = "PUHS".parse::<Kind>().unwrap_err();
        assert!(error.to_string().starts_with("no kind of socket: `PUHS`; there are `ASYNC_REP`"));
    }
}
