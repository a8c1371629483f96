//! Keeping the log in a file: one more reader of it, for which nobody waits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::cursor::Cursor;
use crate::file::Store;
use crate::log::{Behind, Filter, Missed, Most};
use crate::state::State;

/// So many messages are written at a time.
const MOST: Most = Most { bytes: 1 << 20, messages: 256 };
/// How long after an error it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How it goes.
#[derive(Debug, Default)]
pub(crate) struct Keeping {
    pub(crate) is_failing: AtomicBool,
    /// Messages that were written.
    pub(crate) kept: AtomicU64,
    /// Messages that were gone from memory before they could be written.
    pub(crate) lost: AtomicU64,
}

/// Writes what comes behind `at` into the files until the bridge is being closed, and then what has come by then.
pub(crate) async fn keep(state: Arc<State>, store: Store, at: Cursor) {
    let mut keeper = Keeper { at, state: state.clone(), store: Some(store) };
    while !*state.closing.borrow() {
        match keeper.write().await {
            Ok(true) => (),
            Ok(false) => tokio::select! {
                () = state.log.wait(keeper.at) => (),
                () = state.closed() => (),
            },
            // Not synchronisation: what fails now fails a moment later, too.
            Err(()) => tokio::select! {
                () = sleep(RETRY) => (),
                () = state.closed() => (),
            },
        }
    }
    let end = state.log.count();
    while keeper.at.number < end && keeper.write().await == Ok(true) {}
    keeper.end().await;
}

struct Keeper {
    at: Cursor,
    state: Arc<State>,
    // Invariant: it is there but while something is written.
    store: Option<Store>,
}

impl Keeper {
    /// Writes some of what is behind the last message that was written; false if there is nothing.
    ///
    /// # Errors
    /// It cannot be written now.
    async fn write(&mut self) -> Result<bool, ()> {
        let behind = self.state.log.behind(self.at, MOST, &Filter::default());
        let Behind { cursor, from, messages, missed } = behind;
        if cursor == self.at {
            return Ok(false);
        }
        let n = messages.len() as u64;
        let written = self.with(move |store| match messages.is_empty() {
            true => Ok(()),
            false => store.append(from, &messages),
        });
        let written = written.await;
        self.tell(&written);
        written.map_err(drop)?;
        self.at = cursor;
        if let Some(books) = &self.state.keeping {
            books.kept.fetch_add(n, Ordering::Relaxed);
            if let Missed::Some(gone) = missed {
                books.lost.fetch_add(gone, Ordering::Relaxed);
            }
        }
        Ok(true)
    }

    /// Has the store do something on a thread on which it may wait.
    async fn with(
        &mut self,
        work: impl FnOnce(&mut Store) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let mut store = self.store.take().ok_or(io::ErrorKind::NotConnected)?;
        let work = move || {
            let done = work(&mut store);
            (store, done)
        };
        let (store, done) = spawn_blocking(work).await?;
        self.store = Some(store);
        done
    }

    /// Says whether it works, when that changes.
    fn tell(&self, written: &io::Result<()>) {
        let Some(books) = &self.state.keeping else { return };
        let was_failing = books.is_failing.swap(written.is_err(), Ordering::Relaxed);
        match written {
            Err(error) if !was_failing => {
                tracing::error!(target: "gleis::bridge", %error, "cannot keep the log; going on in memory");
            }
            Ok(()) if was_failing => {
                tracing::info!(target: "gleis::bridge", "the log is kept again");
            }
            _ => (),
        }
    }

    async fn end(mut self) {
        if let Err(error) = self.with(|store| store.sync()).await {
            tracing::warn!(target: "gleis::bridge", %error, "cannot sync the log");
        }
    }
}
