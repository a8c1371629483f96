//! Where a gleis and a libzmq socket meet: over which transport, and who binds.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use gleis_patterns::Builder;

use crate::gleis::Socket;
use crate::outcome::{Outcome, soon};
use crate::peer::Peer;

/// Who binds; the other one connects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binder {
    Gleis,
    Libzmq,
}

#[derive(Clone, Copy, Debug)]
enum Transport {
    /// A Unix socket in Linux' name space that is no file system.
    Abstract,
    Ipc,
    Tcp,
}

/// A way to meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) binder: Binder,
    transport: Transport,
}

impl Place {
    /// Over tcp, in both directions.
    pub(crate) const TCP: [Self; 2] = both(Transport::Tcp);

    /// Over every transport in both directions.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Transport::Tcp, Transport::Ipc, Transport::Abstract].into_iter().flat_map(both)
    }

    /// Opens a gleis socket that is connected with `peer`.
    pub(crate) async fn join<S: Socket>(
        self,
        peer: &Peer,
        choose: impl FnOnce(Builder<S>) -> Builder<S>,
    ) -> Outcome<S> {
        let socket = match self.binder {
            Binder::Gleis => {
                let socket = S::open(choose(S::binding(&self.fresh()))).await?;
                peer.connect(&socket.at())?;
                socket
            }
            Binder::Libzmq => {
                let at = peer.bind(&self.fresh())?;
                S::open(choose(S::connecting(&at))).await?
            }
        };
        soon(socket.has_peers(1)).await?;
        Ok(socket)
    }

    /// An endpoint to bind that nobody else uses.
    pub(crate) fn fresh(self) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        match self.transport {
            Transport::Abstract => {
                let n = COUNT.fetch_add(1, Ordering::Relaxed);
                format!("ipc://@gleis-interop-{}-{n}", std::process::id())
            }
            Transport::Ipc => "ipc://*".to_owned(),
            Transport::Tcp => "tcp://127.0.0.1:0".to_owned(),
        }
    }
}

const fn both(transport: Transport) -> [Place; 2] {
    [Place { binder: Binder::Gleis, transport }, Place { binder: Binder::Libzmq, transport }]
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Abstract => "abstract ipc",
            Transport::Ipc => "ipc",
            Transport::Tcp => "tcp",
        };
        write!(f, "{transport}, {}", self.binder)
    }
}

impl fmt::Display for Binder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gleis => "gleis binds",
            Self::Libzmq => "libzmq binds",
        })
    }
}
