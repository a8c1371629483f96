//! A dealer whose messages are heard where they are read, and that knows whom it spoke to.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use gleis_codec::Limits;
use gleis_core::Endpoint;
use gleis_transport::{Body, CloseReason, Inbound, Inbox, Message as Frames, Options, SocketType};

use crate::core::{Core, Role};
use crate::error::{OpenError, SendError};
use crate::multipart::Framed;
use crate::options::{Settings, Side};
use crate::peer::{Exit, Link};
use crate::ring::{Offered, Ring, Tried};
use crate::route::{frames, missed};

/// Takes what a [`HearingDealer`] receives, in the task that reads it: without a queue and a switch
/// between tasks. It must not wait, and must not call the dealer from within
/// [`hear`](Self::hear), [`came`](Self::came) or [`gone`](Self::gone).
///
/// A peer is a number that is never used twice.
pub trait Hearer: Send + Sync + 'static {
    /// A peer is here.
    fn came(&self, peer: u64);

    /// A peer is gone: nothing more comes from it.
    fn gone(&self, peer: u64);

    /// Takes all messages that were read at once from a peer, in order. Those that are left are dropped.
    fn hear(&self, peer: u64, messages: &mut dyn Iterator<Item = Framed>);

    /// True while more may be read; asked before each read, however much that brings.
    fn has_room(&self) -> bool;

    /// Ready when more may be read; wakes the task otherwise. Many tasks may wait at once.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// The dealer waits to be [ready](HearingDealer::ready): what peers confirm may stand behind messages
    /// that nobody takes meanwhile. Does nothing by default.
    fn widen(&self) {}

    /// It does not any more; called once for each [`widen`](Self::widen).
    fn narrow(&self) {}
}

/// Sends to its peers in turn, as a [`Dealer`](crate::Dealer), and hands what comes from them to its
/// [`Hearer`]: what talks with many open questions are built on, which have to know whom they asked.
///
/// May be shared between tasks. Dropping it closes it at once; what waits is lost.
pub struct HearingDealer {
    core: Arc<Core>,
    hearer: Arc<dyn Hearer>,
    limits: Limits,
    ring: Arc<Ring>,
}

/// What became of an [offer](HearingDealer::offer).
#[derive(Debug)]
pub enum Said<E> {
    /// The dealer is closed.
    Closed,
    /// The message was not made.
    Failed(E),
    /// No peer has room.
    Full,
    /// No peer is here.
    Nobody,
    /// A peer has it.
    Sent,
    /// A frame is longer than a message may be.
    TooLong,
}

impl HearingDealer {
    /// A dealer that peers connect to.
    ///
    /// # Errors
    /// [`OpenError`].
    ///
    /// # Cancel safety
    /// A dropped future has opened nothing.
    pub async fn bind(
        at: Endpoint,
        options: Options,
        ready: Option<Duration>,
        hearer: Arc<dyn Hearer>,
    ) -> Result<Self, OpenError> {
        Self::open(Side::Bind, at, options, ready, hearer).await
    }

    /// A dealer that connects to a peer, and again whenever the link breaks. It is open once the peer is
    /// there, or 250 ms have passed; if it is to be `ready`, it waits that long, or fails.
    ///
    /// # Errors
    /// [`OpenError`].
    ///
    /// # Cancel safety
    /// A dropped future has opened nothing.
    pub async fn connect(
        at: Endpoint,
        options: Options,
        ready: Option<Duration>,
        hearer: Arc<dyn Hearer>,
    ) -> Result<Self, OpenError> {
        Self::open(Side::Connect, at, options, ready, hearer).await
    }

    async fn open(
        side: Side,
        at: Endpoint,
        options: Options,
        ready: Option<Duration>,
        hearer: Arc<dyn Hearer>,
    ) -> Result<Self, OpenError> {
        let settings = Settings { options, ready, ..Settings::default() }.complete();
        let (limits, ring) = (settings.limits(), Arc::<Ring>::default());
        let role = Arc::new(Hall { hearer: hearer.clone(), ring: ring.clone() });
        let core = Core::new::<Framed>(SocketType::Dealer, settings, role);
        core.open(side, at).await?;
        Ok(Self { core, hearer, limits, ring })
    }

    /// Sends what `make` makes to the next peer in turn that has room. It is told whom it is for, and
    /// called anew for each peer that is tried; its last word counts. An answer may be
    /// [heard](Hearer::hear) before this returns.
    pub fn offer<E>(&self, mut make: impl FnMut(u64) -> Result<Framed, E>) -> Said<E> {
        let offered = self.ring.offer(|link| {
            let message = match make(link.id) {
                Ok(message) => message,
                Err(error) => return Tried::Done(Said::Failed(error)),
            };
            match self.send(link, message) {
                Ok(()) => Tried::Done(Said::Sent),
                Err(SendError::Full) => Tried::Full,
                Err(SendError::NoPeer) => Tried::Gone,
                Err(_) => Tried::Done(Said::TooLong),
            }
        });
        match offered {
            Offered::Closed => Said::Closed,
            Offered::Done(said) => said,
            Offered::Full => Said::Full,
            Offered::Nobody => Said::Nobody,
        }
    }

    /// Sends `message` to one peer if that is possible at once.
    ///
    /// # Errors
    /// [`SendError`]: `Full`, which is safe to try again, `NoPeer` once it is gone, and `Encode` if a
    /// frame is too long.
    pub fn try_send_to(&self, peer: u64, message: Framed) -> Result<(), SendError> {
        let link = self.core.link(peer).ok_or(SendError::NoPeer)?;
        self.send(&link, message)
    }

    fn send(&self, link: &Link, message: Framed) -> Result<(), SendError> {
        let frames = frames(message, &self.limits)?;
        link.sender.try_send(frames).map_err(|it| missed(it.into()))
    }

    /// Waits until a peer has room; false once the dealer is closed.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn room(&self) -> bool {
        let attempt = || match self.ring.room() {
            Offered::Closed => Some(false),
            Offered::Done(()) => Some(true),
            Offered::Full | Offered::Nobody => None,
        };
        match attempt() {
            Some(res) => res,
            None => self.ring.until(attempt).await,
        }
    }

    /// Has what has come from the only peer heard in the task of `cx`; true if something had come. If not,
    /// that task is woken when something comes, and no other is, until it stops asking, 20 ms later at
    /// most: worth it for whoever waits for nothing else. False as well if there are more peers, or none.
    pub fn poll_hear(&self, cx: &mut Context<'_>) -> bool {
        self.hearer.has_room() && self.ring.only().is_some_and(|it| it.poll_direct(cx))
    }

    /// Has what comes heard by the link's own task from now on.
    pub fn leave_hearing(&self) {
        if let Some(link) = self.ring.only() {
            link.give_up_direct();
        }
    }

    /// Also connects to `at`. That nobody listens there yet is no error.
    ///
    /// # Errors
    /// [`OpenError`]: the peer does not fit, or closed.
    ///
    /// # Cancel safety
    /// A dropped future connects no more.
    pub async fn also_connect(&self, at: Endpoint) -> Result<(), OpenError> {
        self.core.connect(at).await
    }

    /// Where it was first bound (the real port) or connected.
    pub fn endpoint(&self) -> &Endpoint {
        self.core.endpoint()
    }

    /// How many peers are here.
    pub fn n_peers(&self) -> usize {
        self.ring.len()
    }

    /// Waits until at least `n` peers are here, or the dealer is closed.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait_for_peers(&self, n: usize) {
        self.core.wait_for_peers(n).await;
    }

    /// Waits until each endpoint that it connects to is connected, and there is at least one peer.
    ///
    /// # Errors
    /// [`OpenError::NotReady`] after `timeout`, [`OpenError::Closed`] if it is closed.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ready(&self, timeout: Duration) -> Result<(), OpenError> {
        self.core.ready(timeout).await
    }

    /// Closes it: takes nothing more and waits, up to the linger time, for what is queued. Returns how
    /// many messages did not leave.
    ///
    /// # Cancel safety
    /// It is closed in any case; what was queued may be lost.
    pub async fn close(&self) -> usize {
        self.core.close().await
    }
}

impl fmt::Debug for HearingDealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HearingDealer").field("core", &self.core).finish_non_exhaustive()
    }
}

/// The role of a dealer that hears.
struct Hall {
    hearer: Arc<dyn Hearer>,
    ring: Arc<Ring>,
}

impl Role for Hall {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        self.hearer.came(link.id);
        self.ring.add(link);
        Arc::new(Ear { exit, hearer: self.hearer.clone() })
    }

    fn detach(&self, link: &Arc<Link>) {
        self.ring.remove(link.id);
        self.hearer.gone(link.id);
    }

    fn narrow(&self) {
        self.hearer.narrow();
    }

    fn widen(&self) {
        self.hearer.widen();
    }

    fn close(&self) {
        self.ring.close();
    }
}

/// The inbox of one link.
struct Ear {
    exit: Exit,
    hearer: Arc<dyn Hearer>,
}

impl Ear {
    fn hear(&self, messages: impl Iterator<Item = Frames>) {
        let mut n_messages = 0;
        let framed = |Frames { head, body }: Frames| {
            n_messages += 1;
            // On inproc a peer of another kind may send a value.
            let body = match body {
                Body::Bytes(bytes) => bytes,
                Body::Local(value) => value.to_bytes().unwrap_or_default(),
            };
            Framed { head, body }
        };
        let mut messages = messages.map(framed);
        self.hearer.hear(self.exit.link, &mut messages);
        messages.by_ref().for_each(drop);
        drop(messages);
        self.exit.account.offer_received(n_messages);
        self.exit.account.deliver_received(n_messages);
    }
}

impl Inbox for Ear {
    fn has_room(&self) -> bool {
        self.hearer.has_room()
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.hearer.poll_room(cx)
    }

    fn deliver(&self, item: Inbound) {
        match item {
            Inbound::Control(control) => drop(self.exit.hear(control)),
            Inbound::Message(message) => self.hear(std::iter::once(message)),
        }
    }

    fn deliver_all(&self, batch: &mut Vec<Inbound>) {
        let mut items = batch.drain(..).peekable();
        while let Some(item) = items.peek() {
            if let Inbound::Control(_) = item {
                if let Some(Inbound::Control(control)) = items.next() {
                    // In order: what a barrier promises to stand before it was heard.
                    drop(self.exit.hear(control));
                }
                continue;
            }
            let message = || match items.next_if(|it| matches!(it, Inbound::Message(_)))? {
                Inbound::Message(message) => Some(message),
                Inbound::Control(_) => None,
            };
            self.hear(std::iter::from_fn(message));
        }
    }

    fn displace(&self, message: Frames) -> Vec<Frames> {
        // What was heard cannot be taken back.
        self.deliver(Inbound::Message(message));
        Vec::new()
    }

    fn closed(&self, reason: CloseReason) {
        self.exit.leave(&reason);
    }
}
