//! What came in from all peers, until somebody takes it: one bounded queue per peer, taken in turn.

mod entrance;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Waker};

use gleis_transport::{HighWater, Inbound, Inbox};
use parking_lot::Mutex;

use crate::batch::Batch;
use crate::core::Role;
use crate::intake::entrance::Entrance;
use crate::lane::{Lane, Wakers};
use crate::options::Settings;
use crate::peer::{Exit, Link};

/// How many messages are taken under one lock at most.
const BATCH: usize = 256;
/// What peers that are gone may leave behind, in bytes; beyond it the oldest is dropped.
const LEGACY: usize = 64 << 20;
/// How many peers that are gone may always leave something; each costs more than its messages.
const LEGACIES: usize = 1_000;

/// The queues of a receiving socket.
///
/// One lock for all of them: it is taken once per batch on either side.
pub(crate) struct Intake {
    /// How many messages are taken under one lock: never so many that the peer starves meanwhile.
    batch: usize,
    conflates: bool,
    /// How many peers that are gone may leave something.
    legacies: usize,
    mark: HighWater,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    free: Vec<usize>,
    /// Peers that are gone and left something, oldest first.
    gone: VecDeque<usize>,
    /// Lanes whose messages the taker holds.
    lent: Vec<usize>,
    /// Lanes where something waits, in turn.
    ready: VecDeque<usize>,
    lanes: Vec<Option<Lane>>,
    /// How many want lanes to be wide.
    n_wide: usize,
    waker: Option<Waker>,
}

impl Intake {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mark = settings.options.recv_high_water;
        let conflates = settings.conflate;
        // Of what was taken at once the later ones would be old when their turn comes.
        let batch = if conflates { 1 } else { (mark.messages / 4).clamp(1, BATCH) };
        let legacies = settings.options.max_connections.max(LEGACIES);
        Self { batch, conflates, legacies, mark, state: Mutex::default() }
    }

    /// Takes the next messages, one of each peer in turn; what was taken before is now done with.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<bool> {
        if let Some(taken) = self.take(batch, None) {
            return Poll::Ready(taken);
        }
        // Whoever waits for a single peer reads for itself, and need not be woken for that.
        let only = self.state.lock().only_link();
        if let Some(only) = only {
            only.poll_direct(cx);
        }
        self.take(batch, Some(cx)).map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes what waits and does not ask for more: what comes next is read by the link itself.
    pub(crate) fn take_now(&self, batch: &mut Batch) -> Option<bool> {
        let taken = self.take(batch, None);
        if taken.is_none() {
            let only = self.state.lock().only_link();
            only.into_iter().for_each(|it| it.give_up_direct());
        }
        taken
    }

    /// Until it is [narrow](Self::narrow) again, peers have room for any number of messages, as many as
    /// the mark in bytes allows.
    pub(crate) fn widen(&self) {
        self.remark(|n_wide| n_wide + 1);
    }

    pub(crate) fn narrow(&self) {
        // The end of a socket narrows it as well.
        self.remark(|n_wide| n_wide.saturating_sub(1));
    }

    fn remark(&self, change: impl FnOnce(usize) -> usize) {
        let mut woken = Wakers::default();
        let mut state = self.state.lock();
        state.n_wide = change(state.n_wide);
        let mark = self.mark(&state);
        for lane in state.lanes.iter_mut().flatten() {
            lane.remark(mark, &mut woken);
        }
        drop(state);
        woken.wake();
    }

    /// The mark of each lane at present.
    fn mark(&self, state: &State) -> HighWater {
        let mut mark = self.mark;
        if 0 < state.n_wide {
            mark.messages = usize::MAX;
        }
        mark
    }

    /// Has whoever waits look again.
    pub(crate) fn wake(&self) {
        let waker = self.state.lock().waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Takes what waits, or says that nothing will come any more. If neither, the task of `waiter`,
    /// and no other, is woken by what comes next.
    fn take(&self, batch: &mut Batch, waiter: Option<&mut Context<'_>>) -> Option<bool> {
        let mut state = self.state.lock();
        let (mut woken, mut freed) = (Wakers::default(), Vec::new());
        state.settle(&mut woken, &mut freed);
        state.fill(batch, self.batch);
        if self.batch == 1 {
            // It is with the user at once: a mark of one would be reached until the next call.
            state.settle(&mut woken, &mut freed);
        }
        let taken = match batch.is_empty() {
            false => Some(true),
            true if state.closed => Some(false),
            true => {
                state.waker = waiter.map(|it| it.waker().clone());
                None
            }
        };
        drop(state);
        woken.wake();
        drop(freed);
        taken
    }
}

impl Role for Intake {
    fn attach(self: Arc<Self>, link: &Arc<Link>, exit: Exit) -> Arc<dyn Inbox> {
        let full = Arc::new(AtomicBool::new(false));
        let mut state = self.state.lock();
        let mark = self.mark(&state);
        let lane = Lane::new(link.clone(), full.clone(), mark, self.conflates);
        let at = match state.free.pop() {
            Some(at) => at,
            None => {
                state.lanes.push(None);
                state.lanes.len() - 1
            }
        };
        state.lanes[at] = Some(lane);
        let _ = link.lane.set(at);
        drop(state);
        Arc::new(Entrance { at, exit, full, intake: self })
    }

    /// What the link brought stays.
    fn detach(&self, link: &Arc<Link>) {
        let Some(at) = link.lane.get().copied() else {
            return;
        };
        let mut state = self.state.lock();
        let ours = |it: &&mut Lane| it.link.id == link.id && !it.gone;
        let lane = state.lanes.get_mut(at).and_then(Option::as_mut).filter(ours);
        let Some(lane) = lane else {
            return;
        };
        lane.gone = true;
        state.gone.push_back(at);
        let freed = state.free_if_over(at);
        let trimmed = state.trim_legacy(self.legacies);
        // What is dropped may close links, which come back here.
        drop(state);
        drop((freed, trimmed));
    }

    fn close(&self) {}

    /// What waits is dropped, whoever waits is woken.
    fn end(&self) {
        let mut state = self.state.lock();
        let old = std::mem::replace(&mut *state, State { closed: true, ..State::default() });
        drop(state);
        for mut lane in old.lanes.into_iter().flatten() {
            drop(lane.clear());
            lane.end().wake();
        }
        old.waker.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// What the taker had is done with: makes room.
    fn settle(&mut self, woken: &mut Wakers, freed: &mut Vec<Lane>) {
        while let Some(at) = self.lent.pop() {
            if let Some(lane) = &mut self.lanes[at] {
                lane.settle(woken);
            }
            freed.extend(self.free_if_over(at));
        }
    }

    fn fill(&mut self, batch: &mut Batch, most: usize) {
        while batch.len() < most {
            let Some(at) = self.ready.pop_front() else {
                return;
            };
            let Some(lane) = &mut self.lanes[at] else {
                continue;
            };
            // Alone, a peer has every turn.
            let turns = if self.ready.is_empty() { most - batch.len() } else { 1 };
            if !lane.has_lent() {
                self.lent.push(at);
            }
            lane.lend(turns, batch);
            if lane.list() {
                self.ready.push_back(at);
            }
        }
    }

    /// The peer, if there is one alone.
    fn only_link(&self) -> Option<Arc<Link>> {
        let is_alone = self.lanes.len() - self.free.len() == 1;
        let lane = is_alone.then(|| self.lanes.iter().flatten().next())??;
        Some(lane.link.clone())
    }

    /// Frees the lane of a peer that is gone and of which nothing is left.
    fn free_if_over(&mut self, at: usize) -> Option<Lane> {
        let over = self.lanes[at].as_ref().is_some_and(Lane::is_over);
        if !over {
            return None;
        }
        self.free.push(at);
        self.gone.retain(|it| *it != at);
        self.lanes[at].take()
    }

    /// Drops the oldest legacy while there is too much of it.
    fn trim_legacy(&mut self, most: usize) -> (Vec<Inbound>, Vec<Lane>) {
        let (mut items, mut freed) = (Vec::new(), Vec::new());
        let bytes = |state: &Self, at: usize| state.lanes[at].as_ref().map_or(0, Lane::bytes);
        let mut total: usize = self.gone.iter().map(|at| bytes(self, *at)).sum();
        while (LEGACY < total || most < self.gone.len()) && 1 < self.gone.len() {
            let Some(at) = self.gone.pop_front() else {
                break;
            };
            total -= bytes(self, at);
            if let Some(lane) = &mut self.lanes[at] {
                items.extend(lane.clear());
            }
            self.ready.retain(|it| *it != at);
            freed.extend(self.free_if_over(at));
        }
        (items, freed)
    }
}
