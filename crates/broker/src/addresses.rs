//! Where a hub is.

use gleis_core::{Endpoint, EndpointError};

use crate::server::MessageServer;

/// The two addresses of a hub, as a client has them: without the one it does not receive, without the
/// other it does not send.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Addresses {
    /// Where the hub publishes.
    pub broadcast: Option<Endpoint>,
    /// Where the hub listens.
    pub receive: Option<Endpoint>,
}

impl Addresses {
    /// As programs are told on their command line; what has no colon in it, such as `-1`, is none.
    ///
    /// # Errors
    /// Something with a colon that is no endpoint.
    pub fn from_args(broadcast: &str, receive: &str) -> Result<Self, EndpointError> {
        let read = |text: &str| text.contains(':').then(|| text.parse()).transpose();
        Ok(Self { broadcast: read(broadcast)?, receive: read(receive)? })
    }
}

impl From<&MessageServer> for Addresses {
    fn from(server: &MessageServer) -> Self {
        Self {
            broadcast: Some(server.broadcast_address().clone()),
            receive: Some(server.receive_address().clone()),
        }
    }
}

impl From<(Endpoint, Endpoint)> for Addresses {
    fn from((broadcast, receive): (Endpoint, Endpoint)) -> Self {
        Self { broadcast: Some(broadcast), receive: Some(receive) }
    }
}
