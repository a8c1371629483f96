//! A process that runs an agent, as its parent sees it.

use std::fmt;
use std::io;
use std::pin::pin;
use std::process::ExitStatus;

use tokio::{
    process::Child,
    sync::{mpsc, watch},
};

use super::folder::Folder;
use crate::{Proxy, node::Lease};

/// A process that is looked after; dropping it ends the process, unless it is detached and has begun.
pub(super) struct Watched {
    pub(super) child: Child,
    pub(super) folder: Folder,
    has_begun: bool,
}

impl Watched {
    pub(super) fn new(child: Child, folder: Folder) -> Self {
        Self { child, folder, has_begun: false }
    }

    /// How the process has ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Looks after the process until it has ended, and tidies up after it; ends it when it is out of time.
    async fn look_after(
        mut self,
        mut kill: mpsc::Receiver<()>,
        told: watch::Sender<Option<Ended>>,
        out_of_time: impl Future<Output = ()>,
    ) {
        let stdin = self.child.stdin.take();
        let mut is_late = false;
        let mut out_of_time = pin!(out_of_time);
        let status = loop {
            tokio::select! {
                status = self.child.wait() => break status,
                Some(()) = kill.recv() => self.kill(),
                () = &mut out_of_time, if !is_late => {
                    is_late = true;
                    let pid = self.child.id();
                    tracing::warn!(target: "gleis::agent", pid, "a process is ended by force");
                    self.kill();
                }
            }
        };
        drop(stdin);
        self.folder.tidy();
        told.send_replace(Some(status.map_err(|it| it.to_string())));
    }

    fn kill(&mut self) {
        // It may have ended meanwhile.
        let _ = self.child.start_kill();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.has_begun {
            // Nobody would know of it.
            self.kill();
        }
    }
}

type Ended = Result<ExitStatus, String>;

/// A process that runs an agent.
///
/// Dropping it ends nothing: the process goes on until its agent ends, or this program is gone. What looks after
/// it belongs to the node of this program, as its agents do.
pub struct ProcessHandle {
    ended: watch::Receiver<Option<Ended>>,
    id: Option<u32>,
    kill: mpsc::Sender<()>,
    proxy: Proxy,
}

impl ProcessHandle {
    /// Has the node look after a process that has begun.
    pub(super) fn new(proxy: Proxy, mut watched: Watched, lease: Lease) -> Self {
        watched.has_begun = true;
        let id = watched.child.id();
        let (kill, killed) = mpsc::channel(1);
        let (told, ended) = watch::channel(None);
        let host = lease.host().clone();
        let children = host.children();
        let out_of_time = children.out_of_time();
        children.own(async move {
            watched.look_after(killed, told, out_of_time).await;
            // Until now the node had something to do.
            drop(lease);
        });
        Self { ended, id, kill, proxy }
    }

    /// The proxy of the agent.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The number of the process.
    pub fn id(&self) -> Option<u32> {
        self.id
    }

    /// Waits until the process has ended, and what it left behind is removed.
    ///
    /// # Errors
    /// The system does not tell how it ended.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn wait(&self) -> io::Result<ExitStatus> {
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await.map_err(io::Error::other)?;
        match ended.as_ref() {
            Some(Ok(status)) => Ok(*status),
            Some(Err(text)) => Err(io::Error::other(text.clone())),
            None => Err(io::Error::other("nobody looks after it any more")),
        }
    }

    /// Ends the process at once, by the system, and waits until it has ended.
    ///
    /// # Errors
    /// The system does not tell how it ended.
    ///
    /// # Cancel safety
    /// It is ended in any case.
    pub async fn kill_process(&self) -> io::Result<ExitStatus> {
        // Once is enough; nobody listens any more when it has ended.
        let _ = self.kill.try_send(());
        self.wait().await
    }
}

impl fmt::Debug for ProcessHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessHandle")
            .field("id", &self.id)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}
