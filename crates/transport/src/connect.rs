//! One attempt to reach a peer.

use std::sync::Arc;

use gleis_core::Endpoint;

use crate::connection::Connection;
use crate::error::ConnectError;
use crate::inproc;
use crate::options::LinkConfig;
use crate::stream;
#[cfg(feature = "zeromq")]
use crate::zmq;

/// Connects once and shakes hands. On inproc it waits for the listener, `connect_timeout` at most.
///
/// # Errors
/// [`ConnectError`]; [`ConnectError::is_final`] tells whether another attempt makes sense.
///
/// # Cancel safety
/// A dropped future leaves nothing behind.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn connect(
    endpoint: &Endpoint,
    config: &Arc<LinkConfig>,
) -> Result<Connection, ConnectError> {
    match endpoint {
        Endpoint::Inproc(name) => inproc::connect(name, config).await,
        Endpoint::Ipc(_) | Endpoint::Tcp(_) => stream::connect(endpoint, config).await,
        #[cfg(feature = "zeromq")]
        Endpoint::ZmqIpc(_) | Endpoint::ZmqTcp(_) => zmq::connect(endpoint, config).await,
        other => Err(ConnectError::Unsupported { endpoint: other.clone() }),
    }
}
