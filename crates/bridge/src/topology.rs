//! Who talks to whom, for the page.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gleis_core::Topology;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a look at all is good for: a page more costs nothing.
const FRESH: Duration = Duration::from_secs(1);

/// Knows agents and how they are connected.
#[async_trait]
pub trait Observer: Send + Sync + 'static {
    /// All of them, as they are now.
    ///
    /// # Errors
    /// Why it is not known now, in words.
    async fn topology(&self) -> Result<Topology, String>;
}

type Seen = Result<Arc<Topology>, String>;

/// Looks no more often than it must.
pub(crate) struct Watchtower {
    observer: Arc<dyn Observer>,
    last: Mutex<Option<(Instant, Seen)>>,
}

impl Watchtower {
    pub(crate) fn new(observer: impl Observer) -> Self {
        Self { observer: Arc::new(observer), last: Mutex::new(None) }
    }

    /// What was seen, a second ago at most. Who asks meanwhile waits for the same look.
    pub(crate) async fn look(&self) -> Seen {
        let mut last = self.last.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < FRESH
        {
            return seen.clone();
        }
        let seen = self.observer.topology().await.map(Arc::new);
        *last = Some((Instant::now(), seen.clone()));
        seen
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::join_all;

    use super::*;

    struct Counting(Arc<AtomicU64>);

    #[async_trait]
    impl Observer for Counting {
        async fn topology(&self) -> Result<Topology, String> {
            tokio::task::yield_now().await;
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Err("nobody is there".to_owned()),
                _ => Ok(Topology::default()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_cost_one_look_a_second() {
        let n_looks = Arc::new(AtomicU64::new(0));
        let tower = Watchtower::new(Counting(n_looks.clone()));
        let seen = join_all((0..100).map(|_| tower.look())).await;
        assert!(seen.iter().all(|it| it.as_ref().is_err_and(|it| it == "nobody is there")));
        tokio::time::advance(FRESH).await;
        let seen = join_all((0..100).map(|_| tower.look())).await;
        assert!(seen.iter().all(Result::is_ok));
        assert_eq!(n_looks.load(Ordering::Relaxed), 2);
    }
}
