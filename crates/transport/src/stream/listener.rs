//! Listening sockets for tcp and ipc.

use std::io;
use std::net::Shutdown;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;

use gleis_core::Endpoint;
use socket2::SockRef;
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
    Tcp(Port),
    #[cfg(unix)]
    Unix {
        // Dropped before the listener: while that listens nobody takes the path, so the file is ours.
        #[expect(dead_code, reason = "held for its drop")]
        file: Option<SocketFile>,
        listener: UnixListener,
    },
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
                .map(|(listener, endpoint)| Self { endpoint, kind: Kind::Tcp(Port(listener)) }),
            #[cfg(unix)]
            Endpoint::Ipc(at) => address::bind_ipc(at).map(|(listener, endpoint, file)| Self {
                endpoint,
                kind: Kind::Unix { file: file.map(SocketFile::new), listener },
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
            Kind::Tcp(Port(listener)) => {
                let (stream, from) = listener.accept().await?;
                Ok((Socket::Tcp(stream), format!("tcp://{from}")))
            }
            #[cfg(unix)]
            Kind::Unix { listener, .. } => {
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

/// A port that is free as soon as this is dropped.
///
/// A process that is being started shares all sockets until it executes its program; closing ours
/// alone would leave the port in use for so long.
#[derive(Debug)]
struct Port(TcpListener);

impl Drop for Port {
    fn drop(&mut self) {
        // Where a listener cannot be shut down it is closed all the same.
        let _ = SockRef::from(&self.0).shutdown(Shutdown::Both);
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

#[cfg(all(test, unix))]
mod tests {
    use std::sync::Arc;

    use gleis_core::Endpoint;
    use gleis_zmtp::SocketType;
    use socket2::SockRef;

    use super::{Kind, Port, StreamListener};
    use crate::options::LinkConfig;

    #[tokio::test]
    async fn a_port_is_free_even_if_another_process_still_shares_the_listener() {
        let config = Arc::new(LinkConfig::new(SocketType::Pair));
        let any: Endpoint = "tcp://127.0.0.1:0".parse().unwrap();
        let listener = StreamListener::bind(&any, &config).await.unwrap();
        let Kind::Tcp(Port(socket)) = &listener.kind else { unreachable!("it is tcp") };
        let shared = SockRef::from(socket).try_clone().unwrap();
        let at = listener.endpoint().clone();
        drop(listener);
        StreamListener::bind(&at, &config).await.unwrap();
        drop(shared);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_file_of_a_successor_outlives_a_listener_that_is_being_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let at: Endpoint = format!("ipc://{}", path.display()).parse().unwrap();
        let config = Arc::new(LinkConfig::new(SocketType::Pair));
        let mut listener = StreamListener::bind(&at, &config).await.unwrap();
        for _ in 0..2_000 {
            let old = tokio::spawn(async move { drop(listener) });
            listener = loop {
                if let Ok(it) = StreamListener::bind(&at, &config).await {
                    break it;
                }
            };
            old.await.unwrap();
            assert!(path.exists());
        }
    }
}
