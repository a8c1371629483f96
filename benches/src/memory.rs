//! A network in memory: what sockets cost without the system, and the same in every run.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::BytesMut;
use gleis_core::Endpoint;
use gleis_transport::{Network, Wire, WireListener};
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// What is written and not yet read; a socket of the system takes about as much.
const WINDOW: usize = 128 << 10;
/// Streams that wait to be accepted.
const BACKLOG: usize = 64;

/// Hands bytes from one socket of this process to another one.
#[derive(Debug, Default)]
pub struct Memory {
    doors: Mutex<HashMap<Endpoint, mpsc::Sender<Stream>>>,
}

#[async_trait]
impl Network for Memory {
    async fn dial(&self, to: &Endpoint) -> io::Result<Box<dyn Wire>> {
        let door = self.doors.lock().get(to).cloned();
        let door = door.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (near, far) = Stream::pair();
        door.send(far).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(near))
    }

    async fn listen(&self, at: &Endpoint) -> io::Result<Box<dyn WireListener>> {
        let (door, visitors) = mpsc::channel(BACKLOG);
        self.doors.lock().insert(at.clone(), door);
        Ok(Box::new(Door { endpoint: at.clone(), visitors: tokio::sync::Mutex::new(visitors) }))
    }
}

#[derive(Debug)]
struct Door {
    endpoint: Endpoint,
    visitors: tokio::sync::Mutex<mpsc::Receiver<Stream>>,
}

#[async_trait]
impl WireListener for Door {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&self) -> io::Result<(Box<dyn Wire>, String)> {
        let visitor = self.visitors.lock().await.recv().await;
        let visitor = visitor.ok_or(io::ErrorKind::NotConnected)?;
        Ok((Box::new(visitor), "memory".to_owned()))
    }
}

/// One end of a byte stream.
#[derive(Debug)]
struct Stream {
    from: Arc<Mutex<Pipe>>,
    to: Arc<Mutex<Pipe>>,
}

/// One direction of a byte stream.
#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    is_closed: bool,
    n_read: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Stream {
    fn pair() -> (Self, Self) {
        let (one, other) = (Arc::<Mutex<Pipe>>::default(), Arc::<Mutex<Pipe>>::default());
        (Self { from: one.clone(), to: other.clone() }, Self { from: other, to: one })
    }
}

impl Pipe {
    fn n_waiting(&self) -> usize {
        self.bytes.len() - self.n_read
    }

    fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        let n_bytes = self.n_waiting().min(into.capacity() - into.len());
        if n_bytes == 0 {
            return if self.is_closed { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        into.extend_from_slice(&self.bytes[self.n_read..][..n_bytes]);
        self.n_read += n_bytes;
        if self.n_waiting() == 0 {
            self.bytes.clear();
            self.n_read = 0;
        }
        Ok(n_bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let n_bytes = bytes.len().min(WINDOW - self.n_waiting());
        if n_bytes == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if WINDOW < self.bytes.len() + n_bytes {
            self.bytes.drain(..self.n_read);
            self.n_read = 0;
        }
        self.bytes.extend_from_slice(&bytes[..n_bytes]);
        Ok(n_bytes)
    }

    fn close(&mut self) -> [Option<Waker>; 2] {
        self.is_closed = true;
        [self.reader.take(), self.writer.take()]
    }
}

/// Wakes after the lock is released, so that whoever is woken may take it.
fn wake(wakers: impl IntoIterator<Item = Option<Waker>>) {
    wakers.into_iter().flatten().for_each(Waker::wake);
}

impl Wire for Stream {
    fn try_read(&self, into: &mut BytesMut) -> io::Result<usize> {
        let (read, writer) = {
            let mut pipe = self.from.lock();
            (pipe.read(into), pipe.writer.take())
        };
        wake([writer]);
        read
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let (written, reader) = {
            let mut pipe = self.to.lock();
            (pipe.write(bytes), pipe.reader.take())
        };
        wake([reader]);
        written
    }

    fn try_write_vectored(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let mut n_bytes = 0;
        for slice in slices.iter().filter(|it| !it.is_empty()) {
            match self.try_write(slice) {
                Ok(taken) => n_bytes += taken,
                Err(error) if n_bytes == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(n_bytes)
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.from.lock();
        if 0 < pipe.n_waiting() || pipe.is_closed {
            return Poll::Ready(Ok(()));
        }
        pipe.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.to.lock();
        if pipe.n_waiting() < WINDOW || pipe.is_closed {
            return Poll::Ready(Ok(()));
        }
        pipe.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn shutdown(&self, how: Shutdown) {
        if how != Shutdown::Read {
            let wakers = self.to.lock().close();
            wake(wakers);
        }
        if how == Shutdown::Both {
            let wakers = self.from.lock().close();
            wake(wakers);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The peer reads to the end and then sees that nobody is there.
        self.shutdown(Shutdown::Both);
    }
}
