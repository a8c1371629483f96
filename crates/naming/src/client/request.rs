//! Questions, and the answers to them.

use std::time::Duration;

use gleis_core::{CorrelationId, Deadline};
use gleis_transport::Sender;
use tokio::sync::oneshot;

use crate::NamingError;
use crate::client::link::{Epoch, IN_FLIGHT, Link, Up};
use crate::clock::now;
use crate::protocol::{self, Reply, Request};

/// Why one connection gave no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// It is over; all our requests may be asked again.
    Link,
    /// No connection would answer this.
    Request(NamingError),
}

impl Link {
    /// Asks, again after each lost connection, until the deadline.
    pub(super) async fn request(&self, request: &Request) -> Result<Reply, NamingError> {
        self.request_within(request, Duration::ZERO).await
    }

    /// The same for a request that takes the server some time.
    pub(super) async fn request_within(
        &self,
        request: &Request,
        takes: Duration,
    ) -> Result<Reply, NamingError> {
        let patience = self.request_timeout.saturating_add(takes);
        match tokio::time::timeout(patience, self.insist(request)).await {
            Ok(res) => res,
            Err(_) => Err(self.too_late()),
        }
    }

    /// Asks on this connection.
    pub(super) async fn ask(&self, sender: &Sender, request: &Request) -> Result<Reply, Lost> {
        let (answered, answer) = oneshot::channel();
        let ticket = self.ticket(answered).map_err(Lost::Request)?;
        let message = protocol::encode(protocol::head(ticket.id.to_bytes()), request)
            .map_err(|reason| Lost::Request(NamingError::Protocol { reason }))?;
        sender.send(message).await.map_err(|_| Lost::Link)?;
        answer.await.map_err(|_| Lost::Link)
    }

    async fn insist(&self, request: &Request) -> Result<Reply, NamingError> {
        let mut lost = 0;
        loop {
            let (epoch, sender) = self.ready_after(lost).await?;
            match self.ask(&sender, request).await {
                Ok(reply) => return Ok(reply),
                Err(Lost::Link) => lost = epoch,
                Err(Lost::Request(error)) => return Err(error),
            }
        }
    }

    /// Waits for a connection younger than `lost`.
    async fn ready_after(&self, lost: Epoch) -> Result<(Epoch, Sender), NamingError> {
        let mut up = self.up.subscribe();
        let is_answer = |it: &Up| match it {
            Up::Closed => true,
            Up::Down => false,
            Up::Ready(epoch, _) => lost < *epoch,
        };
        match up.wait_for(is_answer).await.as_deref() {
            Ok(Up::Ready(epoch, sender)) => Ok((*epoch, sender.clone())),
            _ => Err(NamingError::Closed),
        }
    }

    fn too_late(&self) -> NamingError {
        let endpoint = self.endpoint.clone();
        match *self.up.borrow() {
            Up::Ready(..) => NamingError::DeadlineExceeded { endpoint },
            Up::Closed | Up::Down => NamingError::Unreachable { endpoint },
        }
    }

    fn ticket(&self, answered: oneshot::Sender<Reply>) -> Result<Ticket<'_>, NamingError> {
        // For order only: whoever asks has a timer of their own.
        let deadline = Deadline::after(now(), self.request_timeout);
        let inserted = self.state.lock().pending.insert(deadline, answered);
        match inserted {
            Ok(id) => Ok(Ticket { id, link: self }),
            Err(_) => Err(NamingError::Busy { what: "requests", limit: IN_FLIGHT }),
        }
    }
}

/// A place among those who wait for an answer.
struct Ticket<'a> {
    id: CorrelationId,
    link: &'a Link,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        // Whoever no longer waits must not take room.
        let asked = self.link.state.lock().pending.take(self.id);
        drop(asked);
    }
}
