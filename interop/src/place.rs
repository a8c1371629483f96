//! Where a gleis and a foreign socket meet: over which transport, and who binds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fmt, fs, process};

use gleis_patterns::Builder;

use crate::foreign::Foreign;
use crate::gleis::Socket;
use crate::outcome::{Outcome, soon};
use crate::peer::Peer;

/// Who binds; the other one connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Binder {
    Foreign,
    Gleis,
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

    /// Over tcp and ipc in both directions.
    pub(crate) fn meetings() -> impl Iterator<Item = Self> {
        [Transport::Tcp, Transport::Ipc].into_iter().flat_map(both)
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
            Binder::Foreign => {
                let at = peer.bind(&self.fresh())?;
                S::open(choose(S::connecting(&at))).await?
            }
        };
        soon(socket.has_peers(1)).await?;
        Ok(socket)
    }

    /// As [`join`](Self::join), with a peer in a process of its own.
    pub(crate) async fn meet<S: Socket>(
        self,
        theirs: &mut Foreign,
        choose: impl FnOnce(Builder<S>) -> Builder<S>,
    ) -> Outcome<S> {
        let socket = match self.binder {
            Binder::Gleis => {
                let socket = S::open(choose(S::binding(&self.fresh()))).await?;
                theirs.connect(&socket.at()).await?;
                socket
            }
            Binder::Foreign => {
                let at = theirs.bind(&self.fresh()).await?;
                S::open(choose(S::connecting(&at))).await?
            }
        };
        soon(socket.has_peers(1)).await?;
        Ok(socket)
    }

    /// An endpoint to bind that nobody else uses.
    pub(crate) fn fresh(self) -> String {
        match self.transport {
            Transport::Abstract => format!("ipc://@gleis-interop-{}-{}", process::id(), unique()),
            Transport::Ipc => "ipc://*".to_owned(),
            Transport::Tcp => "tcp://127.0.0.1:0".to_owned(),
        }
    }

    /// As [`fresh`](Self::fresh), but one that can be bound again: nobody takes it while nobody has
    /// it. A tcp endpoint has an address of its own, since its port may be anybody's next.
    pub(crate) fn lasting(self) -> Outcome<String> {
        let n = unique();
        match self.transport {
            Transport::Abstract => Ok(self.fresh()),
            Transport::Ipc => {
                fs::create_dir_all(folder())?;
                Ok(format!("ipc://{}/{n}", folder().display()))
            }
            Transport::Tcp => Ok(format!("tcp://127.{}.{}.1:0", 1 + n / 250, 1 + n % 250)),
        }
    }

    /// The place in words, if `engine` is the other side.
    pub(crate) fn named(self, engine: &str) -> String {
        let transport = match self.transport {
            Transport::Abstract => "abstract ipc",
            Transport::Ipc => "ipc",
            Transport::Tcp => "tcp",
        };
        let binder = match self.binder {
            Binder::Foreign => engine,
            Binder::Gleis => "gleis",
        };
        format!("{transport}, {binder} binds")
    }
}

/// A number that nobody else has.
fn unique() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// The folder of this run's Unix sockets. Short: their paths have about 100 bytes.
fn folder() -> PathBuf {
    env::temp_dir().join(format!("gleis-interop-{}", process::id()))
}

/// Removes the files that killed peers left.
pub(crate) fn clean_up() {
    // If there is none, all the better.
    let _ = fs::remove_dir_all(folder());
}

const fn both(transport: Transport) -> [Place; 2] {
    [Place { binder: Binder::Gleis, transport }, Place { binder: Binder::Foreign, transport }]
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named("libzmq"))
    }
}
