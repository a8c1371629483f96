//! Reaching a listener over tcp or ipc.

use std::io;
use std::sync::Arc;

use gleis_core::{Endpoint, Host, IpcAddress, TcpAddress};
use tokio::net::TcpStream;

use crate::connection::Connection;
use crate::error::ConnectError;
use crate::options::{LinkConfig, Options};
use crate::stream::handshake::handshake;
use crate::stream::socket::Socket;

pub(crate) async fn connect(
    endpoint: &Endpoint,
    config: &Arc<LinkConfig>,
) -> Result<Connection, ConnectError> {
    let socket =
        tokio::time::timeout(config.options.connect_timeout, dial(endpoint, &config.options))
            .await
            .map_err(|_| ConnectError::TimedOut { endpoint: endpoint.clone() })?
            .map_err(|source| ConnectError::Io { endpoint: endpoint.clone(), source })?;
    handshake(socket, config, endpoint.to_string(), None)
        .await
        .map_err(|source| ConnectError::Handshake { endpoint: endpoint.clone(), source })
}

async fn dial(endpoint: &Endpoint, options: &Options) -> io::Result<Socket> {
    if let Some(network) = &options.network {
        return network.dial(endpoint).await.map(Socket::Wire);
    }
    match endpoint {
        Endpoint::Tcp(address) => dial_tcp(address).await.map(Socket::Tcp),
        #[cfg(unix)]
        Endpoint::Ipc(address) => dial_ipc(address).await.map(Socket::Unix),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

async fn dial_tcp(TcpAddress { host, port }: &TcpAddress) -> io::Result<TcpStream> {
    let stream = match host {
        Host::Ip(ip) => TcpStream::connect((*ip, *port)).await?,
        Host::Name(name) => TcpStream::connect((name.as_str(), *port)).await?,
        Host::Any => {
            let text = "a wildcard can be bound, not connected to";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    };
    // Connecting to a free local port may, by chance, connect the socket to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

#[cfg(unix)]
async fn dial_ipc(address: &IpcAddress) -> io::Result<tokio::net::UnixStream> {
    match address {
        IpcAddress::Path(path) => tokio::net::UnixStream::connect(path).await,
        #[cfg(target_os = "linux")]
        IpcAddress::Abstract(name) => {
            use std::os::linux::net::SocketAddrExt;
            use std::os::unix::net::{SocketAddr, UnixStream};
            // An abstract socket of this machine answers or refuses at once.
            let stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
            stream.set_nonblocking(true)?;
            tokio::net::UnixStream::from_std(stream)
        }
        _ => {
            let text = "this ipc address can be bound, not connected to";
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}
