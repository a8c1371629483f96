//! From endpoints to bound sockets, and the endpoint that peers are told.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
#[cfg(unix)]
use std::path::{Path, PathBuf};

#[cfg(unix)]
use gleis_core::IpcAddress;
use gleis_core::{Endpoint, Host, TcpAddress};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::options::{LinkConfig, Options};
use crate::stream::socket::set_buffers;

/// Connections that may wait in the system until they are accepted.
const BACKLOG: i32 = 4_096;

/// Binds and says where peers can reach it.
pub(crate) async fn bind_tcp(
    TcpAddress { host, port }: &TcpAddress,
    config: &LinkConfig,
) -> io::Result<(TcpListener, Endpoint)> {
    let wanted = match host {
        Host::Any => SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port)),
        Host::Ip(ip) => SocketAddr::from((*ip, *port)),
        Host::Name(name) => resolve(name, *port).await?,
    };
    let listener = listen(wanted, &config.options)?;
    let bound = listener.local_addr()?;
    let host = match (&config.options.advertise, host) {
        (Some(advertised), _) => {
            advertised.parse().map_or_else(|_| Host::Name(advertised.clone()), Host::Ip)
        }
        (None, Host::Name(name)) => Host::Name(name.clone()),
        (None, _) if bound.ip().is_unspecified() => Host::Ip(primary_address()),
        (None, _) => Host::Ip(bound.ip()),
    };
    Ok((listener, Endpoint::Tcp(TcpAddress::new(host, bound.port()))))
}

fn listen(at: SocketAddr, options: &Options) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    // A port in TIME_WAIT may be bound again; one that is listened on may not.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // What is accepted inherits them.
    set_buffers(&(&socket).into(), options)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn resolve(name: &str, port: u16) -> io::Result<SocketAddr> {
    let mut found = tokio::net::lookup_host((name, port)).await?;
    found.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
}

/// The address by which this machine reaches others; no packet is sent to find it.
fn primary_address() -> IpAddr {
    let found = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        // TEST-NET-1 of RFC 5737: routed like any foreign address, owned by nobody.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    found.map_or(Ipv4Addr::LOCALHOST.into(), |it| it.ip())
}

/// Binds, says where, and which file is to be removed at the end.
#[cfg(unix)]
pub(crate) fn bind_ipc(
    address: &IpcAddress,
) -> io::Result<(UnixListener, Endpoint, Option<PathBuf>)> {
    match address {
        IpcAddress::Any => bind_path(&fresh_path()),
        // Others need not have our working directory, and it may change before the file is removed.
        IpcAddress::Path(path) => bind_path(&std::path::absolute(path)?),
        #[cfg(target_os = "linux")]
        IpcAddress::Abstract(name) => {
            use std::os::linux::net::SocketAddrExt;
            use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
            let listener = StdListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
            listener.set_nonblocking(true)?;
            Ok((UnixListener::from_std(listener)?, Endpoint::Ipc(address.clone()), None))
        }
        #[cfg(not(target_os = "linux"))]
        IpcAddress::Abstract(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[cfg(unix)]
fn bind_path(path: &Path) -> io::Result<(UnixListener, Endpoint, Option<PathBuf>)> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    let endpoint = Endpoint::Ipc(IpcAddress::Path(path.to_owned()));
    Ok((listener, endpoint, Some(path.to_owned())))
}

/// Removes the file of an ipc listener that died without a word, as listening there again does.
///
/// # Errors
/// `AddrInUse` if somebody listens there, or it is no socket; and what the system says.
#[cfg(unix)]
pub fn remove_stale(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path)?.file_type().is_socket();
    let probe = std::os::unix::net::UnixStream::connect(path);
    let is_dead = probe.is_err_and(|it| it.kind() == io::ErrorKind::ConnectionRefused);
    if is_socket && is_dead {
        return std::fs::remove_file(path);
    }
    Err(io::ErrorKind::AddrInUse.into())
}

#[cfg(unix)]
pub(crate) fn fresh_path() -> PathBuf {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let folder = folder.filter(|it| it.is_dir()).unwrap_or_else(std::env::temp_dir);
    folder.join(format!("gleis-{}-{:016x}.sock", std::process::id(), fastrand::u64(..)))
}
