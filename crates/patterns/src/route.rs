//! The way to one peer of a router, and messages for many of them.

use std::sync::{Arc, Weak};

use gleis_codec::{AnyCodec, Limits};
use gleis_transport::{Broadcast, Message as Frames, NotTaken};

use crate::error::SendError;
use crate::local;
use crate::multipart::Framed;
use crate::options::Overflow;
use crate::peer::Link;
use crate::peer_id::PeerId;

/// The way to one peer of a [`Router`](crate::Router), found once: for whoever answers what came from
/// there, or sends the same messages to many.
///
/// It lasts as long as the connection: a peer that comes back is found anew. Whoever keeps one for long,
/// or gives it away, keeps a [`WeakRoute`], which keeps nothing of the connection.
#[derive(Clone, Debug)]
pub struct Route {
    limits: Limits,
    link: Arc<Link>,
}

/// A [`Route`] that holds nothing.
#[derive(Clone, Debug)]
pub struct WeakRoute {
    limits: Limits,
    link: Weak<Link>,
}

impl WeakRoute {
    /// The way; `None` once the connection is over.
    pub fn upgrade(&self) -> Option<Route> {
        Some(Route { limits: self.limits, link: self.link.upgrade()? })
    }
}

/// What became of a message for one of many peers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Given {
    /// It has it, in place of so many older ones that were given up.
    Displaced(u64),
    /// There was no room.
    Full,
    /// It has just gone.
    Gone,
    /// It has it.
    Taken,
}

/// A message for many peers, which is framed once for all of them.
#[derive(Debug)]
pub struct Shared(Broadcast);

impl Shared {
    /// # Errors
    /// [`SendError::Encode`]: a frame is too long.
    pub(crate) fn new(message: Framed, limits: &Limits) -> Result<Self, SendError> {
        frames(message, limits).map(|it| Self(Broadcast::new(it)))
    }
}

/// The frames of `message`, none of which is too long.
pub(crate) fn frames(message: Framed, limits: &Limits) -> Result<Frames, SendError> {
    if !local::is_plain(&message, &AnyCodec::Raw, limits) {
        // The codec says which frame is too long.
        local::encode_value(&message, &AnyCodec::Raw, limits)
            .map_err(|it| SendError::Encode(Box::new(it)))?;
    }
    let Framed { head, body } = message;
    Ok(Frames::multipart(head, body))
}

impl Route {
    pub(crate) fn new(link: &Arc<Link>, limits: Limits) -> Self {
        Self { limits, link: link.clone() }
    }

    /// The same way, that holds nothing.
    pub fn downgrade(&self) -> WeakRoute {
        WeakRoute { limits: self.limits, link: Arc::downgrade(&self.link) }
    }

    /// Whose way it is.
    pub fn peer(&self) -> &PeerId {
        self.link.peer_id.get().expect("a router names a peer before it is heard")
    }

    /// Sends `message` if that is possible at once.
    ///
    /// # Errors
    /// [`SendError`]: `Full`, which is safe to try again, `NoPeer` once the connection is over, and
    /// `Encode` if a frame is too long.
    pub fn try_send(&self, message: Framed) -> Result<(), SendError> {
        let frames = frames(message, &self.limits)?;
        self.link.sender.try_send(frames).map_err(|it| missed(it.into()))
    }

    /// Sends `message`, waiting for room.
    ///
    /// # Errors
    /// [`SendError`]: `NoPeer` once the connection is over, and `Encode` if a frame is too long.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing.
    pub async fn send(&self, message: Framed) -> Result<(), SendError> {
        let frames = frames(message, &self.limits)?;
        self.link.sender.send(frames).await.map_err(|it| missed(it.into()))
    }

    /// Gives the peer `message`, which others get, too, if there is room: the way of most messages.
    #[inline]
    pub fn give_lightly(&self, message: &Shared) -> bool {
        self.link.give_lightly(&message.0)
    }

    /// Gives the peer `message`, which others get, too, as `overflow` says; what is dropped is counted.
    ///
    /// # Errors
    /// [`SendError::Encode`].
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing; it waits only for [`Overflow::Block`].
    pub async fn give(&self, message: &Shared, overflow: Overflow) -> Result<Given, SendError> {
        self.link.give(&message.0, overflow, None).await
    }

    /// True once the connection is over.
    pub fn is_over(&self) -> bool {
        self.link.is_over()
    }
}

/// What a link that did not take a message means.
pub(crate) fn missed(error: NotTaken) -> SendError {
    match error {
        NotTaken::Full => SendError::Full,
        NotTaken::Closed => SendError::NoPeer,
        error => SendError::Encode(Box::new(error)),
    }
}
