//! One peer of a socket.

use std::fmt;
use std::sync::{OnceLock, Weak};
use std::task::Context;

use bytes::Bytes;
use gleis_codec::AnyCodec;
use gleis_transport::{Body, CloseReason, Direct, Sender};

use crate::core::Core;

/// Who is connected.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// Where it is.
    pub address: String,
    /// The name of the codec spoken with it.
    pub codec: &'static str,
    /// What it announced as its identity; nothing stops two peers from announcing the same.
    pub identity: Bytes,
    /// Messages that wait to be sent to it.
    pub queued: usize,
}

/// The connection to one peer, as the sockets use it.
///
/// An inbox must not own the link it belongs to: on inproc the link owns the inbox.
pub(crate) struct Link {
    /// What is spoken on it.
    pub(crate) codec: AnyCodec,
    /// For whoever waits for this link alone.
    pub(crate) direct: OnceLock<Direct>,
    /// Whether the other side is a gleis socket.
    pub(crate) gleis: bool,
    /// Unique within the socket, never reused.
    pub(crate) id: u64,
    pub(crate) sender: Sender,
}

impl Link {
    pub(crate) fn address(&self) -> &str {
        &self.sender.peer().address
    }

    /// True if values travel as they are. Raw bytes are shared anyway.
    pub(crate) fn is_local(&self) -> bool {
        self.sender.is_local() && !matches!(self.codec, AnyCodec::Raw)
    }

    /// True if what travels as it is may travel here as it is.
    pub(crate) fn takes(&self, body: &Body) -> bool {
        match body {
            Body::Bytes(_) => matches!(self.codec, AnyCodec::Raw),
            Body::Local(_) => self.is_local(),
        }
    }

    /// Reads it from the task of `cx`: see [`Direct::poll`].
    pub(crate) fn poll_direct(&self, cx: &mut Context<'_>) -> bool {
        self.direct.get().is_some_and(|it| it.poll(cx))
    }

    /// Lets the link's own task read.
    pub(crate) fn give_up_direct(&self) {
        if let Some(direct) = self.direct.get() {
            direct.give_up();
        }
    }

    pub(crate) fn info(&self) -> PeerInfo {
        PeerInfo {
            address: self.address().to_owned(),
            codec: self.codec.name(),
            identity: self.sender.peer().identity.clone(),
            queued: self.sender.queued(),
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("id", &self.id)
            .field("peer", &self.address())
            .finish_non_exhaustive()
    }
}

/// How an inbox tells its socket that a link is over.
#[derive(Clone)]
pub(crate) struct Exit {
    pub(crate) core: Weak<Core>,
    pub(crate) link: u64,
}

impl Exit {
    pub(crate) fn leave(&self, reason: &CloseReason) {
        if let Some(core) = self.core.upgrade() {
            core.detach(self.link, reason);
        }
    }
}
