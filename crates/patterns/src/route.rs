//! The way to one peer of a router, and messages for many of them.

use std::sync::{Arc, Weak};

use gleis_codec::{AnyCodec, Limits};
use gleis_transport::{Broadcast, Message as Frames, NotTaken};

use crate::error::SendError;
use crate::local;
use crate::multipart::Framed;
use crate::peer::Link;

/// The way to one peer of a [`Router`](crate::Router), found once: for whoever sends the same messages
/// to many of them.
///
/// It lasts as long as the connection: a peer that comes back is found anew.
#[derive(Clone, Debug)]
pub struct Route {
    limits: Limits,
    link: Weak<Link>,
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

fn frames(message: Framed, limits: &Limits) -> Result<Frames, SendError> {
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
        Self { limits, link: Arc::downgrade(link) }
    }

    /// Sends `message` if that is possible at once.
    ///
    /// # Errors
    /// [`SendError`]: `Full`, which is safe to try again, `NoPeer` once the connection is over, and
    /// `Encode` if a frame is too long.
    pub fn try_send(&self, message: Framed) -> Result<(), SendError> {
        let link = self.link()?;
        let frames = frames(message, &self.limits)?;
        link.sender.try_send(frames).map_err(|it| missed(it.into()))
    }

    /// Sends `message`, which others get, too, if that is possible at once.
    ///
    /// # Errors
    /// [`SendError::Full`], which is safe to try again, and `NoPeer` once the connection is over.
    pub fn try_send_copy(&self, message: &Shared) -> Result<(), SendError> {
        let link = self.link()?;
        link.sender.try_send_copy(&message.0).map_err(missed)
    }

    /// Sends `message`, which others get, too, waiting for room.
    ///
    /// # Errors
    /// [`SendError::NoPeer`] once the connection is over.
    ///
    /// # Cancel safety
    /// A dropped future has sent nothing.
    pub async fn send_copy(&self, message: &Shared) -> Result<(), SendError> {
        loop {
            let link = self.link()?;
            match link.sender.try_send_copy(&message.0) {
                Err(NotTaken::Full) => tokio::task::coop::consume_budget().await,
                sent => return sent.map_err(missed),
            }
            // A link that is over is told by the next attempt.
            let _ = std::future::poll_fn(|cx| link.sender.poll_ready(cx)).await;
        }
    }

    fn link(&self) -> Result<Arc<Link>, SendError> {
        self.link.upgrade().ok_or(SendError::NoPeer)
    }
}

fn missed(error: NotTaken) -> SendError {
    match error {
        NotTaken::Full => SendError::Full,
        NotTaken::Closed => SendError::NoPeer,
        error => SendError::Encode(Box::new(error)),
    }
}
