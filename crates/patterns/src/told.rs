//! What a peer is still to be told beside messages.

use std::collections::VecDeque;

use gleis_transport::{Control, Sender};
use parking_lot::Mutex;

/// Controls for one peer, told in the order in which they were queued, whoever queued them.
#[derive(Default)]
pub(crate) struct Told {
    outbox: Mutex<Outbox>,
}

#[derive(Default)]
struct Outbox {
    busy: bool,
    controls: VecDeque<Control>,
}

impl Told {
    /// Queues a control. If true, the caller has to [`tell`](Self::tell) it once no lock is held;
    /// otherwise somebody is telling already and will find it.
    #[must_use]
    pub(crate) fn queue(&self, control: Control) -> bool {
        let mut outbox = self.outbox.lock();
        outbox.controls.push_back(control);
        !std::mem::replace(&mut outbox.busy, true)
    }

    /// Tells what waits. No lock is held meanwhile: on inproc the peer's answer may come back into
    /// this very call.
    pub(crate) fn tell(&self, sender: &Sender) {
        loop {
            let control = {
                let mut outbox = self.outbox.lock();
                let next = outbox.controls.pop_front();
                outbox.busy = next.is_some();
                next
            };
            let Some(control) = control else {
                return;
            };
            // A link that is over needs not be told; the next one is told everything.
            let _ = sender.control(control);
        }
    }
}
