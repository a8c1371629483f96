//! Listening sockets for tcp and ipc.

use std::io;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;

use gleis_core::Endpoint;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::error::ListenError;
use crate::network::WireListener;
use crate::options::LinkConfig;
use crate::stream::address;
use crate::stream::socket::Socket;

/// A listening socket; an ipc file is removed on drop.
#[derive(Debug)]
pub(crate) struct StreamListener {
    endpoint: Endpoint,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, #[expect(dead_code, reason = "held for its drop")] Option<SocketFile>),
    /// Of a network that is not the system's.
    Wire(Box<dyn WireListener>),
}

impl StreamListener {
    pub(crate) async fn bind(
        endpoint: &Endpoint,
        config: &Arc<LinkConfig>,
    ) -> Result<Self, ListenError> {
        let bound = match endpoint {
            at if let Some(network) = &config.options.network => {
                network.listen(at).await.map(|listener| Self {
                    endpoint: listener.endpoint().clone(),
                    kind: Kind::Wire(listener),
                })
            }
            Endpoint::Tcp(at) => address::bind_tcp(at, config)
                .await
                .map(|(listener, endpoint)| Self { endpoint, kind: Kind::Tcp(listener) }),
            #[cfg(unix)]
            Endpoint::Ipc(at) => address::bind_ipc(at).map(|(listener, endpoint, file)| Self {
                endpoint,
                kind: Kind::Unix(listener, file.map(SocketFile::new)),
            }),
            _ => {
                return Err(ListenError::Unsupported { endpoint: endpoint.clone() });
            }
        };
        bound.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::AddressInUse { endpoint: endpoint.clone() },
            _ => ListenError::Io { endpoint: endpoint.clone(), source },
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) async fn accept(&self) -> io::Result<(Socket, String)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                Ok((Socket::Tcp(stream), format!("tcp://{from}")))
            }
            #[cfg(unix)]
            Kind::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let from = stream.peer_cred().ok().and_then(|it| it.pid());
                let from = from.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
                Ok((Socket::Unix(stream), format!("{} (process {from})", self.endpoint)))
            }
            Kind::Wire(listener) => {
                listener.accept().await.map(|(wire, from)| (Socket::Wire(wire), from))
            }
        }
    }
}

/// The file of an ipc listener, removed on drop unless somebody else has taken its place.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct SocketFile {
    inode: Option<u64>,
    path: PathBuf,
}

#[cfg(unix)]
impl SocketFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { inode: inode(&path), path }
    }
}

#[cfg(unix)]
fn inode(path: &std::path::Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::symlink_metadata(path).ok().map(|it| it.ino())
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            // Gone already is as good.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
