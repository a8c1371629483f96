//! Frame headers: flags, then a length of one byte or of eight.

use bytes::BytesMut;

use crate::error::Violation;

/// More frames of the same message follow.
pub(crate) const MORE: u8 = 0b001;
/// The length takes eight bytes.
pub(crate) const LONG: u8 = 0b010;
/// The frame is a command.
pub(crate) const COMMAND: u8 = 0b100;

/// The header of a frame, as read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub(crate) flags: u8,
    /// The length of the header itself: 2 or 9.
    pub(crate) size: usize,
    /// The announced length of the body; not yet compared with any limit.
    pub(crate) len: u64,
}

impl Header {
    /// Reads the header at the front of `bytes`; `None` asks for more bytes.
    #[inline]
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let Some((&flags, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        if flags & !(MORE | LONG) != 0 {
            check_command_flags(flags)?;
        }
        if flags & LONG == 0 {
            let len = rest.first();
            return Ok(len.map(|&len| Self { flags, size: 2, len: u64::from(len) }));
        }
        let len = rest.first_chunk();
        Ok(len.map(|&len| Self { flags, size: 9, len: u64::from_be_bytes(len) }))
    }

    pub(crate) fn is_command(self) -> bool {
        self.flags & COMMAND != 0
    }

    pub(crate) fn is_more(self) -> bool {
        self.flags & MORE != 0
    }
}

#[cold]
fn check_command_flags(flags: u8) -> Result<(), Violation> {
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(Violation::ReservedFlags { flags });
    }
    match flags & MORE {
        0 => Ok(()),
        _ => Err(Violation::CommandWithMore),
    }
}

/// Appends the header of a frame with `len` bytes: the short form up to 255.
#[inline]
pub(crate) fn put_header(flags: u8, len: usize, out: &mut BytesMut) {
    match u8::try_from(len) {
        Ok(len) => out.extend_from_slice(&[flags, len]),
        Err(_) => {
            let mut header = [0; 9];
            header[0] = flags | LONG;
            header[1..].copy_from_slice(&(len as u64).to_be_bytes());
            out.extend_from_slice(&header);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: &Result<Option<(u8, usize, u64)>, Violation>) {
        let seen = Header::parse(bytes);
        assert_eq!(&seen.map(|it| it.map(|it| (it.flags, it.size, it.len))), expect);
    }

    #[test]
    fn a_short_header_has_two_bytes() {
        check(b"", &Ok(None));
        check(b"\x00", &Ok(None));
        check(b"\x00\x05", &Ok(Some((0, 2, 5))));
        check(b"\x01\xffrest", &Ok(Some((1, 2, 255))));
        check(b"\x04\x00", &Ok(Some((4, 2, 0))));
    }

    #[test]
    fn a_long_header_has_nine_bytes() {
        check(b"\x02\0\0\0\0\0\0\x01", &Ok(None));
        check(b"\x02\0\0\0\0\0\0\x01\x00", &Ok(Some((2, 9, 256))));
        check(b"\x06\0\0\0\0\0\0\0\x01", &Ok(Some((6, 9, 1))));
        check(&[[3].as_slice(), &[0xff; 8]].concat(), &Ok(Some((3, 9, u64::MAX))));
    }

    #[test]
    fn bad_flags_are_seen_with_the_first_byte() {
        for flags in 8..=255 {
            check(&[flags], &Err(Violation::ReservedFlags { flags }));
        }
        check(&[5], &Err(Violation::CommandWithMore));
        check(&[7], &Err(Violation::CommandWithMore));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for len in [0, 1, 254, 255, 256, 65_536, usize::MAX >> 1] {
            for flags in [0, MORE, COMMAND] {
                let mut out = BytesMut::new();
                put_header(flags, len, &mut out);
                let header = Header::parse(&out).unwrap().unwrap();
                assert_eq!((header.len, header.size), (len as u64, out.len()));
                assert_eq!(header.flags & !LONG, flags);
                assert_eq!(header.size == 2, len < 256);
            }
        }
    }
}
