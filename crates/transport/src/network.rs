//! The seam under byte streams: a network other than the operating system's.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::BytesMut;
use gleis_core::Endpoint;

/// What tcp:// and ipc:// endpoints go through when [`Options::network`](crate::Options::network)
/// names it: a simulated network in tests, a tunnel, streams of a runtime's own.
///
/// Everything above byte streams stays as it is: the protocol, limits, queues and reconnecting.
/// inproc:// goes past it.
#[async_trait]
pub trait Network: fmt::Debug + Send + Sync + 'static {
    /// Reaches whoever listens at an endpoint.
    ///
    /// # Errors
    /// What the network says; a connector tries again. It need not end by itself:
    /// [`connect_timeout`](crate::Options::connect_timeout) ends it.
    ///
    /// # Cancel safety
    /// A dropped future must leave nothing behind.
    async fn dial(&self, to: &Endpoint) -> io::Result<Box<dyn Wire>>;

    /// Listens at an endpoint.
    ///
    /// # Errors
    /// What the network says; [`io::ErrorKind::AddrInUse`] if somebody listens there.
    async fn listen(&self, at: &Endpoint) -> io::Result<Box<dyn WireListener>>;
}

/// A place of a [`Network`] where streams come in. Dropping it ends listening.
#[async_trait]
pub trait WireListener: fmt::Debug + Send + Sync + 'static {
    /// The endpoint that peers are told: with a real port, and never a wildcard.
    fn endpoint(&self) -> &Endpoint;

    /// Waits for the next stream; it comes with the address of the peer, for people to read.
    ///
    /// # Errors
    /// What the network says; the next call goes on.
    ///
    /// # Cancel safety
    /// A dropped future must lose no stream.
    async fn accept(&self) -> io::Result<(Box<dyn Wire>, String)>;
}

/// One byte stream of a [`Network`]: ordered, reliable until it breaks, in both directions.
/// Dropping it ends both.
///
/// One task reads, several may write in turn, and of each kind one at a time waits.
pub trait Wire: fmt::Debug + Send + Sync + 'static {
    /// Appends what has arrived to `into`, no more than it has room for without growing, and says
    /// how much; 0 at the end of the stream.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there yet; any other ends the link.
    fn try_read(&self, into: &mut BytesMut) -> io::Result<usize>;

    /// Takes bytes from the beginning of `bytes` and says how many.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room; any other ends the link.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// As [`try_write`](Self::try_write), from several slices in their order; by default from the
    /// first that is not empty.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write(slices.iter().find(|it| !it.is_empty()).map_or(&[], |it| it))
    }

    /// Ready when reading is worth another attempt; otherwise wakes the task of the last call.
    ///
    /// # Errors
    /// Why nothing comes any more, if that is not left to the next read.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ready when writing is worth another attempt; otherwise wakes the task of the last call.
    ///
    /// # Errors
    /// Why nothing is taken any more, if that is not left to the next write.
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Says that nothing more is written, or ends both directions and wakes whoever waits.
    fn shutdown(&self, how: Shutdown);
}
