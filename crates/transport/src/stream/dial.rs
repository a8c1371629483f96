//! Reaching a listener over tcp or ipc.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gleis_core::{Endpoint, Host, IpcAddress, TcpAddress};
use tokio::net::{TcpSocket, TcpStream};

use crate::connection::Connection;
use crate::error::ConnectError;
use crate::options::{LinkConfig, Options};
use crate::stream::handshake::handshake;
use crate::stream::socket::{Socket, set_buffers};

pub(crate) async fn connect(
    endpoint: &Endpoint,
    config: &Arc<LinkConfig>,
) -> Result<Connection, ConnectError> {
    let socket =
        tokio::time::timeout(config.options.connect_timeout, dial(endpoint, &config.options))
            .await
            .map_err(|_| ConnectError::TimedOut { endpoint: endpoint.clone() })?
            .map_err(|source| ConnectError::Io { endpoint: endpoint.clone(), source })?;
    handshake(socket, config, endpoint.to_string(), None, &AtomicBool::default())
        .await
        .map_err(|source| ConnectError::Handshake { endpoint: endpoint.clone(), source })
}

async fn dial(endpoint: &Endpoint, options: &Options) -> io::Result<Socket> {
    if let Some(network) = &options.network {
        return network.dial(endpoint).await.map(Socket::Wire);
    }
    match endpoint {
        Endpoint::Tcp(address) => dial_tcp(address, options).await.map(Socket::Tcp),
        #[cfg(unix)]
        Endpoint::Ipc(address) => dial_ipc(address).await.map(Socket::Unix),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

async fn dial_tcp(
    TcpAddress { host, port }: &TcpAddress,
    options: &Options,
) -> io::Result<TcpStream> {
    match host {
        Host::Ip(ip) => dial_one((*ip, *port).into(), options).await,
        Host::Name(name) => {
            let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for at in tokio::net::lookup_host((name.as_str(), *port)).await? {
                match dial_one(at, options).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        }
        Host::Any => {
            let text = "a wildcard can be bound, not connected to";
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}

async fn dial_one(at: SocketAddr, options: &Options) -> io::Result<TcpStream> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    set_buffers(&(&socket).into(), options)?;
    let stream = socket.connect(at).await?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gleis_zmtp::SocketType;
    use socket2::SockRef;

    use super::*;
    use crate::stream::StreamListener;

    /// Both ends of a fresh stream with these options.
    async fn ends(at: &str, options: Options) -> [Socket; 2] {
        let mut config = LinkConfig::new(SocketType::Pair);
        config.options = options;
        let config = Arc::new(config);
        let listener = StreamListener::bind(&at.parse().unwrap(), &config).await.unwrap();
        let (near, far) =
            tokio::join!(dial(listener.endpoint(), &config.options), listener.accept());
        let ends = [near.unwrap(), far.unwrap().0];
        for end in &ends {
            end.prepare(&config.options).unwrap();
        }
        ends
    }

    fn system(socket: &Socket) -> SockRef<'_> {
        match socket {
            Socket::Tcp(it) => it.into(),
            #[cfg(unix)]
            Socket::Unix(it) => it.into(),
            Socket::Wire(_) => panic!("not of the system"),
        }
    }

    #[tokio::test]
    async fn both_ends_of_a_stream_have_the_buffers_that_were_asked_for() {
        for at in ["tcp://127.0.0.1:0", "ipc://*"] {
            let options = Options {
                recv_buffer: Some(20_000),
                send_buffer: Some(30_000),
                ..Options::default()
            };
            for end in ends(at, options).await {
                let socket = system(&end);
                // Linux doubles them, for its own books.
                let n_bytes = socket.recv_buffer_size().unwrap();
                assert!((20_000..=40_000).contains(&n_bytes), "{n_bytes} at {at}");
                let n_bytes = socket.send_buffer_size().unwrap();
                assert!((30_000..=60_000).contains(&n_bytes), "{n_bytes} at {at}");
            }
        }
    }

    #[tokio::test]
    async fn both_ends_of_a_connection_are_kept_alive_if_asked_for() {
        let idle = Duration::from_secs(77);
        let options = Options { keepalive: Some(idle), ..Options::default() };
        for end in ends("tcp://127.0.0.1:0", options).await {
            let socket = system(&end);
            assert!(socket.keepalive().unwrap());
            #[cfg(target_os = "linux")]
            assert_eq!(socket.tcp_keepalive_time().unwrap(), idle);
        }
        for end in ends("tcp://127.0.0.1:0", Options::default()).await {
            assert!(!system(&end).keepalive().unwrap());
        }
    }

    #[tokio::test]
    async fn a_name_is_tried_at_each_of_its_addresses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let at = format!("tcp://localhost:{port}").parse().unwrap();
        dial(&at, &Options::default()).await.unwrap();
    }
}
