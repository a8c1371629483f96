//! Agents on threads of their own.

use std::future::Future;
use std::io;
use std::thread::Builder;

use gleis_core::{Endpoint, Name};
use tokio::{runtime::Runtime, task::AbortHandle};

use super::registry::{forget_runtime, remember_for};

/// A runtime for one thread.
pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Runs the life of an agent on a thread of its own, which ends with it. What it opens belongs there; whom it
/// runs looks for the same name server.
pub(super) fn spawn(
    runtime: Runtime,
    name: &Name,
    name_server: Option<Endpoint>,
    life: impl Future<Output = ()> + Send + 'static,
) -> AbortHandle {
    let id = runtime.handle().id();
    if let Some(name_server) = name_server {
        remember_for(id, &name_server);
    }
    let task = runtime.handle().spawn(life);
    let handle = task.abort_handle();
    let live = move || {
        // One that is aborted ends as well.
        let _ = runtime.block_on(task);
        forget_runtime(id);
    };
    let started = Builder::new().name(format!("gleis {name}")).spawn(live);
    if let Err(error) = started {
        // The runtime is dropped, and the agent with it: whoever waits for it hears that.
        tracing::error!(target: "gleis::agent", agent = %name, %error, "there is no thread for the agent");
        forget_runtime(id);
    }
    handle
}
