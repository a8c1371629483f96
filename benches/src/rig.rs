//! Two sides on two threads, and turns to be timed.

use std::error::Error;
use std::fmt::Display;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// How a side ends.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Where the two sides run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cores {
    /// Wherever the system puts them.
    Any,
    /// Both on one core: no idle core has to wake up.
    One,
    /// As [`Any`](Self::Any), each side with a runtime of two workers.
    Workers,
}

/// One way of moving messages, ready to be timed.
///
/// Dropping it stops both sides and waits for their threads.
#[derive(Debug)]
pub struct Rig {
    driver: Option<JoinHandle<()>>,
    server: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    times: mpsc::Receiver<Duration>,
    turns: Option<UnboundedSender<u64>>,
}

impl Rig {
    /// A rig with one side, which does all the work.
    ///
    /// # Panics
    /// If the system gives no thread.
    pub fn alone<D>(drive: D) -> Self
    where
        D: AsyncFnOnce(Turns) -> Outcome + Send + 'static,
    {
        Self::driven(Cores::Any, drive)
    }

    fn driven<D>(cores: Cores, drive: D) -> Self
    where
        D: AsyncFnOnce(Turns) -> Outcome + Send + 'static,
    {
        let (turns, theirs, times) = turns();
        let driver = std::thread::spawn(move || {
            let driven = runtime(cores).block_on(drive(theirs));
            driven.expect("the driving side works");
        });
        Self { driver: Some(driver), server: None, times, turns: Some(turns) }
    }

    /// A rig of two sides: `serve` says where it is and runs until it is stopped, `drive` works off
    /// the turns.
    ///
    /// # Panics
    /// If the system gives no thread, or `serve` ends before it says where it is.
    pub fn pair<T, S, D>(cores: Cores, serve: S, drive: D) -> Self
    where
        T: Send + 'static,
        S: AsyncFnOnce(Ready<T>) -> Outcome + Send + 'static,
        D: AsyncFnOnce(Turns, T) -> Outcome + Send + 'static,
    {
        let (ready, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let server = std::thread::spawn(move || {
            take_place(cores);
            runtime(cores).block_on(async {
                tokio::select! {
                    // That the driver leaves is an error to most; a real one shows on its side.
                    _ = serve(Ready(ready)) => (),
                    _ = stopped => (),
                }
            });
        });
        let at = told.recv().expect("the serving side says where it is");
        let mut rig = Self::driven(cores, async move |turns| {
            take_place(cores);
            drive(turns, at).await
        });
        rig.server = Some((stop, server));
        rig
    }

    /// Moves `n` messages and returns how long that took.
    ///
    /// # Panics
    /// If a side failed.
    pub fn turn(&mut self, n: u64) -> Duration {
        let told = self.turns.as_ref().is_some_and(|it| it.send(n).is_ok());
        assert!(told, "the driving side is there");
        self.times.recv().expect("the driving side works")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.turns = None;
        // A side that panicked has said so itself.
        let _ = self.driver.take().map(JoinHandle::join);
        if let Some((stop, server)) = self.server.take() {
            drop(stop);
            let _ = server.join();
        }
    }
}

/// The turns to work off.
#[derive(Debug)]
pub struct Turns {
    times: mpsc::Sender<Duration>,
    turns: UnboundedReceiver<u64>,
}

impl Turns {
    /// Waits for the next turn and says how many messages are to be moved; `None` at the end.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn next(&mut self) -> Option<u64> {
        self.turns.recv().await
    }

    /// Tells how long the turn would have taken had every message been the median one: what the
    /// machine does beside it does not count.
    pub fn done_each(&self, times: &mut Vec<Duration>) {
        self.done_quantile(times, 0.5);
    }

    /// As [`done_each`](Self::done_each), for the message that takes longer than this part of all.
    pub fn done_quantile(&self, times: &mut Vec<Duration>, quantile: f64) {
        times.sort_unstable();
        let at = (times.len() as f64 * quantile) as usize;
        let time = times.get(at.min(times.len().saturating_sub(1))).copied().unwrap_or_default();
        self.done(time * u32::try_from(times.len()).unwrap_or(u32::MAX));
        times.clear();
    }

    /// Tells how long the turn took.
    pub fn done(&self, time: Duration) {
        // A rig that is being dropped does not listen any more.
        let _ = self.times.send(time);
    }
}

fn turns() -> (UnboundedSender<u64>, Turns, mpsc::Receiver<Duration>) {
    let (send_turn, turns) = unbounded_channel();
    let (times, recv_time) = mpsc::channel();
    (send_turn, Turns { times, turns }, recv_time)
}

/// The place where a serving side says where it is.
#[derive(Debug)]
pub struct Ready<T>(mpsc::Sender<T>);

impl<T> Ready<T> {
    /// Says it, once.
    pub fn tell(self, at: T) {
        // Whoever builds the rig waits for it.
        let _ = self.0.send(at);
    }
}

/// By this the receiving side tells the sending one that a turn is over.
pub fn confirmation() -> (Confirm, Confirmed) {
    let (confirm, confirmed) = unbounded_channel();
    (Confirm(confirm), Confirmed(confirmed))
}

/// The receiving side's end of a [`confirmation`].
#[derive(Clone, Debug)]
pub struct Confirm(UnboundedSender<()>);

impl Confirm {
    /// Everything has arrived.
    pub fn tell(&self) {
        // A driver that is gone needs no confirmation.
        let _ = self.0.send(());
    }
}

/// The sending side's end of a [`confirmation`].
#[derive(Debug)]
pub struct Confirmed(UnboundedReceiver<()>);

impl Confirmed {
    /// How many receivers have told since it was last looked.
    pub fn drain(&mut self) -> usize {
        std::iter::from_fn(|| self.0.try_recv().ok()).count()
    }

    /// Waits until `n` receivers have everything.
    ///
    /// # Errors
    /// If the receiving side failed.
    pub async fn wait(&mut self, n: usize) -> Outcome {
        for _ in 0..n {
            self.0.recv().await.ok_or("the receiving side is gone")?;
        }
        Ok(())
    }
}

/// How long something takes in a task of its own.
///
/// To wake what a runtime blocks on costs a call into the system, which is not what is asked for of two
/// that talk within a program.
///
/// # Errors
/// Those of the work.
pub async fn in_task<E: Display + Send + 'static>(
    work: impl Future<Output = Result<(), E>> + Send + 'static,
) -> Result<Duration, Box<dyn Error>> {
    let timed = tokio::spawn(async {
        let start = Instant::now();
        work.await.map(|()| start.elapsed()).map_err(|it| it.to_string())
    });
    Ok(timed.await??)
}

/// Whether threads can be put on a core here.
pub fn can_pin() -> bool {
    let pinned = std::thread::spawn(|| take_place(Cores::One)).join();
    pinned.unwrap_or(false)
}

/// Puts this thread where it belongs; false if the system does not let us.
fn take_place(cores: Cores) -> bool {
    let first = || core_affinity::get_core_ids()?.into_iter().next();
    cores != Cores::One || first().is_some_and(core_affinity::set_for_current)
}

fn runtime(cores: Cores) -> Runtime {
    let mut builder = match cores {
        Cores::Any | Cores::One => Builder::new_current_thread(),
        Cores::Workers => Builder::new_multi_thread(),
    };
    // Of a single thread there is one worker, whatever is asked for.
    let built = builder.worker_threads(2).enable_all().build();
    built.expect("the system gives a runtime")
}
