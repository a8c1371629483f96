//! What can be wrong with the text of an endpoint.

/// Why a text is no endpoint.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// The host is neither an IP address, nor a host name, nor `*`.
    #[error("bad host {host:?}: {reason}")]
    BadHost {
        /// The host as written.
        host: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// The port is not a number from 0 to 65535, nor `*`.
    #[error("bad port {port:?}: write 0 to 65535, or 0 for any free port")]
    BadPort {
        /// The port as written.
        port: String,
    },
    /// The IPv6 address stands without brackets, so that its end cannot be seen.
    #[error("IPv6 address needs brackets: write [{address}]:port, not {address}")]
    BareIpv6 {
        /// The address as written.
        address: String,
    },
    /// Nothing stands behind `://`.
    #[error("{what} is empty")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// The character may not stand there.
    #[error("{what} contains {found:?}")]
    Forbidden {
        /// The part of the endpoint.
        what: &'static str,
        /// The first such character.
        found: char,
    },
    /// A tcp address has a port.
    #[error("missing port in {address:?}: write host:port, with port 0 for any free one")]
    MissingPort {
        /// The address as written.
        address: String,
    },
    /// An endpoint begins with a scheme.
    #[error("missing scheme in {text:?}: begin with {SCHEMES}")]
    MissingScheme {
        /// The endpoint as written.
        text: String,
    },
    /// The text, or a part of it, is longer than allowed.
    #[error("endpoint of {len} bytes is too long, the limit is {limit}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest one allowed.
        limit: usize,
    },
    /// The scheme is none of the known ones.
    #[error("unknown scheme {scheme:?}: begin with {SCHEMES}")]
    UnknownScheme {
        /// The scheme as written.
        scheme: String,
    },
}

const SCHEMES: &str = "inproc://, ipc://, tcp://, zmq+ipc:// or zmq+tcp://";

/// Checks that `text` is a part of an endpoint with 1 to `limit` bytes and no control character.
pub(super) fn check_part(
    what: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), EndpointError> {
    if text.is_empty() {
        return Err(EndpointError::Empty { what });
    }
    if limit < text.len() {
        return Err(EndpointError::TooLong { len: text.len(), limit });
    }
    match text.chars().find(|it| it.is_control()) {
        Some(found) => Err(EndpointError::Forbidden { what, found }),
        None => Ok(()),
    }
}
