//! One request, as whoever answers sees it.

use gleis_codec::AnyCodec;
use gleis_core::Deadline;
use gleis_patterns::{PeerId, Route, WeakRoute};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A request from when it came until it is answered, or need not be any more.
pub(crate) struct Case {
    /// What it was asked in, and is answered in.
    pub(crate) codec: AnyCodec,
    /// Told when it is over.
    changed: Notify,
    pub(crate) deadline: Deadline,
    pub(crate) id: u64,
    pub(crate) peer: PeerId,
    /// Where the answer goes.
    pub(crate) route: WeakRoute,
    state: Mutex<State>,
}

struct State {
    /// A handler has it: what becomes of it is decided when the handler is done.
    held: bool,
    /// The handle was dropped while the handler had it.
    let_go: bool,
    phase: Phase,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// It was given up by whoever asked.
    Cancelled,
    /// Whoever asked is gone.
    Gone,
    Open,
    /// It was answered, or never will be.
    Over,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    Answered,
    Cancelled,
    Dropped,
    Expired,
    Failed,
    Gone,
    Unanswered,
}

impl Case {
    pub(crate) fn new(route: &Route, id: u64, deadline: Deadline, codec: AnyCodec) -> Self {
        let (peer, route) = (route.peer().clone(), route.downgrade());
        let state = Mutex::new(State { held: false, let_go: false, phase: Phase::Open });
        Self { codec, changed: Notify::new(), deadline, id, peer, route, state }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// Ends it; false if it is over already.
    pub(crate) fn end(&self, end: End) -> bool {
        {
            let mut state = self.state.lock();
            if state.phase != Phase::Open {
                return false;
            }
            state.phase = match end {
                End::Cancelled => Phase::Cancelled,
                End::Gone => Phase::Gone,
                End::Answered | End::Dropped | End::Expired | End::Failed | End::Unanswered => {
                    Phase::Over
                }
            };
        }
        self.changed.notify_waiters();
        true
    }

    /// Waits until it is over.
    pub(crate) async fn ended(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.phase() != Phase::Open {
                return;
            }
            changed.await;
        }
    }

    /// A handler has it.
    pub(crate) fn hold(&self) {
        self.state.lock().held = true;
    }

    /// The handler is done; true if it let go of the request without an answer.
    pub(crate) fn release(&self) -> bool {
        let mut state = self.state.lock();
        state.held = false;
        state.let_go && state.phase == Phase::Open
    }

    /// The handle is dropped; true if nobody else decides what is answered.
    pub(crate) fn let_go(&self) -> bool {
        let mut state = self.state.lock();
        state.let_go = true;
        !state.held && state.phase == Phase::Open
    }
}
