//! One byte stream, whichever kind it is; dispatched without a box.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::network::Wire;
use crate::options::Options;

/// Whether the system tells again when more arrives after a short read: see epoll(7).
const SHORT_READ_EMPTIES: bool = cfg!(unix);

/// The shortest idle time that the system understands.
const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    /// Of a network that is not the system's.
    Wire(Box<dyn Wire>),
}

macro_rules! each {
    ($socket:expr, $stream:ident => $work:expr) => {
        each!($socket, $stream => $work, $stream => $work)
    };
    ($socket:expr, $stream:ident => $work:expr, $wire:ident => $other:expr) => {
        match $socket {
            Socket::Tcp($stream) => $work,
            #[cfg(unix)]
            Socket::Unix($stream) => $work,
            Socket::Wire($wire) => $other,
        }
    };
}

impl Socket {
    #[inline]
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        each!(self, it => it.try_write(bytes))
    }

    #[inline]
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self, it => it.try_write_vectored(slices))
    }

    /// Reads into the room that `into` has.
    ///
    /// A read that does not fill it has emptied the socket: the next one knows without asking the
    /// system again.
    #[inline]
    pub(crate) fn try_read(&self, into: &mut BytesMut) -> io::Result<usize> {
        let room = into.capacity() - into.len();
        let mut n_bytes = 0;
        // The readiness looked at before the read is the one that is cleared, so that bytes which
        // arrive in between are not missed.
        let read = each!(self, it => it.try_io(Interest::READABLE, || {
            n_bytes = it.try_read_buf(into)?;
            let is_empty = SHORT_READ_EMPTIES && 0 < n_bytes && n_bytes < room;
            if is_empty { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        }), wire => return wire.try_read(into));
        match read {
            Err(_) if 0 < n_bytes => Ok(n_bytes),
            read => read.map(|()| n_bytes),
        }
    }

    /// Keeps the waker of one task only: the reader's.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, it => it.poll_read_ready(cx))
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        each!(self, it => it.readable().await, wire => poll_fn(|cx| wire.poll_read_ready(cx)).await)
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        each!(self, it => it.writable().await, wire => poll_fn(|cx| wire.poll_write_ready(cx)).await)
    }

    /// Says that nothing more is written, or ends both directions.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        // A link that is gone already is as shut down as it can be.
        let _ = each!(self, it => SockRef::from(it).shutdown(how), wire => {
            wire.shutdown(how);
            Ok(())
        });
    }

    /// Sets what the options ask for.
    pub(crate) fn prepare(&self, options: &Options) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                if let Some(idle) = options.keepalive {
                    let keepalive = TcpKeepalive::new().with_time(idle.max(SECOND));
                    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
                }
                stream.set_nodelay(options.nodelay)
            }
            #[cfg(unix)]
            Self::Unix(stream) => set_buffers(&SockRef::from(stream), options),
            Self::Wire(_) => Ok(()),
        }
    }
}

/// Sets the sizes of the system's buffers. On tcp before connecting or listening: how far the window
/// scales is agreed on with the first packet.
pub(crate) fn set_buffers(socket: &SockRef<'_>, options: &Options) -> io::Result<()> {
    if let Some(size) = options.recv_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    if let Some(size) = options.send_buffer {
        socket.set_send_buffer_size(size)?;
    }
    Ok(())
}
