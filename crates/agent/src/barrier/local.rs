//! Where tasks and agents of one program wait for each other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::timeout};

use crate::CallError;

/// Where so many wait for each other: nobody goes on before all have come. Cheap to clone; clones are the same one.
///
/// It is there again for the next round as soon as all have come. If somebody waits in vain, gives up, or the barrier
/// is [reset](Self::reset), it is broken: all who wait are told at once, and so is whoever comes, until it is reset.
///
/// ```
/// # use std::time::Duration;
/// use gleis_agent::Barrier;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> gleis_agent::Result {
/// let barrier = Barrier::new(2);
/// let other = tokio::spawn({
///     let barrier = barrier.clone();
///     async move { barrier.wait(Duration::from_secs(10)).await }
/// });
/// let mine = barrier.wait(Duration::from_secs(10)).await?;
/// let other = other.await??;
/// assert_eq!((mine.round, other.round), (0, 0));
/// // One of them does what is to be done once.
/// assert_ne!(mine.is_last, other.is_last);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Barrier {
    n_parties: usize,
    state: Arc<Mutex<State>>,
}

struct State {
    round: Arc<Round>,
    n_here: usize,
}

struct Round {
    number: u64,
    /// Told once.
    end: watch::Sender<Option<Result<(), Break>>>,
}

impl Round {
    fn new(number: u64) -> Arc<Self> {
        Arc::new(Self { number, end: watch::Sender::new(None) })
    }

    fn is_over(&self) -> Option<Result<(), Break>> {
        *self.end.borrow()
    }
}

/// That all have come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Arrival {
    /// Which time it was that all had come, from 0 on. A round that was broken counts.
    pub round: u64,
    /// Whether this one came last; one of them does.
    pub is_last: bool,
}

/// Why somebody does not go on.
#[derive(Clone, Debug, Deserialize, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// Somebody else broke it. It stays broken until it is reset.
    #[error("the barrier is broken: {why}")]
    Broken {
        /// How.
        why: Break,
    },
    /// The agent that keeps it did not answer, or is no more.
    #[error(transparent)]
    Call(CallError),
    /// Not all came in time, so this one broke it. It stays broken until it is reset.
    #[error("{n_here} of {n_parties} came within {within:?}")]
    Late {
        /// How many were there, with this one.
        n_here: usize,
        /// How many it needs.
        n_parties: usize,
        /// How long this one waited.
        within: Duration,
    },
}

/// How a barrier was broken.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Break {
    /// The agent that kept it has ended.
    Gone,
    /// Somebody waited in vain.
    Late,
    /// Somebody who waited gave up: its future was dropped.
    Left,
    /// It was reset while somebody waited.
    Reset,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the agent that kept it has ended",
            Self::Late => "somebody waited in vain",
            Self::Left => "somebody gave up",
            Self::Reset => "it was reset",
        })
    }
}

impl Barrier {
    /// A barrier for so many, one at least.
    pub fn new(n_parties: usize) -> Self {
        let state = State { round: Round::new(0), n_here: 0 };
        Self { n_parties: n_parties.max(1), state: Arc::new(Mutex::new(state)) }
    }

    /// Waits until as many wait as it is for.
    ///
    /// # Errors
    /// [`BarrierError::Late`] if not all come within this time, which breaks it; [`BarrierError::Broken`] if another
    /// one has broken it.
    ///
    /// # Cancel safety
    /// None: a future that is dropped while it waits breaks the barrier, since the others would wait for one who is
    /// not there.
    pub async fn wait(&self, within: Duration) -> Result<Arrival, BarrierError> {
        let (round, mut end) = {
            let mut state = self.state.lock();
            let round = state.round.clone();
            if let Some(Err(why)) = round.is_over() {
                return Err(BarrierError::Broken { why });
            }
            state.n_here += 1;
            if self.n_parties <= state.n_here {
                state.end(Ok(()));
                state.begin();
                return Ok(Arrival { round: round.number, is_last: true });
            }
            let end = round.end.subscribe();
            (round, end)
        };
        // It breaks the barrier if this is dropped, and does nothing once the round is over.
        let _here = Here { barrier: self, round: &round };
        let is_over = timeout(within, end.wait_for(Option::is_some)).await.is_ok();
        let n_here = match is_over {
            true => 0,
            false => self.break_round(&round, Break::Late).unwrap_or_default(),
        };
        match round.is_over() {
            Some(Ok(())) => Ok(Arrival { round: round.number, is_last: false }),
            Some(Err(why)) if n_here == 0 => Err(BarrierError::Broken { why }),
            _ => Err(BarrierError::Late { n_here, n_parties: self.n_parties, within }),
        }
    }

    /// Makes a barrier that is broken, or at which some wait, as it was in the beginning. Those who wait are told that
    /// it is [broken](Break::Reset).
    pub fn reset(&self) {
        let mut state = self.state.lock();
        let is_new = state.n_here == 0 && state.round.is_over().is_none();
        if !is_new {
            state.end(Err(Break::Reset));
            state.begin();
        }
    }

    /// Tells those who wait, and those who come, that the agent that kept it has ended.
    pub(super) fn give_up(&self) {
        let round = self.state.lock().round.clone();
        self.break_round(&round, Break::Gone);
    }

    /// How many it is for.
    pub fn parties(&self) -> usize {
        self.n_parties
    }

    /// How many wait now.
    pub fn waiting(&self) -> usize {
        self.state.lock().n_here
    }

    /// How it was broken, until it is [reset](Self::reset).
    pub fn broken(&self) -> Option<Break> {
        self.state.lock().round.is_over().and_then(Result::err)
    }

    /// Breaks a round that is not over; how many were there.
    fn break_round(&self, round: &Arc<Round>, why: Break) -> Option<usize> {
        let mut state = self.state.lock();
        let is_open = Arc::ptr_eq(&state.round, round) && round.is_over().is_none();
        is_open.then(|| {
            let n_here = std::mem::take(&mut state.n_here);
            state.end(Err(why));
            n_here
        })
    }
}

impl State {
    /// Tells all who wait, unless they have been told.
    fn end(&mut self, how: Result<(), Break>) {
        self.round.end.send_if_modified(|it| {
            let is_news = it.is_none();
            *it = it.or(Some(how));
            is_news
        });
    }

    fn begin(&mut self) {
        self.round = Round::new(self.round.number + 1);
        self.n_here = 0;
    }
}

/// One who waits.
struct Here<'a> {
    barrier: &'a Barrier,
    round: &'a Arc<Round>,
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        // The others would wait for one who is not there.
        self.barrier.break_round(self.round, Break::Left);
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.n_parties)
            .field("waiting", &self.waiting())
            .field("broken", &self.broken())
            .finish()
    }
}
