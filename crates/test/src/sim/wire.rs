//! The two ends of a simulated byte stream.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use gleis_transport::Wire;

use super::Shared;
use super::agenda::{Item, Side};
use super::state::State;

/// The places of [`End::hiccup`](super::link::End).
const READ: usize = 0;
const WRITE: usize = 1;

#[derive(Debug)]
pub(super) struct Stream {
    id: u64,
    shared: Arc<Shared>,
    side: Side,
}

impl Stream {
    pub(super) fn new(shared: &Arc<Shared>, id: u64, side: Side) -> Self {
        Self { id, shared: shared.clone(), side }
    }
}

impl Wire for Stream {
    fn try_read(&self, into: &mut BytesMut) -> io::Result<usize> {
        self.shared.change(|state| read(state, self.id, self.side, into))
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.shared.change(|state| write(state, self.id, self.side, bytes))
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.change(|state| {
            let Some(link) = state.links.get_mut(&self.id) else { return Poll::Ready(Ok(())) };
            let end = &mut link.ends[self.side];
            if std::mem::take(&mut end.hiccup[READ]) {
                state.woken.push(cx.waker().clone());
                return Poll::Pending;
            }
            if end.is_readable() {
                return Poll::Ready(Ok(()));
            }
            end.reader = Some(cx.waker().clone());
            Poll::Pending
        })
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.change(|state| {
            let Some(link) = state.links.get_mut(&self.id) else { return Poll::Ready(Ok(())) };
            let unread = link.unread(self.side);
            let window = state.weathers_of(self.id).window;
            let Some(link) = state.links.get_mut(&self.id) else { return Poll::Ready(Ok(())) };
            let end = &mut link.ends[self.side];
            if std::mem::take(&mut end.hiccup[WRITE]) {
                state.woken.push(cx.waker().clone());
                return Poll::Pending;
            }
            if unread < window || end.closed || end.error.is_some() {
                return Poll::Ready(Ok(()));
            }
            end.writer = Some(cx.waker().clone());
            Poll::Pending
        })
    }

    fn shutdown(&self, how: Shutdown) {
        self.shared.change(|state| match how {
            Shutdown::Both => state.close(self.id, self.side),
            Shutdown::Write => fin(state, self.id, self.side),
            Shutdown::Read => (),
        });
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // As the system does when the last handle of a socket goes.
        self.shared.change(|state| state.close(self.id, self.side));
    }
}

/// Sets the end up for one short wait, if chance will have it.
fn hiccup(state: &mut State, id: u64, side: Side, kind: usize) -> io::Result<()> {
    let share = state.weathers_of(id).hiccups;
    if !state.chance(share) {
        return Ok(());
    }
    if let Some(link) = state.links.get_mut(&id) {
        link.ends[side].hiccup[kind] = true;
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// How much of `n_bytes` passes at once.
fn piece(state: &mut State, id: u64, n_bytes: usize) -> usize {
    let range = state.weathers_of(id).piece;
    if range.end() <= &1 || range.start() == &usize::MAX {
        return n_bytes.min(*range.end()).max(1);
    }
    n_bytes.min(state.rng.usize(range)).max(1)
}

fn read(state: &mut State, id: u64, side: Side, into: &mut BytesMut) -> io::Result<usize> {
    let Some(link) = state.links.get_mut(&id) else { return Ok(0) };
    let end = &link.ends[side];
    if end.arrived.is_empty() {
        return match end.error {
            Some(error) => Err(error.into()),
            None if end.fin || end.closed => Ok(0),
            None => Err(io::ErrorKind::WouldBlock.into()),
        };
    }
    hiccup(state, id, side, READ)?;
    let room = (into.capacity() - into.len()).max(1);
    let most = piece(state, id, room);
    let Some(link) = state.links.get_mut(&id) else { return Ok(0) };
    let arrived = &mut link.ends[side].arrived;
    let n_bytes = arrived.len().min(most);
    into.extend_from_slice(&arrived[..n_bytes]);
    arrived.advance(n_bytes);
    // The window has opened.
    state.woken.extend(link.ends[1 - side].writer.take());
    Ok(n_bytes)
}

fn write(state: &mut State, id: u64, side: Side, bytes: &[u8]) -> io::Result<usize> {
    let Some(link) = state.links.get(&id) else { return Err(io::ErrorKind::BrokenPipe.into()) };
    let end = &link.ends[side];
    if let Some(error) = end.error {
        return Err(error.into());
    }
    if end.closed || end.wrote_fin {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    if bytes.is_empty() {
        return Ok(0);
    }
    let unread = link.unread(side);
    let room = state.weathers_of(id).window.saturating_sub(unread);
    if room == 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    hiccup(state, id, side, WRITE)?;
    let n_bytes = piece(state, id, room.min(bytes.len()));
    state.send_bytes(id, side, &bytes[..n_bytes]);
    Ok(n_bytes)
}

fn fin(state: &mut State, id: u64, side: Side) {
    let Some(link) = state.links.get_mut(&id) else { return };
    let end = &mut link.ends[side];
    if !end.wrote_fin && !end.closed && end.error.is_none() {
        end.wrote_fin = true;
        state.send(id, side, Item::Fin);
    }
}
