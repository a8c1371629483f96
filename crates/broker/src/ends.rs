//! The two sockets of a client.

use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{Flow, Multipart, Push, RecvError, SendError, XSub};
use serde::Serialize;
use tokio::time::timeout;

use crate::addresses::Addresses;
use crate::error::{ClientError, InvalidMessage};
use crate::json::Json;

/// How long the hub is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Ends {
    broadcast: Option<XSub<Multipart>>,
    /// What the client knows its own messages by.
    id: u64,
    receive: Option<Push<Bytes>>,
}

/// A message, and whether the client sent it itself.
pub(crate) struct Heard {
    pub(crate) is_own: bool,
    pub(crate) message: Json,
}

impl Ends {
    /// Connects in both directions; messages sent from then on come back, and none of others is missed.
    pub(crate) async fn connect(addresses: Addresses) -> Result<Self, ClientError> {
        let Addresses { broadcast, receive } = addresses;
        let broadcast = match broadcast {
            Some(at) => Some(XSub::connect(at).subscribe("").ready(PATIENCE).await?),
            None => None,
        };
        let receive = match receive {
            Some(at) => Some(Push::connect(at).ready(PATIENCE).await?),
            None => None,
        };
        Ok(Self { broadcast, id: fastrand::u64(..), receive })
    }

    /// Sends, waiting for room no longer than the patience says.
    pub(crate) async fn send<T: Serialize + ?Sized>(
        &self,
        message: &T,
    ) -> Result<Json, ClientError> {
        self.send_json(Json::new(message)?).await
    }

    pub(crate) async fn send_json(&self, message: Json) -> Result<Json, ClientError> {
        let receive = self.receive.as_ref().ok_or(ClientError::NoReceiveAddress)?;
        let sending = receive.send(message.marked(self.id));
        match timeout(PATIENCE, sending).await.unwrap_or(Err(SendError::TimedOut)) {
            Ok(()) => Ok(message),
            Err(SendError::Closed) => Err(ClientError::Closed),
            Err(error) => Err(error.into()),
        }
    }

    /// The next message of the hub; what is none is logged.
    pub(crate) async fn recv(&self) -> Result<Heard, ClientError> {
        let broadcast = self.broadcast.as_ref().ok_or(ClientError::NoBroadcastAddress)?;
        loop {
            let invalid: InvalidMessage = match broadcast.recv_whole().await {
                Err(RecvError::Closed) => return Err(ClientError::Closed),
                Err(RecvError::Gap { missed, .. }) => return Err(ClientError::Gap { missed }),
                Err(error) => {
                    tracing::warn!(target: "gleis::broker", %error, "the hub sent what is no message");
                    continue;
                }
                Ok(frames) => match Json::from_frames(frames) {
                    Ok(message) => {
                        let is_own = message.sender() == Some(self.id);
                        return Ok(Heard { is_own, message });
                    }
                    Err(error) => error,
                },
            };
            tracing::warn!(target: "gleis::broker", %invalid, "the hub sent what is no message");
        }
    }

    /// The next message of somebody else.
    pub(crate) async fn recv_others(&self) -> Result<Json, ClientError> {
        loop {
            let Heard { is_own, message } = self.recv().await?;
            if !is_own {
                return Ok(message);
            }
        }
    }

    /// Whether all is connected that there is.
    pub(crate) fn is_connected(&self) -> bool {
        let listens = self.broadcast.as_ref().is_none_or(|it| !it.stats().peers.is_empty());
        let sends = self.receive.as_ref().is_none_or(|it| !it.stats().peers.is_empty());
        listens && sends
    }

    /// What became of what was received and sent.
    pub(crate) fn flows(&self) -> Vec<(&'static str, Flow)> {
        let received = self.broadcast.as_ref().map(|it| ("received", it.stats().received));
        let sent = self.receive.as_ref().map(|it| ("sent", it.stats().sent));
        [received, sent].into_iter().flatten().collect()
    }

    pub(crate) fn receives(&self) -> bool {
        self.broadcast.is_some()
    }

    /// Closes; returns how many messages did not leave in the linger time.
    pub(crate) async fn close(&self) -> usize {
        if let Some(broadcast) = &self.broadcast {
            broadcast.close().await;
        }
        match &self.receive {
            Some(receive) => receive.close().await,
            None => 0,
        }
    }
}

/// A message has a type.
pub(crate) fn typed<T: Serialize + ?Sized>(message: &T) -> Result<Json, ClientError> {
    let message = Json::new(message)?;
    match message.kind() {
        Some(_) => Ok(message),
        None => Err(InvalidMessage::NoType.into()),
    }
}
