//! What is to be tidied up after a process that was ended without a word: the files of its ipc sockets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
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

    /// Removes the files of sockets that the process has left.
    pub(super) fn tidy(&self) {
        tidy(&self.0);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        discard(&self.0);
    }
}

/// Nothing has to be tidied up any more.
pub(super) fn discard(folder: &Path) {
    // What cannot be removed is the system's to remove.
    let _ = fs::remove_dir_all(folder);
}

/// Removes the files of sockets that are written down there.
pub(super) fn tidy(folder: &Path) {
    let listed = fs::read_to_string(list(folder)).unwrap_or_default();
    for line in listed.lines() {
        // Another file of this name is somebody else's.
        if let Some((noted, path)) = line.split_once(' ')
            && mark(Path::new(path)).is_ok_and(|it| it == noted)
        {
            let _ = fs::remove_file(path);
        }
    }
}

/// Tells the parent why the agent did not start.
pub(super) fn fail(folder: &Path, text: &str) {
    // The parent may be gone.
    let _ = fs::write(error(folder), text);
}

/// What tells a file from every other one, also of the same name.
fn mark(path: &Path) -> io::Result<String> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(format!("{}:{}", metadata.dev(), metadata.ino()))
}

fn list(folder: &Path) -> PathBuf {
    folder.join("files")
}

fn error(folder: &Path) -> PathBuf {
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
    if let Ok(mark) = mark(Path::new(&path)) {
        // Without it there is a file too many, at worst.
        let _ = writeln!(list.lock(), "{mark} {path}");
    }
}
