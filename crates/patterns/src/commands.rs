//! What gleis sockets tell each other beside messages: see `docs/wire.md`, section Commands.

use bytes::Bytes;
use gleis_transport::{Command, Control};

/// A command, read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Word {
    /// A subscription to more than a prefix, as [`Filter`](crate::Filter) writes it.
    Filter(Bytes),
    /// So many messages before the next one were dropped.
    Gap(u64),
    /// Answer when everything before this has had its effect.
    Sync(Bytes),
    /// The answer to [`Word::Sync`].
    Synced(Bytes),
    /// The end of a subscription that [`Word::Filter`] began.
    Unfilter(Bytes),
}

/// The longest body of a `SYNC`.
const MAX_MARK: usize = 16;

impl Word {
    /// Reads a command; `None` for one that is not known here, or not well-formed.
    pub(crate) fn read(command: &Command) -> Option<Self> {
        let body = &command.body;
        match &command.name[..] {
            b"FILTER" => Some(Self::Filter(body.clone())),
            b"GAP" => Some(Self::Gap(u64::from_be_bytes(body[..].try_into().ok()?))),
            b"SYNC" if body.len() <= MAX_MARK => Some(Self::Sync(body.clone())),
            b"SYNCED" if body.len() <= MAX_MARK => Some(Self::Synced(body.clone())),
            b"UNFILTER" => Some(Self::Unfilter(body.clone())),
            _ => None,
        }
    }

    /// The command for the peer.
    pub(crate) fn write(self) -> Control {
        let (name, body): (&[u8], Bytes) = match self {
            Self::Filter(filter) => (b"FILTER", filter),
            Self::Gap(missed) => (b"GAP", Bytes::copy_from_slice(&missed.to_be_bytes())),
            Self::Sync(mark) => (b"SYNC", mark),
            Self::Synced(mark) => (b"SYNCED", mark),
            Self::Unfilter(filter) => (b"UNFILTER", filter),
        };
        Control::Command(Box::new(Command { name: Bytes::from_static(name), body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mark = Bytes::from_static(b"12345678");
        let filter = Bytes::from_static(b"Eeu.de");
        for word in [
            Word::Filter(filter.clone()),
            Word::Gap(1 << 40),
            Word::Sync(mark.clone()),
            Word::Synced(mark),
            Word::Unfilter(filter),
        ] {
            let Control::Command(command) = word.clone().write() else {
                panic!("a command");
            };
            assert_eq!(Word::read(&command), Some(word));
        }
    }

    #[test]
    fn commands_that_are_not_well_formed_mean_nothing() {
        for (name, body) in
            [("GAP", "1234567"), ("GAP", ""), ("SYNC", "12345678901234567"), ("X", "")]
        {
            let command = Command { name: Bytes::from(name), body: Bytes::from(body) };
            assert_eq!(Word::read(&command), None);
        }
    }
}
