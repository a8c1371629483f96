//! Endpoints: where a socket binds or connects.

use std::{borrow::Cow, convert::Infallible, fmt, net::SocketAddr, str::FromStr};

use serde::{Serialize, Serializer, ser};

use crate::text::deserialize_from_text;

pub use self::{
    error::EndpointError,
    inproc::InprocName,
    ipc::IpcAddress,
    tcp::{Host, TcpAddress},
};

mod error;
mod inproc;
mod ipc;
mod tcp;

/// Where a socket binds or connects, as in `tcp://127.0.0.1:5555`.
///
/// | text | meaning |
/// |---|---|
/// | `inproc://name` | within the process |
/// | `ipc://path`, `ipc://@name`, `ipc://*` | a Unix socket: a file, an abstract name, a fresh file chosen by the binder |
/// | `tcp://host:port` | IPv4, `[IPv6]`, a host name or `*` (all interfaces); port 0 or `*` lets the system choose |
/// | `zmq+ipc://..`, `zmq+tcp://..` | the same addresses through the sockets of the `zeromq` crate, between gleis sockets |
///
/// What is parsed is written again as an equal endpoint.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Endpoint {
    /// `inproc://`: within the process.
    Inproc(InprocName),
    /// `ipc://`: a Unix socket on this machine.
    Ipc(IpcAddress),
    /// `tcp://`: over the network.
    Tcp(TcpAddress),
    /// `zmq+ipc://`: a Unix socket, spoken to by the `zeromq` engine.
    ZmqIpc(IpcAddress),
    /// `zmq+tcp://`: over the network, spoken to by the `zeromq` engine.
    ZmqTcp(TcpAddress),
}

impl Endpoint {
    /// The longest text that is looked at, in bytes.
    pub const MAX_LEN: usize = 1_024;

    /// What stands before `://`.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Inproc(_) => "inproc",
            Self::Ipc(_) => "ipc",
            Self::Tcp(_) => "tcp",
            Self::ZmqIpc(_) => "zmq+ipc",
            Self::ZmqTcp(_) => "zmq+tcp",
        }
    }

    /// Whether only this machine can be reached: inproc, ipc, loopback addresses and `localhost`.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Inproc(_) | Self::Ipc(_) | Self::ZmqIpc(_) => true,
            Self::Tcp(it) | Self::ZmqTcp(it) => it.host.is_loopback(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme();
        match self {
            Self::Inproc(it) => write!(f, "{scheme}://{it}"),
            Self::Ipc(it) | Self::ZmqIpc(it) => write!(f, "{scheme}://{it}"),
            Self::Tcp(it) | Self::ZmqTcp(it) => write!(f, "{scheme}://{it}"),
        }
    }
}

impl From<&Self> for Endpoint {
    fn from(endpoint: &Self) -> Self {
        endpoint.clone()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address.into())
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if Self::MAX_LEN < text.len() {
            return Err(EndpointError::TooLong { len: text.len(), limit: Self::MAX_LEN });
        }
        let Some((scheme, address)) = text.split_once("://") else {
            return Err(EndpointError::MissingScheme { text: text.to_owned() });
        };
        match scheme {
            "inproc" => address.parse().map(Self::Inproc),
            "ipc" => address.parse().map(Self::Ipc),
            "tcp" => address.parse().map(Self::Tcp),
            "zmq+ipc" => address.parse().map(Self::ZmqIpc),
            "zmq+tcp" => address.parse().map(Self::ZmqTcp),
            _ => Err(EndpointError::UnknownScheme { scheme: scheme.to_owned() }),
        }
    }
}

impl Serialize for Endpoint {
    /// As its text; a path that is not UTF-8 is an error.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Ipc(IpcAddress::Path(it)) | Self::ZmqIpc(IpcAddress::Path(it)) = self
            && let Cow::Owned(_) = it.to_string_lossy()
        {
            return Err(ser::Error::custom("ipc path is not UTF-8"));
        }
        serializer.collect_str(self)
    }
}

impl TryFrom<&str> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: &str) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl TryFrom<&String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: &String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl From<Infallible> for EndpointError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

deserialize_from_text!(Endpoint, "an endpoint such as tcp://127.0.0.1:5555");

#[cfg(test)]
mod tests;
