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
use tokio::time::{Sleep, sleep};

use crate::http::{PATIENCE, Reader};
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
pub(crate) struct Lent {
    loan: Arc<Mutex<Loan>>,
    /// Runs while the client takes nothing.
    patience: Option<Pin<Box<Sleep>>>,
}

/// Who may ask for it.
#[derive(Clone)]
pub(crate) struct Bell(Arc<Mutex<Loan>>);

impl Desk {
    pub(crate) fn new(connection: Connection) -> Self {
        let (connection, is_flushed, wanted) = (Some(connection), true, None);
        Self(Arc::new(Mutex::new(Loan { connection, is_flushed, wanted })))
    }

    pub(crate) fn lend(&self) -> Lent {
        Lent { loan: self.0.clone(), patience: None }
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
    /// Gives a client up that has taken nothing for too long.
    fn patiently(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        patience.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn with<T>(
        &self,
        work: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.loan.lock().connection {
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
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.with(|it| it.poll_write(cx, buf));
        self.patiently(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.with(|it| it.poll_flush(cx));
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.loan.lock().is_flushed = true;
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|it| it.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.with(|it| it.poll_write_vectored(cx, bufs));
        self.patiently(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;
    use crate::listener::Limited;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let desk = Desk::new(Limited::new(listener, 1).accept().await);
        let (mut lent, begun) = (desk.lend(), Instant::now());
        let error = loop {
            if let Err(error) = lent.write(&[0; 1 << 16]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(PATIENCE <= begun.elapsed());
        drop(client);
    }
}
