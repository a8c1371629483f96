//! What waits for a peer to come: the queue of a socket that takes messages while it has none.

use std::collections::VecDeque;
use std::sync::Arc;

use gleis_codec::{AnyCodec, Message};
use gleis_transport::HighWater;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::SendError;
use crate::ledger::Ledger;
use crate::local::Outgoing;
use crate::options::Settings;
use crate::parcel::Parcel;
use crate::ring::{Offered, Ring};
use crate::sending::offer;
use crate::stats::DropReason;

/// A message that waits, of whatever type.
trait Waiting: Send {
    fn offer(&mut self, ring: &Ring, ledger: &Ledger) -> Offered<Result<(), SendError>>;
}

impl<T: Message> Waiting for Parcel<T, T> {
    fn offer(&mut self, ring: &Ring, ledger: &Ledger) -> Offered<Result<(), SendError>> {
        offer(ring, ledger, self)
    }
}

/// A bounded queue in front of a [`Ring`], in use while there is nobody in the ring. A task of the
/// socket passes on what waits, in order; until all is through, what comes later queues behind.
pub(crate) struct Front {
    /// Told when something is queued, passed on or given up, and at the end.
    changed: Notify,
    codec: Option<AnyCodec>,
    ledger: Arc<Ledger>,
    mark: HighWater,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of all that waits and of what is being offered.
    bytes: usize,
    closed: bool,
    ended: bool,
    items: VecDeque<(usize, Box<dyn Waiting>)>,
    /// The first one is being offered to the ring.
    offering: bool,
}

/// Where a send has to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gate {
    /// Into the queue: others wait already.
    Behind,
    Closed,
    /// To the ring.
    Open,
}

impl State {
    fn len(&self) -> usize {
        self.items.len() + usize::from(self.offering)
    }

    fn has_room(&self, mark: HighWater) -> bool {
        self.len() < mark.messages && self.bytes < mark.bytes
    }

    fn push<T: Message, M: Outgoing<T>>(&mut self, weight: usize, parcel: &mut Parcel<T, M>) {
        self.bytes += weight;
        self.items.push_back((weight, Box::new(parcel.own())));
    }
}

impl Front {
    pub(crate) fn new(ledger: Arc<Ledger>, settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            changed: Notify::new(),
            codec: settings.codec.clone(),
            ledger,
            mark: settings.options.send_high_water,
            state: Mutex::default(),
        })
    }

    /// Messages that wait.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().len()
    }

    pub(crate) fn gate(&self) -> Gate {
        let state = self.state.lock();
        match state.len() {
            _ if state.closed => Gate::Closed,
            0 => Gate::Open,
            _ => Gate::Behind,
        }
    }

    /// Queues a message if there is room.
    pub(crate) fn push<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
    ) -> Offered<Result<(), SendError>> {
        let weight = self.weigh(parcel);
        {
            let mut state = self.state.lock();
            if state.closed {
                return Offered::Closed;
            }
            if !state.has_room(self.mark) {
                return Offered::Full;
            }
            state.push(weight, parcel);
        }
        self.changed.notify_waiters();
        Offered::Done(Ok(()))
    }

    /// Queues a message, giving up the oldest while there is no room.
    pub(crate) fn displace<T: Message, M: Outgoing<T>>(
        &self,
        parcel: &mut Parcel<T, M>,
    ) -> Result<(), SendError> {
        let weight = self.weigh(parcel);
        let mut given_up = Vec::new();
        {
            let mut state = self.state.lock();
            if state.closed {
                return Err(SendError::Closed);
            }
            while !state.has_room(self.mark)
                && let Some((weight, oldest)) = state.items.pop_front()
            {
                state.bytes -= weight;
                given_up.push(oldest);
            }
            state.push(weight, parcel);
        }
        self.changed.notify_waiters();
        self.ledger.lose(DropReason::Full, given_up.len() as u64);
        Ok(())
    }

    /// What a message costs: its length in our codec, since nobody knows yet which one is spoken.
    fn weigh<T: Message, M: Outgoing<T>>(&self, parcel: &mut Parcel<T, M>) -> usize {
        match &self.codec {
            Some(codec) => parcel.weigh(codec),
            None => parcel.weigh(&AnyCodec::default_for::<T>()),
        }
    }

    /// Waits until something has changed since `look` was last false.
    async fn until(&self, mut look: impl FnMut(&State) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if look(&self.state.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Waits until there may be room, or until nobody has to queue any more.
    pub(crate) async fn room(&self) {
        self.until(|it| it.closed || it.len() == 0 || it.has_room(self.mark)).await;
    }

    /// The task: passes on what waits, whenever there is somebody to take it.
    pub(crate) async fn drain(self: Arc<Self>, ring: Arc<Ring>) {
        loop {
            self.until(|it| it.ended || !it.items.is_empty()).await;
            if !ring.until(|| self.pass_on(&ring)).await {
                return;
            }
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Offers the oldest to the ring; `None` if nobody takes it now, false if nobody ever will.
    fn pass_on(&self, ring: &Ring) -> Option<bool> {
        let (weight, mut parcel) = {
            let mut state = self.state.lock();
            if state.ended {
                return Some(false);
            }
            let Some(first) = state.items.pop_front() else {
                return Some(true);
            };
            state.offering = true;
            first
        };
        let offered = parcel.offer(ring, &self.ledger);
        let mut state = self.state.lock();
        state.offering = false;
        let (res, lost) = match offered {
            // One that cannot be encoded is counted.
            Offered::Done(_) => {
                state.bytes -= weight;
                (Some(true), false)
            }
            _ if state.ended => (Some(false), true),
            offered => {
                state.items.push_front((weight, parcel));
                (if matches!(offered, Offered::Closed) { Some(false) } else { None }, false)
            }
        };
        drop(state);
        self.ledger.lose(DropReason::Closed, u64::from(lost));
        self.changed.notify_waiters();
        res
    }

    /// Takes nothing more; what waits may still go.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// Waits until nothing waits.
    pub(crate) async fn drained(&self) {
        self.until(|it| it.len() == 0).await;
    }

    /// Waits until nothing is half-way into the ring, which takes no time once that is closed.
    pub(crate) async fn settled(&self) {
        self.until(|it| !it.offering).await;
    }

    /// Gives up what waits, which is counted; returns how many that are.
    pub(crate) fn end(&self) -> usize {
        let items = {
            let mut state = self.state.lock();
            (state.closed, state.ended) = (true, true);
            std::mem::take(&mut state.items)
        };
        self.ledger.lose(DropReason::Closed, items.len() as u64);
        self.changed.notify_waiters();
        items.len()
    }
}
