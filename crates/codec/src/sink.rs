//! Where encoded bytes go, up to a limit.

use std::io;

use bytes::BytesMut;

/// How many bytes are gathered before the buffer is asked for room.
const GATHERED: usize = 128;

/// Appends to a buffer until the message is longer than allowed.
///
/// Formats write a byte or two at a time, which is slow on [`BytesMut`]; so short writes are
/// gathered first.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    out: &'a mut BytesMut,
    left: usize,
    is_full: bool,
    gathered: [u8; GATHERED],
    n_gathered: usize,
}

/// The message is longer than allowed.
#[derive(Debug, thiserror::Error)]
#[error("message too long")]
pub(crate) struct Full;

impl<'a> Sink<'a> {
    /// Appends at most `limit` bytes to `out`.
    pub(crate) fn new(out: &'a mut BytesMut, limit: usize) -> Self {
        Self { out, left: limit, is_full: false, gathered: [0; GATHERED], n_gathered: 0 }
    }

    /// Passes on what is gathered.
    ///
    /// # Errors
    /// Something did not fit.
    pub(crate) fn finish(mut self) -> Result<(), Full> {
        self.pass_on();
        if self.is_full { Err(Full) } else { Ok(()) }
    }

    /// Appends `bytes`, all or none.
    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            self.is_full = true;
            return Err(Full);
        };
        self.left = left;
        let end = self.n_gathered + bytes.len();
        match self.gathered.get_mut(self.n_gathered..end) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.n_gathered = end;
            }
            None => self.put_long(bytes),
        }
        Ok(())
    }

    #[inline(never)]
    fn put_long(&mut self, bytes: &[u8]) {
        self.pass_on();
        match self.gathered.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.n_gathered = bytes.len();
            }
            None => self.out.extend_from_slice(bytes),
        }
    }

    fn pass_on(&mut self) {
        self.out.extend_from_slice(&self.gathered[..self.n_gathered]);
        self.n_gathered = 0;
    }
}

impl io::Write for Sink<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
