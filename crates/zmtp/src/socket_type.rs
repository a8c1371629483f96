//! The kinds of sockets and which of them may talk to each other.

use std::{fmt, str::FromStr};

/// The kind of a ZeroMQ socket, as announced in the `Socket-Type` property.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SocketType {
    /// Asynchronous requester.
    Dealer,
    /// Exclusive pair.
    Pair,
    /// Publisher.
    Pub,
    /// End of a pipeline.
    Pull,
    /// Head of a pipeline.
    Push,
    /// Synchronous replier.
    Rep,
    /// Synchronous requester.
    Req,
    /// Asynchronous replier that addresses its peers.
    Router,
    /// Subscriber.
    Sub,
    /// Publisher that sees subscriptions.
    XPub,
    /// Subscriber that sends subscriptions as messages.
    XSub,
}

impl SocketType {
    /// Every socket type, in alphabetical order.
    pub const ALL: [Self; 11] = [
        Self::Dealer,
        Self::Pair,
        Self::Pub,
        Self::Pull,
        Self::Push,
        Self::Rep,
        Self::Req,
        Self::Router,
        Self::Sub,
        Self::XPub,
        Self::XSub,
    ];

    /// The name on the wire, such as `"PUSH"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dealer => "DEALER",
            Self::Pair => "PAIR",
            Self::Pub => "PUB",
            Self::Pull => "PULL",
            Self::Push => "PUSH",
            Self::Rep => "REP",
            Self::Req => "REQ",
            Self::Router => "ROUTER",
            Self::Sub => "SUB",
            Self::XPub => "XPUB",
            Self::XSub => "XSUB",
        }
    }

    /// Whether RFC 37 lets a socket of this type talk to a `peer`.
    pub const fn is_compatible_with(self, peer: Self) -> bool {
        match self {
            Self::Dealer => matches!(peer, Self::Dealer | Self::Rep | Self::Router),
            Self::Pair => matches!(peer, Self::Pair),
            Self::Pub | Self::XPub => matches!(peer, Self::Sub | Self::XSub),
            Self::Pull => matches!(peer, Self::Push),
            Self::Push => matches!(peer, Self::Pull),
            Self::Rep => matches!(peer, Self::Dealer | Self::Req),
            Self::Req => matches!(peer, Self::Rep | Self::Router),
            Self::Router => matches!(peer, Self::Dealer | Self::Req | Self::Router),
            Self::Sub | Self::XSub => matches!(peer, Self::Pub | Self::XPub),
        }
    }

    /// Whether peers send subscriptions to a socket of this type (`PUB` and `XPUB`).
    pub const fn receives_subscriptions(self) -> bool {
        matches!(self, Self::Pub | Self::XPub)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SocketType {
    type Err = UnknownSocketType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == name);
        found.ok_or_else(|| UnknownSocketType { name: name.to_owned() })
    }
}

/// A name that is no socket type spoken here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown socket type {name:?}")]
pub struct UnknownSocketType {
    /// The name as it was given.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_type() {
        for it in SocketType::ALL {
            assert_eq!(it.as_str().parse(), Ok(it));
            assert_eq!(it.to_string(), it.as_str());
        }
    }

    #[test]
    fn names_are_upper_case_and_other_names_are_unknown() {
        for name in ["push", "STREAM", "", "PUSH "] {
            let expect = UnknownSocketType { name: name.to_owned() };
            assert_eq!(name.parse::<SocketType>(), Err(expect));
        }
    }

    #[test]
    fn compatibility_is_mutual() {
        for a in SocketType::ALL {
            for b in SocketType::ALL {
                assert_eq!(a.is_compatible_with(b), b.is_compatible_with(a), "{a} {b}");
            }
        }
    }

    #[test]
    fn rfc_37_allows_21_ordered_pairs_of_these_types() {
        let pairs = SocketType::ALL
            .into_iter()
            .flat_map(|a| SocketType::ALL.map(|b| (a, b)))
            .filter(|(a, b)| a.is_compatible_with(*b));
        assert_eq!(pairs.count(), 21);
    }
}
