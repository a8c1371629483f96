//! One connection, as the network sees it.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;

use bytes::BytesMut;
use tokio::time::Instant;

use super::agenda::{Item, Side};

#[derive(Debug)]
pub(super) struct Link {
    /// Bytes until it breaks, and whether in silence.
    pub(super) doom: Option<(u64, bool)>,
    pub(super) ends: [End; 2],
    /// Nothing arrives any more, and nobody is told.
    pub(super) is_silent: bool,
}

/// What one side has of a connection.
#[derive(Debug)]
pub(super) struct End {
    /// Arrived and not read.
    pub(super) arrived: BytesMut,
    /// Nobody reads or writes here any more.
    pub(super) closed: bool,
    /// Why the connection is over.
    pub(super) error: Option<io::ErrorKind>,
    /// The peer writes nothing more.
    pub(super) fin: bool,
    /// It is known when it gives up on what nobody acknowledges.
    pub(super) gives_up: bool,
    /// Waits at a cut, on its way to here.
    pub(super) held: VecDeque<Item>,
    pub(super) host: String,
    /// When the last item on its way arrives here.
    pub(super) last_arrival: Instant,
    /// When the line to here has sent what was given to it.
    pub(super) line_free: Instant,
    /// Bytes on their way to here.
    pub(super) on_the_way: usize,
    /// The next wait for reading or writing is a short one.
    pub(super) hiccup: [bool; 2],
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
    /// It writes nothing more.
    pub(super) wrote_fin: bool,
}

impl Link {
    pub(super) fn new(dialler: &str, listener: &str, now: Instant) -> Self {
        let ends = [End::new(dialler, now), End::new(listener, now)];
        Self { doom: None, ends, is_silent: false }
    }

    pub(super) fn hosts(&self) -> (&str, &str) {
        (&self.ends[0].host, &self.ends[1].host)
    }

    /// Whether it has an end on this host.
    pub(super) fn touches(&self, host: &str) -> bool {
        self.ends.iter().any(|it| it.host == host)
    }

    /// Bytes that `from` has written and its peer has not read.
    pub(super) fn unread(&self, from: Side) -> usize {
        let peer = &self.ends[1 - from];
        peer.on_the_way + peer.arrived.len()
    }

    pub(super) fn is_over(&self) -> bool {
        self.ends.iter().all(|it| it.closed)
    }
}

impl End {
    fn new(host: &str, now: Instant) -> Self {
        Self {
            arrived: BytesMut::new(),
            closed: false,
            error: None,
            fin: false,
            gives_up: false,
            held: VecDeque::new(),
            host: host.to_owned(),
            last_arrival: now,
            line_free: now,
            on_the_way: 0,
            hiccup: [false; 2],
            reader: None,
            writer: None,
            wrote_fin: false,
        }
    }

    /// Whoever waits here.
    pub(super) fn wakers(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.reader.take().into_iter().chain(self.writer.take())
    }

    pub(super) fn is_readable(&self) -> bool {
        !self.arrived.is_empty() || self.fin || self.closed || self.error.is_some()
    }
}
