//! Where peers come in.

use std::sync::{Arc, Weak};

use gleis_core::Endpoint;

use crate::accept::Acceptor;
use crate::connection::Connection;
use crate::error::{AcceptError, ListenError};
use crate::event::Host;
use crate::inproc::InprocListener;
use crate::options::LinkConfig;
use crate::stream::StreamListener;
use crate::task::TaskGuard;
#[cfg(feature = "zeromq")]
use crate::zmq::ZmqListener;

/// Listens at an endpoint. Port 0 and `ipc://*` are replaced by what the system chose.
///
/// # Errors
/// [`ListenError`]: in use, refused by the system, or no such transport.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn listen(
    endpoint: &Endpoint,
    config: &Arc<LinkConfig>,
) -> Result<Listener, ListenError> {
    let kind = match endpoint {
        Endpoint::Inproc(name) => ListenerKind::Inproc(InprocListener::bind(name, config)?),
        Endpoint::Ipc(_) | Endpoint::Tcp(_) => {
            ListenerKind::Stream(StreamListener::bind(endpoint, config).await?)
        }
        #[cfg(feature = "zeromq")]
        Endpoint::ZmqIpc(_) | Endpoint::ZmqTcp(_) => {
            ListenerKind::Zmq(ZmqListener::bind(endpoint, config).await?)
        }
        other => {
            return Err(ListenError::Unsupported { endpoint: other.clone() });
        }
    };
    Ok(Listener { acceptor: Acceptor::new(kind, config.clone()) })
}

/// A place where peers connect. Dropping it ends listening and removes its socket file.
#[derive(Debug)]
pub struct Listener {
    acceptor: Acceptor,
}

#[derive(Debug)]
pub(crate) enum ListenerKind {
    Inproc(InprocListener),
    Stream(StreamListener),
    #[cfg(feature = "zeromq")]
    Zmq(ZmqListener),
}

impl Listener {
    /// Where peers can reach it: the real port, and never a wildcard host.
    pub fn endpoint(&self) -> &Endpoint {
        self.acceptor.endpoint()
    }

    /// Waits for the next peer that has ended its handshake.
    ///
    /// Handshakes run side by side: a silent peer delays nobody.
    ///
    /// # Errors
    /// [`AcceptError`]; the next call goes on. After [`AcceptError::Io`] it waits a little first,
    /// so that a machine out of file descriptors is not kept busy.
    ///
    /// # Cancel safety
    /// Nothing is lost: handshakes in progress stay in the listener.
    pub async fn accept(&mut self) -> Result<Connection, AcceptError> {
        self.acceptor.next().await
    }

    /// Accepts for `host` until the guard is dropped or the host is gone.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn serve(self, host: Weak<dyn Host>) -> TaskGuard {
        TaskGuard::spawn(self.acceptor.serve(host))
    }
}
