//! From endpoints to bound listeners, and whether somebody answers.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use gleis_core::{Endpoint, Host, TcpAddress};
use tokio::net::TcpStream;
use zeromq::Listener;

use crate::error::ListenError;
use crate::options::LinkConfig;
use crate::stream::bind_tcp;
use crate::zmq::doors;

#[cfg(unix)]
use crate::stream::{SocketFile, fresh_path, remove_stale};
#[cfg(unix)]
use gleis_core::IpcAddress;
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::{Path, PathBuf};

/// A place that was bound for the crate.
pub(super) struct Place {
    pub(super) endpoint: Endpoint,
    /// Removed with the listener; nothing for tcp.
    #[cfg(unix)]
    pub(super) file: Option<SocketFile>,
    pub(super) listener: Listener,
}

/// Binds, and says where.
pub(super) async fn bind(endpoint: &Endpoint, config: &LinkConfig) -> Result<Place, ListenError> {
    let bound = match endpoint {
        Endpoint::ZmqTcp(address) => {
            let resolved = resolve(address).await;
            let resolved = resolved.map_err(|source| failed(endpoint, source))?;
            if !resolved.is_loopback() && !config.options.trusted_network {
                return Err(ListenError::Untrusted { endpoint: endpoint.clone() });
            }
            bind_ip(address, resolved, config).await
        }
        #[cfg(unix)]
        Endpoint::ZmqIpc(address) => bind_ipc(address),
        _ => return Err(ListenError::Unsupported { endpoint: endpoint.clone() }),
    };
    bound.map_err(|source| failed(endpoint, source))
}

fn failed(endpoint: &Endpoint, source: io::Error) -> ListenError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::AddressInUse { endpoint: endpoint.clone() },
        _ => ListenError::Io { endpoint: endpoint.clone(), source },
    }
}

/// The address that will be bound, for judging it before anybody can reach it.
async fn resolve(TcpAddress { host, port }: &TcpAddress) -> io::Result<IpAddr> {
    match host {
        Host::Any => Ok(Ipv4Addr::UNSPECIFIED.into()),
        Host::Ip(ip) => Ok(ip.to_canonical()),
        Host::Name(name) => {
            let mut found = tokio::net::lookup_host((name.as_str(), *port)).await?;
            let first = found.next().map(|it| it.ip().to_canonical());
            first.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
        }
    }
}

async fn bind_ip(wanted: &TcpAddress, resolved: IpAddr, config: &LinkConfig) -> io::Result<Place> {
    // A name is bound at the address that was judged, not at what it means the next time.
    let judged = match &wanted.host {
        Host::Name(_) => &TcpAddress::new(resolved, wanted.port),
        Host::Any | Host::Ip(_) => wanted,
    };
    let (listener, told) = loop {
        match bind_tcp(judged, config).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if !doors::has_been_left(wanted.port).await {
                    return Err(error);
                }
            }
            bound => break bound?,
        }
    };
    let Endpoint::Tcp(mut told) = told else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    if let (Host::Name(_), None) = (&wanted.host, &config.options.advertise) {
        told.host = wanted.host.clone();
    }
    Ok(Place {
        endpoint: Endpoint::ZmqTcp(told),
        #[cfg(unix)]
        file: None,
        listener: listener.into_std()?.into(),
    })
}

#[cfg(unix)]
fn bind_ipc(address: &IpcAddress) -> io::Result<Place> {
    let path = match address {
        IpcAddress::Any => fresh_path(),
        // As on the transport of ours: others need not have our working directory.
        IpcAddress::Path(path) => std::path::absolute(path)?,
        IpcAddress::Abstract(_) => {
            let text = "the zeromq crate knows no abstract names";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
    };
    let listener = bind_path(&path)?;
    listener.set_nonblocking(true)?;
    let file = Some(SocketFile::new(path.clone()));
    let endpoint = Endpoint::ZmqIpc(IpcAddress::Path(path));
    Ok(Place { endpoint, file, listener: listener.into() })
}

/// Binds under another name and then gives the socket the one that was asked for: the crate removes
/// the file that it finds bound, some time after the end, and that may be the next listener's.
#[cfg(unix)]
fn bind_path(path: &Path) -> io::Result<UnixListener> {
    let hidden = hidden_beside(path);
    let listener = UnixListener::bind(&hidden)?;
    let named = std::fs::hard_link(&hidden, path).or_else(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(error);
        }
        remove_stale(path)?;
        std::fs::hard_link(&hidden, path)
    });
    std::fs::remove_file(&hidden)?;
    match named {
        Ok(()) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(io::ErrorKind::AddrInUse.into())
        }
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn hidden_beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{:08x}", fastrand::u32(..)))
}

/// What the crate is told to connect to.
pub(super) fn target(endpoint: &Endpoint) -> io::Result<String> {
    match endpoint {
        Endpoint::ZmqTcp(TcpAddress { host: Host::Ip(_) | Host::Name(_), .. }) => {
            Ok(endpoint.to_string().replacen("zmq+", "", 1))
        }
        #[cfg(unix)]
        Endpoint::ZmqIpc(IpcAddress::Path(path)) => match path.to_str() {
            // To the crate `*` is a wildcard that it has yet to implement.
            Some(text) if text != "*" => Ok(format!("ipc://{text}")),
            _ => Err(invalid("the zeromq crate cannot connect to this path")),
        },
        _ => Err(invalid("this address can be bound, not connected to")),
    }
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Connects and leaves again, to learn whether anybody is there.
pub(super) async fn probe(endpoint: &Endpoint) -> io::Result<()> {
    match endpoint {
        Endpoint::ZmqTcp(TcpAddress { host: Host::Ip(ip), port }) => {
            TcpStream::connect((*ip, *port)).await.map(drop)
        }
        Endpoint::ZmqTcp(TcpAddress { host: Host::Name(name), port }) => {
            TcpStream::connect((name.as_str(), *port)).await.map(drop)
        }
        #[cfg(unix)]
        Endpoint::ZmqIpc(IpcAddress::Path(path)) => {
            tokio::net::UnixStream::connect(path).await.map(drop)
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
