//! One peer of a socket.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Context;

use bytes::Bytes;
use gleis_codec::AnyCodec;
use gleis_transport::{Body, CloseReason, Control, Direct, Origin, Sender};
use tokio::sync::Notify;

use crate::commands::Word;
use crate::core::Core;
use crate::ledger::Account;
use crate::peer_id::PeerId;
use crate::told::Told;

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
    pub(crate) account: Arc<Account>,
    /// Waits for what was sent to have had its effect.
    barrier: Barrier,
    /// What is spoken on it.
    pub(crate) codec: AnyCodec,
    /// For whoever waits for this link alone.
    pub(crate) direct: OnceLock<Direct>,
    /// Whether the other side is a gleis socket.
    pub(crate) gleis: bool,
    /// Where the intake keeps what it brings.
    pub(crate) lane: OnceLock<usize>,
    /// Unique within the socket, never reused.
    pub(crate) id: u64,
    pub(crate) origin: Origin,
    /// What a router knows it by.
    pub(crate) peer_id: OnceLock<PeerId>,
    pub(crate) sender: Sender,
    told: Told,
}

#[derive(Default)]
struct Barrier {
    asked: AtomicU64,
    changed: Notify,
    heard: AtomicU64,
}

/// What a new link is made of.
pub(crate) struct LinkParts {
    pub(crate) account: Arc<Account>,
    pub(crate) codec: AnyCodec,
    pub(crate) gleis: bool,
    pub(crate) origin: Origin,
    pub(crate) sender: Sender,
}

impl Link {
    pub(crate) fn new(id: u64, parts: LinkParts) -> Self {
        let LinkParts { account, codec, gleis, origin, sender } = parts;
        let (barrier, direct, lane, peer_id, told) = Default::default();
        Self { account, barrier, codec, direct, gleis, lane, id, origin, peer_id, sender, told }
    }

    pub(crate) fn address(&self) -> &str {
        &self.sender.peer().address
    }

    pub(crate) fn identity(&self) -> &Bytes {
        &self.sender.peer().identity
    }

    /// True once it has ended, though its socket may not know yet.
    pub(crate) fn is_over(&self) -> bool {
        self.sender.close_reason().is_some()
    }

    /// True if a message would not have to wait for room here; one that is over takes nothing.
    pub(crate) fn may_take(&self) -> bool {
        self.sender.has_room() || self.is_over()
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

    /// Tells the peer something; nothing happens if the link is over or the peer would not understand.
    pub(crate) fn say(&self, word: Word) {
        if self.gleis {
            let _ = self.sender.control(word.write());
        }
    }

    /// Queues what the peer is to be told in order; if true, the caller has to [`tell`](Self::tell)
    /// it once no lock is held.
    #[must_use]
    pub(crate) fn queue(&self, control: Control) -> bool {
        self.told.queue(control)
    }

    /// Tells the peer what was queued.
    pub(crate) fn tell(&self) {
        self.told.tell(&self.sender);
    }

    /// Waits until everything told so far has had its effect on the other side; false if the link
    /// ended before. A peer that is no gleis socket cannot tell, and counts as done.
    pub(crate) async fn sync(&self) -> bool {
        if !self.gleis {
            return true;
        }
        let mark = self.barrier.asked.fetch_add(1, Ordering::Relaxed) + 1;
        // Behind whatever somebody is telling at this moment.
        if self.queue(Word::Sync(Bytes::copy_from_slice(&mark.to_be_bytes())).write()) {
            self.tell();
        }
        let closed = self.sender.closed();
        let mut over = std::pin::pin!(closed.wait());
        loop {
            let mut changed = std::pin::pin!(self.barrier.changed.notified());
            changed.as_mut().enable();
            if mark <= self.barrier.heard.load(Ordering::Acquire) {
                return true;
            }
            tokio::select! {
                biased;
                () = changed => (),
                _ = &mut over => return false,
            }
        }
    }

    fn synced(&self, mark: &[u8]) {
        let Ok(mark) = mark.try_into().map(u64::from_be_bytes) else {
            return;
        };
        // A peer cannot answer what was not asked yet.
        let mark = mark.min(self.barrier.asked.load(Ordering::Relaxed));
        self.barrier.heard.fetch_max(mark, Ordering::Release);
        self.barrier.changed.notify_waiters();
    }

    pub(crate) fn info(&self) -> PeerInfo {
        PeerInfo {
            address: self.address().to_owned(),
            codec: self.codec.name(),
            identity: self.identity().clone(),
            queued: self.sender.queued(),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // From here on nobody can send; the account may live on with what was received.
        self.account.close_sent(self.sender.tally());
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

/// How an inbox tells its socket what happens to a link.
#[derive(Clone)]
pub(crate) struct Exit {
    pub(crate) account: Arc<Account>,
    pub(crate) core: Weak<Core>,
    pub(crate) gleis: bool,
    pub(crate) link: u64,
}

impl Exit {
    pub(crate) fn leave(&self, reason: &CloseReason) {
        if let Some(core) = self.core.upgrade() {
            core.detach(self.link, reason);
        }
    }

    /// Does what sockets of every kind do when they are told something; gives back the rest.
    pub(crate) fn hear(&self, control: Control) -> Option<Control> {
        let Control::Command(command) = &control else {
            return Some(control);
        };
        if !self.gleis {
            return None;
        }
        let word = Word::read(command)?;
        let link = || self.core.upgrade()?.link(self.link);
        match word {
            Word::Sync(mark) => link()?.say(Word::Synced(mark)),
            Word::Synced(mark) => link()?.synced(&mark),
            Word::Filter(_) | Word::Gap(_) | Word::Unfilter(_) => return Some(control),
        }
        None
    }
}
