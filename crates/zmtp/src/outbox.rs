//! What a session itself has to say; bounded whatever the peer does.

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::command::{MAX_CONTEXT, put_ping, put_pong};

/// How many answers to `PING` wait at most; the oldest gives way.
pub(crate) const MAX_PONGS: usize = 8;

/// The session's own words, waiting to be written.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Greeting, `READY`, `ERROR`: each is written once.
    pub(crate) handshake: BytesMut,
    ping: Option<u16>,
    // Invariant: at most MAX_PONGS.
    pongs: VecDeque<Context>,
}

#[derive(Debug)]
struct Context {
    len: usize,
    bytes: [u8; MAX_CONTEXT],
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.handshake.is_empty() && self.ping.is_none() && self.pongs.is_empty()
    }

    /// Queues a `PING`, unless one is waiting already.
    pub(crate) fn ping(&mut self, ttl_tenths: u16) {
        self.ping = Some(ttl_tenths);
    }

    /// Queues the answer to a `PING` with this context, which was checked to be short.
    pub(crate) fn pong(&mut self, context: &[u8]) {
        if self.pongs.len() == MAX_PONGS {
            self.pongs.pop_front();
        }
        let mut bytes = [0; MAX_CONTEXT];
        bytes[..context.len()].copy_from_slice(context);
        self.pongs.push_back(Context { len: context.len(), bytes });
    }

    /// Appends everything to `out`.
    pub(crate) fn take(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(&self.handshake);
        self.handshake = BytesMut::new();
        for it in self.pongs.drain(..) {
            put_pong(&it.bytes[..it.len], out);
        }
        if let Some(ttl_tenths) = self.ping.take() {
            put_ping(ttl_tenths, out);
        }
    }
}
