//! A process that runs an agent, as its parent sees it.

use std::fmt;
use std::io;
use std::process::ExitStatus;

use tokio::{
    process::Child,
    sync::{mpsc, watch},
};

use super::folder::Folder;
use crate::Proxy;

/// A process that is looked after; dropping it ends the process, unless it is detached.
pub(super) struct Watched {
    pub(super) child: Child,
    pub(super) folder: Folder,
}

impl Watched {
    pub(super) fn new(child: Child, folder: Folder) -> Self {
        Self { child, folder }
    }

    /// How the process has ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Looks after the process until it has ended, and tidies up after it.
    async fn look_after(
        mut self,
        mut kill: mpsc::Receiver<()>,
        told: watch::Sender<Option<Ended>>,
    ) {
        let stdin = self.child.stdin.take();
        let status = loop {
            tokio::select! {
                status = self.child.wait() => break status,
                Some(()) = kill.recv() => {
                    // It may have ended meanwhile.
                    let _ = self.child.start_kill();
                }
            }
        };
        drop(stdin);
        self.folder.tidy();
        told.send_replace(Some(status.map_err(|it| it.to_string())));
    }
}

type Ended = Result<ExitStatus, String>;

/// A process that runs an agent.
///
/// Dropping it ends nothing: the process goes on until its agent ends, or this program is gone.
pub struct ProcessHandle {
    ended: watch::Receiver<Option<Ended>>,
    id: Option<u32>,
    kill: mpsc::Sender<()>,
    proxy: Proxy,
}

impl ProcessHandle {
    pub(super) fn new(proxy: Proxy, watched: Watched) -> Self {
        let id = watched.child.id();
        let (kill, killed) = mpsc::channel(1);
        let (told, ended) = watch::channel(None);
        tokio::spawn(watched.look_after(killed, told));
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
