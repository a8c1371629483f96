//! What an agent was told that needs nothing of it: methods without `self`, at work beside it.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

use crate::{Agent, CallError, Fault, cell::Cell, guarded::guarded};

/// How many may be at work at a time; more wait to be told.
const LIMIT: usize = 1_000;

/// The tasks of one agent, which end with it. Most agents have none.
#[derive(Default)]
pub(crate) struct Beside(OnceLock<Box<Crew>>);

struct Crew {
    room: Arc<Semaphore>,
    /// `None` once the agent is gone.
    tasks: Mutex<Option<JoinSet<()>>>,
}

impl Beside {
    fn crew(&self) -> &Crew {
        self.0.get_or_init(|| {
            let room = Arc::new(Semaphore::new(LIMIT));
            Box::new(Crew { room, tasks: Mutex::new(Some(JoinSet::new())) })
        })
    }

    /// Ends all that is at work, for good.
    pub(crate) fn close(&self) {
        let crew = self.crew();
        crew.room.close();
        let tasks = crew.tasks.lock().take();
        // What they hold may run code when it is dropped: not under the lock.
        drop(tasks);
    }
}

impl<A: Agent> Cell<A> {
    /// Begins some work beside the agent, and waits no longer than until that is sure. An error is logged.
    pub(crate) async fn tell_beside(
        self: &Arc<Self>,
        what: &'static str,
        within: Duration,
        work: impl Future<Output = Result<(), Fault>> + Send + 'static,
    ) -> Result<(), CallError> {
        let crew = self.beside.crew();
        let room = match timeout(within, crew.room.clone().acquire_owned()).await {
            Ok(Ok(room)) => room,
            Ok(Err(_)) => return Err(self.gone()),
            Err(_) => return Err(self.too_late(what, within)),
        };
        let agent = self.name.clone();
        let task = async move {
            let _room = room;
            if let Err(fault) = guarded(work).await.and_then(|it| it) {
                tracing::warn!(target: "gleis::agent", %agent, what, error = %fault, "what was told failed");
            }
        };
        match &mut *crew.tasks.lock() {
            Some(tasks) => {
                // Those that have ended would pile up.
                while tasks.try_join_next().is_some() {}
                tasks.spawn(task);
                Ok(())
            }
            None => Err(self.gone()),
        }
    }
}
