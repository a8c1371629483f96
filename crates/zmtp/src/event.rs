//! What a session tells its owner.

use bytes::Bytes;

use crate::Message;

/// What happened on a connection. What is fatal is an [`Error`](crate::Error) instead.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The peer cancelled a subscription to this prefix. Only for `PUB` and `XPUB`.
    Cancel(Bytes),
    /// A command that ZMTP does not know, for whoever agreed with the peer on what it means.
    /// Everybody else ignores it, as RFC 37 asks. Boxed: they are rare, and messages should stay small.
    Command(Box<Command>),
    /// A whole message.
    Message(Message),
    /// The handshake is over: [`Session::peer`](crate::Session::peer) is known, messages may
    /// be sent. Always the first event, and only once.
    Ready,
    /// The peer wants messages that start with this prefix. Only for `PUB` and `XPUB`.
    Subscribe(Bytes),
}

/// A command beyond those of the protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    /// What it is called; 1 to 255 bytes.
    pub name: Bytes,
    /// What it says.
    pub body: Bytes,
}
