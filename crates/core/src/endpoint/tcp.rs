//! Hosts and ports.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use super::error::EndpointError;

/// A host and a port: `127.0.0.1:5555`, `[::1]:5555`, `example.org:5555`, `*:0`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TcpAddress {
    /// Which machine, or which of its interfaces.
    pub host: Host,
    /// The port; 0 lets the system choose when binding.
    pub port: u16,
}

impl TcpAddress {
    /// The address of `port` at `host`.
    pub fn new(host: impl Into<Host>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl From<SocketAddr> for TcpAddress {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.ip(), address.port())
    }
}

impl FromStr for TcpAddress {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.is_empty() {
            return Err(EndpointError::Empty { what: "tcp address" });
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(EndpointError::BareIpv6 { address: text.to_owned() });
        }
        let missing = || EndpointError::MissingPort { address: text.to_owned() };
        let (host, port) = text.rsplit_once(':').ok_or_else(missing)?;
        let unclosed = host.starts_with('[') && !host.ends_with(']');
        if unclosed && text.ends_with(']') {
            return Err(missing());
        }
        if host.parse::<Ipv6Addr>().is_ok() {
            return Err(EndpointError::BareIpv6 { address: host.to_owned() });
        }
        Ok(Self { host: host.parse()?, port: parse_port(port)? })
    }
}

/// Which machine, or which of its interfaces.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Host {
    /// `*`: all interfaces of this machine; only for binding.
    Any,
    /// An IP address.
    Ip(IpAddr),
    /// A host name, not yet resolved.
    Name(String),
}

impl Host {
    /// Whether this is surely this very machine: a loopback address, or `localhost`.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Ip(ip) => ip.to_canonical().is_loopback(),
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Self::Ip(ip)
    }
}

impl FromStr for Host {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let bad = |reason| EndpointError::BadHost { host: text.to_owned(), reason };
        if let Some(rest) = text.strip_prefix('[') {
            let inner = rest.strip_suffix(']').ok_or_else(|| bad("the bracket is not closed"))?;
            return parse_ipv6(inner).map_err(bad);
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        check_host_name(text).map_err(bad)?;
        Ok(Self::Name(text.to_owned()))
    }
}

fn parse_ipv6(text: &str) -> Result<Host, &'static str> {
    if text.contains('%') {
        return Err("IPv6 zones are not supported");
    }
    let ip = text.parse::<Ipv6Addr>().map_err(|_| "not an IPv6 address")?;
    Ok(Host::Ip(ip.into()))
}

fn check_host_name(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("the host is empty; write * for all interfaces");
    }
    if text.contains(':') {
        return Err("an IPv6 address needs brackets");
    }
    if 253 < text.len() {
        return Err("a host name has at most 253 bytes");
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    for label in labels.split('.') {
        check_label(label)?;
    }
    // `1.2.3` and `256.1.1.1` are mistyped addresses; no top-level domain is a number.
    let last = labels.rsplit('.').next().unwrap_or(labels);
    if last.bytes().all(|it| it.is_ascii_digit()) {
        return Err("not an IPv4 address");
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), &'static str> {
    if label.is_empty() || 63 < label.len() {
        return Err("each part between dots has 1 to 63 bytes");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err("no part begins or ends with a hyphen");
    }
    let allowed = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    if !label.bytes().all(allowed) {
        return Err("a host name has letters, digits, hyphens and dots");
    }
    Ok(())
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    if text == "*" {
        return Ok(0);
    }
    let is_number = text.len() <= 5 && text.bytes().all(|it| it.is_ascii_digit());
    let port = is_number.then(|| text.parse().ok()).flatten();
    port.ok_or_else(|| EndpointError::BadPort { port: text.to_owned() })
}
