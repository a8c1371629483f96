//! Three processes that are killed and begin again at random, while they are called all the time.
//!
//! Ten seconds of it; `GLEIS_STORM_SECONDS` says how many else, and `GLEIS_STORM_SEED` when which one is killed.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::{Duration, Instant};

use gleis_agent::{
    CallError, Context, NameServerHandle, ProcessHandle, Proxy, Result, RunError, agent,
    run_agent_process, run_nameserver,
};
use gleis_test::wait::within;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::signal;

/// How many processes there are, and how many callers each has.
const N_PROCESSES: usize = 3;
const N_CALLERS: u64 = 4;

/// How long a call takes at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes down what it is told, where it stays when its process is killed.
#[derive(Deserialize, Serialize)]
pub(crate) struct Clerk {
    book: PathBuf,
    #[serde(skip)]
    file: Option<File>,
}

#[agent]
impl Clerk {
    async fn on_init(&mut self, _: &Context<Self>) -> Result {
        self.file = Some(OpenOptions::new().create(true).append(true).open(&self.book)?);
        Ok(())
    }

    /// One write: it is there or not.
    #[method]
    fn note(&mut self, n: u64) -> Result<u64> {
        let mut file = self.file.as_ref().ok_or("there is no book")?;
        file.write_all(&n.to_le_bytes())?;
        Ok(n)
    }
}

/// What became of the calls to one clerk.
#[derive(Default)]
struct Calls {
    done: BTreeSet<u64>,
    /// It may have been done.
    open: BTreeSet<u64>,
    /// It was not done.
    refused: BTreeSet<u64>,
}

/// One clerk, whoever is it now.
struct Desk {
    name: String,
    book: PathBuf,
    calls: Mutex<Calls>,
    proxy: Mutex<Option<Proxy>>,
}

impl Desk {
    /// A new life; the longest that its name was not free is noted.
    async fn begin(&self, longest: &mut Duration) -> ProcessHandle {
        let begun = Instant::now();
        let process = within(async {
            loop {
                let clerk = Clerk { book: self.book.clone(), file: None };
                match run_agent_process(&self.name, clerk).await {
                    Ok(process) => break process,
                    // It is the process that says so.
                    Err(RunError::Process { reason, .. }) if reason.ends_with("is taken") => (),
                    Err(error) => panic!("{}: {error}", self.name),
                }
                // Not synchronisation: only keeps the asking from burning a core.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let process = process.await;
        *longest = begun.elapsed().max(*longest);
        *self.proxy.lock() = Some(process.proxy().within(PATIENCE));
        process
    }

    /// Calls with one number after the other, each once.
    async fn call(&self, first: u64, is_over: &AtomicBool) {
        let mut n = first;
        while !is_over.load(Ordering::Relaxed) {
            let Some(proxy) = self.proxy.lock().clone() else {
                tokio::task::yield_now().await;
                continue;
            };
            let answer = within(proxy.call::<u64>("note", (n,))).await;
            self.enter(n, &answer);
            n += N_CALLERS;
            // The callers of one that is gone would burn a core.
            tokio::task::yield_now().await;
        }
    }

    /// Notes what became of a call.
    fn enter(&self, n: u64, answer: &Result<u64, CallError>) {
        let mut calls = self.calls.lock();
        let Calls { done, open, refused } = &mut *calls;
        match answer {
            Ok(answer) => {
                assert_eq!(*answer, n, "the answer to another call");
                done.insert(n);
            }
            Err(CallError::Unreachable { sent: false, .. }) => _ = refused.insert(n),
            Err(_) => _ = open.insert(n),
        }
    }

    /// Compares the book with the calls; how many were done, and how many nobody knows of.
    fn compare(&self) -> (usize, usize) {
        let Calls { done, open, refused } = &*self.calls.lock();
        let bytes = std::fs::read(&self.book).unwrap();
        let numbers = bytes.chunks_exact(8).map(|it| u64::from_le_bytes(it.try_into().unwrap()));
        let numbers: Vec<_> = numbers.collect();
        let noted: BTreeSet<_> = numbers.iter().copied().collect();
        assert_eq!(noted.len(), numbers.len(), "{}: something was done twice", self.name);
        let lost: Vec<_> = done.difference(&noted).collect();
        assert!(lost.is_empty(), "{}: lost {lost:?}", self.name);
        let wrong: Vec<_> = refused.intersection(&noted).collect();
        assert!(wrong.is_empty(), "{}: said not to be done: {wrong:?}", self.name);
        let strange: Vec<_> =
            noted.iter().filter(|it| !done.contains(it) && !open.contains(it)).collect();
        assert!(strange.is_empty(), "{}: nobody asked for {strange:?}", self.name);
        (done.len(), open.len())
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|it| it.parse().ok()).unwrap_or(default)
}

fn desks(folder: &Path) -> Vec<Arc<Desk>> {
    let desk = |n: usize| {
        let (name, book) = (format!("clerk-{n}"), folder.join(n.to_string()));
        Arc::new(Desk { name, book, calls: Mutex::default(), proxy: Mutex::new(None) })
    };
    (0..N_PROCESSES).map(desk).collect()
}

#[expect(clippy::print_stdout, reason = "whoever looks for what is slow sees it")]
pub(crate) async fn three_processes_are_killed_and_begin_again_and_nothing_is_lost_or_stuck() {
    let seed = number("GLEIS_STORM_SEED", 1);
    let time = Duration::from_secs(number("GLEIS_STORM_SECONDS", 10));
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let ns: NameServerHandle = run_nameserver().await.unwrap();
    let (desks, mut longest) = (desks(folder.path()), Duration::ZERO);
    let mut processes = Vec::new();
    for desk in &desks {
        processes.push(desk.begin(&mut longest).await);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let mut callers = tokio::task::JoinSet::new();
    for desk in &desks {
        for first in 0..N_CALLERS {
            let (desk, is_over) = (desk.clone(), is_over.clone());
            callers.spawn(async move { desk.call(first, &is_over).await });
        }
    }
    let (begun, mut n_kills) = (Instant::now(), 0);
    while begun.elapsed() < time {
        // Not synchronisation: when one is killed is what is tested.
        tokio::time::sleep(Duration::from_millis(random.u64(20..400))).await;
        let n = random.usize(..N_PROCESSES);
        signal(processes[n].id().unwrap(), "-KILL").await;
        n_kills += 1;
        within(processes[n].wait()).await.unwrap();
        // A new one under the old name.
        processes[n] = desks[n].begin(&mut longest).await;
    }
    // All of them are there, and answer.
    for desk in &desks {
        let proxy = within(ns.proxy(&desk.name)).await.unwrap();
        assert_eq!(within(proxy.call::<u64>("note", (u64::MAX,))).await.unwrap(), u64::MAX);
        desk.calls.lock().done.insert(u64::MAX);
    }
    is_over.store(true, Ordering::Relaxed);
    while let Some(caller) = within(callers.join_next()).await {
        caller.unwrap();
    }
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
    for process in &processes {
        within(process.wait()).await.unwrap();
    }
    let counts = desks.iter().map(|it| it.compare());
    let (n_done, n_open) = counts.fold((0, 0), |(a, b), (done, open)| (a + done, b + open));
    println!(
        "seed {seed}: {n_kills} kills in {time:?}, {n_done} calls done, {n_open} nobody knows of, \
         a name was free again and its agent there within {longest:?}"
    );
    assert!(0 < n_kills && 0 < n_done);
}
