//! What is to be tidied up after a process that was ended without a word: the files of its ipc sockets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use gleis_core::{Endpoint, Name};
use parking_lot::Mutex;

/// The list of this process, if it is one that runs an agent.
static LIST: OnceLock<Mutex<File>> = OnceLock::new();

/// A folder of one process, which is removed with this.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("gleis-{}", Name::random()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Why the agent did not start, if it said so.
    pub(super) fn error(&self) -> Option<String> {
        fs::read_to_string(error(&self.0)).ok()
    }

    /// The process ends well: nothing has to be tidied up after it.
    pub(super) fn discard(path: &Path) {
        let _ = fs::remove_dir_all(path);
    }

    /// Removes the files of sockets that the process has left.
    pub(super) fn tidy(&self) {
        let listed = fs::read_to_string(list(&self.0)).unwrap_or_default();
        for path in listed.lines().map(Path::new) {
            // One that listens there now is somebody else's.
            let _ = gleis_transport::remove_stale(path);
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to remove.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn list(folder: &Path) -> PathBuf {
    folder.join("files")
}

pub(super) fn error(folder: &Path) -> PathBuf {
    folder.join("error")
}

/// From now on files of sockets of this process are written down.
pub(super) fn begin(folder: &Path) {
    let open = OpenOptions::new().create(true).append(true).open(list(folder));
    if let Ok(file) = open {
        let _ = LIST.set(Mutex::new(file));
    }
}

/// Writes a bound socket down, if it is a file, and somebody tidies up.
pub(crate) fn note(endpoint: &Endpoint) {
    let (Some(list), Endpoint::Ipc(address)) = (LIST.get(), endpoint) else {
        return;
    };
    let path = address.to_string();
    // Abstract names leave no file.
    if !path.starts_with('@') {
        // Without it there is a file too many, at worst.
        let _ = writeln!(list.lock(), "{path}");
    }
}
