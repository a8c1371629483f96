//! The one thread on which everything of the `zeromq` crate runs.
//!
//! The crate's tables are locked by tasks that may be suspended while they wait, and by calls that
//! stop their thread until the lock is free. On two threads these wait for each other, and a runtime
//! has no thread left to run the holder. On one thread a lock is never found taken: nothing awaits
//! while it holds one, since the crate's queues are never full.

use std::future::{Future, pending};
use std::io;
use std::sync::mpsc::sync_channel;
use std::thread::Builder;

use parking_lot::Mutex;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

use crate::task::TaskGuard;

/// The thread's runtime, once it was needed. A start that failed is tried again by the next one.
static RUNTIME: Mutex<Option<Handle>> = Mutex::new(None);

/// Runs a task on the thread, by the thread's own clock, and gives what it returns.
///
/// # Errors
/// The system gives no thread, or the crate panicked.
///
/// # Cancel safety
/// The task is ended, and what it holds is dropped on the thread.
pub(super) async fn run<T>(task: impl Future<Output = T> + Send + 'static) -> io::Result<T>
where
    T: Send + 'static,
{
    let runtime = handle()?;
    let (done, result) = oneshot::channel();
    let _guard = TaskGuard::spawn_on(&runtime, async move {
        // Whoever waited may be gone; then the result is dropped here.
        let _ = done.send(task.await);
    });
    result.await.map_err(|_| io::Error::other("the zeromq crate panicked"))
}

fn handle() -> io::Result<Handle> {
    let mut runtime = RUNTIME.lock();
    if let Some(runtime) = &*runtime {
        return Ok(runtime.clone());
    }
    let started = start()?;
    *runtime = Some(started.clone());
    Ok(started)
}

/// Starts the thread, which lives as long as the process.
fn start() -> io::Result<Handle> {
    let (tell, told) = sync_channel(1);
    // A runtime must not be dropped inside another: this one never leaves its thread.
    let live = move || match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let _ = tell.send(Ok(runtime.handle().clone()));
            runtime.block_on(pending::<()>());
        }
        Err(error) => {
            let _ = tell.send(Err(error));
        }
    };
    Builder::new().name("gleis-zeromq".to_owned()).spawn(live)?;
    told.recv().map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gleis_core::Endpoint;
    use gleis_test::wait::{eventually, within};
    use gleis_zmtp::SocketType;

    use super::*;
    use crate::message::Message;
    use crate::options::LinkConfig;
    use crate::zmq::{ZmqListener, connect};

    async fn tasks_down_to(n_tasks: usize) {
        let runtime = handle().unwrap();
        within(eventually(|| runtime.metrics().num_alive_tasks() <= n_tasks)).await;
    }

    fn config() -> Arc<LinkConfig> {
        Arc::new(LinkConfig::new(SocketType::Dealer))
    }

    // One test, since all tests of a process share the thread.
    #[cfg(unix)]
    #[tokio::test]
    async fn what_is_dropped_leaves_no_task_on_the_thread_and_takes_no_other_file_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let at: Endpoint = format!("zmq+ipc://{}", path.display()).parse().unwrap();
        let first = ZmqListener::bind(&at, &config()).await.unwrap();
        drop(first);
        let second = ZmqListener::bind(&at, &config()).await.unwrap();
        // Its driver and the crate's accept loop: the first has done all its cleaning up.
        tasks_down_to(2).await;
        assert!(path.exists());
        let (near, config) = (config(), config());
        let (near, far) = tokio::join!(connect(&at, &near), within(second.accept()));
        let (out, incoming) = near.unwrap().split();
        let (_far_out, mut far_in) = far.unwrap().split();
        out.send(Message::single("hello")).await.unwrap();
        within(far_in.recv_many(&mut Vec::new())).await.unwrap();
        drop((out, incoming, far_in, _far_out, second));
        tasks_down_to(0).await;
        // An attempt that is given up is ended as well.
        let _silent = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let mut attempt = Box::pin(connect(&at, &config));
        assert!(futures::poll!(&mut attempt).is_pending());
        let runtime = handle().unwrap();
        within(eventually(|| 0 < runtime.metrics().num_alive_tasks())).await;
        drop(attempt);
        tasks_down_to(0).await;
    }
}
