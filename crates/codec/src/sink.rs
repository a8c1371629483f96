//! Where encoded bytes go, up to a limit.

use std::io;

use bytes::BytesMut;

/// Appends to a buffer until the message is longer than allowed.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    out: &'a mut BytesMut,
    left: usize,
    is_full: bool,
}

/// The message is longer than allowed.
#[derive(Debug, thiserror::Error)]
#[error("message too long")]
pub(crate) struct Full;

impl<'a> Sink<'a> {
    /// Appends at most `limit` bytes to `out`.
    pub(crate) fn new(out: &'a mut BytesMut, limit: usize) -> Self {
        Self {
            out,
            left: limit,
            is_full: false,
        }
    }

    /// Whether something did not fit.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Appends `bytes`, all or none.
    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            self.is_full = true;
            return Err(Full);
        };
        self.left = left;
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

impl io::Write for Sink<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
