//! A link that is made, and made again.

use std::sync::{Arc, Weak};
use std::time::Duration;

use gleis_core::Endpoint;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::connect::connect;
use crate::error::{CloseReason, ConnectError, HandshakeError};
use crate::event::{Event, Host, Origin};
use crate::options::LinkConfig;
use crate::task::TaskGuard;

/// What became of the first attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The peer is there.
    Connected,
    /// Nobody answers yet; the connector goes on.
    Pending,
}

/// Keeps one connection to an endpoint: connects, hands the connection to its host, and connects
/// again when it is over. Dropping it ends that; connections already handed over live on.
#[derive(Debug)]
pub struct Connector {
    endpoint: Endpoint,
    first: Option<oneshot::Receiver<Result<(), ConnectError>>>,
    task: TaskGuard,
}

impl Connector {
    /// Starts connecting.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(endpoint: Endpoint, config: Arc<LinkConfig>, host: Weak<dyn Host>) -> Self {
        let (told, first) = oneshot::channel();
        let work = Work { config, endpoint: endpoint.clone(), host, told: Some(told) };
        Self { endpoint, first: Some(first), task: TaskGuard::spawn(work.run()) }
    }

    /// Ends it, and waits until no connection can be handed over any more.
    ///
    /// # Cancel safety
    /// It ends in any case.
    pub async fn end(self) {
        self.task.end().await;
    }

    /// Where it connects to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Waits for the end of the first attempt, `patience` at most.
    ///
    /// # Errors
    /// Only errors that another attempt would meet again (the peer refused us, or is of another
    /// kind); the connector has then ended. Everything else is [`Progress::Pending`].
    ///
    /// # Cancel safety
    /// Safe, but the answer is told once.
    pub async fn first_attempt(&mut self, patience: Duration) -> Result<Progress, ConnectError> {
        let Some(first) = self.first.as_mut() else {
            return Ok(Progress::Pending);
        };
        let Ok(told) = tokio::time::timeout(patience, first).await else {
            return Ok(Progress::Pending);
        };
        self.first = None;
        match told {
            Ok(Ok(())) => Ok(Progress::Connected),
            Ok(Err(error)) if error.is_final() => Err(error),
            Ok(Err(_)) | Err(_) => Ok(Progress::Pending),
        }
    }
}

struct Work {
    config: Arc<LinkConfig>,
    endpoint: Endpoint,
    host: Weak<dyn Host>,
    told: Option<oneshot::Sender<Result<(), ConnectError>>>,
}

impl Work {
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            match self.attempt().await {
                Ok(true) => failures = 0,
                // Over as soon as it began: the next one may fare no better.
                Ok(false) => {
                    failures += 1;
                    tokio::time::sleep(self.delay(failures)).await;
                }
                Err(error) => {
                    failures += 1;
                    // Ended for good only while somebody waits to hear it.
                    let Some(error) = self.tell_first(error) else {
                        return;
                    };
                    if !self.note_retry(failures, error).await {
                        return;
                    }
                }
            }
            if self.host.strong_count() == 0 {
                return;
            }
        }
    }

    /// One connection from its beginning to its end; false if it was over as soon as it began.
    async fn attempt(&mut self) -> Result<bool, ConnectError> {
        let connection = connect(&self.endpoint, &self.config).await?;
        let since = Instant::now();
        let Some(host) = self.host.upgrade() else {
            return Ok(true);
        };
        if let Err(reason) = host.admit(connection.peer(), Origin::Connected) {
            connection.refuse(&reason);
            return Err(self.failed(HandshakeError::Refused { reason }));
        }
        let closed = connection.closed();
        host.note(Event::Connected { peer: connection.peer().clone() });
        host.attach(connection, Origin::Connected);
        drop(host);
        if let Some(told) = self.told.take() {
            let _ = told.send(Ok(()));
        }
        match closed.wait().await {
            // The peer looked at us only after the handshake.
            CloseReason::Protocol(error) if matches!(*error, gleis_zmtp::Error::Refused { .. }) => {
                Err(self.failed(HandshakeError::Protocol((*error).clone())))
            }
            _ => Ok(closed.has_heard() || self.config.options.backoff.first <= since.elapsed()),
        }
    }

    fn failed(&self, source: HandshakeError) -> ConnectError {
        ConnectError::Handshake { endpoint: self.endpoint.clone(), source }
    }

    fn delay(&self, failures: u32) -> Duration {
        self.config.options.backoff.delay(failures, fastrand::f64())
    }

    /// Tells the first error to whoever waits. `None` if that was the end.
    fn tell_first(&mut self, error: ConnectError) -> Option<ConnectError> {
        let told = self.told.take();
        let (true, Some(told)) = (error.is_final(), told) else {
            return Some(error);
        };
        told.send(Err(error)).err().and_then(Result::err)
    }

    /// Waits before the next attempt; false if nobody is left to connect for.
    async fn note_retry(&self, failures: u32, error: ConnectError) -> bool {
        let delay = self.delay(failures);
        tracing::debug!(target: "gleis::transport", endpoint = %self.endpoint, ?delay, %error, "retrying");
        let Some(host) = self.host.upgrade() else {
            return false;
        };
        host.note(Event::Retrying {
            endpoint: self.endpoint.clone(),
            attempt: failures + 1,
            delay,
            error,
        });
        drop(host);
        tokio::time::sleep(delay).await;
        true
    }
}
