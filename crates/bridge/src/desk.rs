//! A connection that is lent to hyper, and may be taken back.
//!
//! As long as hyper has a connection it keeps two buffers of 8 KiB for it. Whoever reads events sends
//! nothing more, and is served without them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::http::Reader;
use crate::listener::Connection;

/// Where a connection is lent from.
pub(crate) struct Desk(Arc<Mutex<Loan>>);

struct Loan {
    /// `None` once it was taken back.
    connection: Option<Connection>,
    /// Whether nothing was written since the last flush, which comes when nothing is left to write.
    is_flushed: bool,
    wanted: Option<(Bytes, Reader)>,
}

/// A connection on which somebody reads events.
pub(crate) struct Taken {
    pub(crate) connection: Connection,
    /// The head of the answer.
    pub(crate) head: Bytes,
    pub(crate) reader: Reader,
}

/// The connection, for hyper. Once it was taken back it is closed.
pub(crate) struct Lent(Arc<Mutex<Loan>>);

/// Who may ask for it.
#[derive(Clone)]
pub(crate) struct Bell(Arc<Mutex<Loan>>);

impl Desk {
    pub(crate) fn new(connection: Connection) -> Self {
        let (connection, is_flushed, wanted) = (Some(connection), true, None);
        Self(Arc::new(Mutex::new(Loan { connection, is_flushed, wanted })))
    }

    pub(crate) fn lend(&self) -> Lent {
        Lent(self.0.clone())
    }

    pub(crate) fn bell(&self) -> Bell {
        Bell(self.0.clone())
    }

    /// Takes it back if somebody wants it and earlier answers have left.
    pub(crate) fn take(&self) -> Option<Taken> {
        let mut loan = self.0.lock();
        if !loan.is_flushed {
            return None;
        }
        let (head, reader) = loan.wanted.take()?;
        Some(Taken { connection: loan.connection.take()?, head, reader })
    }
}

impl Bell {
    /// Asks for the connection, for a reader of events whose answer begins with `head`.
    pub(crate) fn ring(&self, head: Bytes, reader: Reader) {
        let mut loan = self.0.lock();
        // An answer to an earlier request may wait in hyper until the next flush.
        loan.is_flushed = false;
        loan.wanted = Some((head, reader));
    }
}

impl Lent {
    fn with<T>(
        &self,
        work: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.0.lock().connection {
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            Some(it) => work(Pin::new(&mut it.stream)),
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|it| it.poll_read(cx, buf))
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|it| it.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.with(|it| it.poll_flush(cx));
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.0.lock().is_flushed = true;
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|it| it.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|it| it.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
