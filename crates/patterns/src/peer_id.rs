//! Which peer of a router.

use std::fmt::{self, Write};

use bytes::Bytes;

/// Which peer of a [`Router`](crate::Router): the identity that the peer announced, or one that the
/// router invented for a peer without (five bytes, the first zero, as in ZeroMQ; an announced one
/// never begins with zero).
///
/// It outlives the connection. An announced identity means the same peer when it comes back; an
/// invented one never means another peer of the same router, until four billion have come.
///
/// It reads as text if all its bytes are printable, as `0x` and hexadecimal digits otherwise.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerId(Bytes);

impl PeerId {
    /// The id with these bytes; see the [type](Self) for which ones a peer may have.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// What a peer announced, if that is an identity. It may be a slice of a large read buffer, which
    /// must not be kept.
    pub(crate) fn announced(identity: &Bytes) -> Option<Self> {
        let is_one = identity.first().is_some_and(|it| *it != 0);
        is_one.then(|| Self(Bytes::copy_from_slice(identity)))
    }

    pub(crate) fn invented(serial: u32) -> Self {
        let [a, b, c, d] = serial.to_be_bytes();
        Self(Bytes::copy_from_slice(&[0, a, b, c, d]))
    }

    /// The bytes, as they stand before a message that passes through routers.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// True if the peer announced no identity and the router invented this one.
    pub fn is_invented(&self) -> bool {
        self.0.first() == Some(&0)
    }
}

impl AsRef<[u8]> for PeerId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for PeerId {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<PeerId> for Bytes {
    fn from(id: PeerId) -> Self {
        id.0
    }
}

impl From<&str> for PeerId {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.iter().all(|it| it.is_ascii_graphic() || *it == b' ') {
            return self.0.iter().try_for_each(|it| f.write_char(char::from(*it)));
        }
        f.write_str("0x")?;
        self.0.iter().try_for_each(|it| write!(f, "{it:02x}"))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_text_if_it_is_text_and_as_digits_otherwise() {
        assert_eq!(PeerId::from("worker 7").to_string(), "worker 7");
        assert_eq!(PeerId::invented(258).to_string(), "0x0000000102");
        assert_eq!(format!("{:?}", PeerId::new(vec![1, 255])), "PeerId(0x01ff)");
        assert_eq!(PeerId::new("").to_string(), "0x");
    }

    #[test]
    fn what_begins_with_zero_is_not_announced() {
        assert_eq!(PeerId::announced(&Bytes::from_static(b"\0abcd")), None);
        assert_eq!(PeerId::announced(&Bytes::new()), None);
        assert_eq!(PeerId::announced(&Bytes::from_static(b"a")), Some(PeerId::from("a")));
        assert!(PeerId::invented(u32::MAX).is_invented() && !PeerId::from("a").is_invented());
    }
}
