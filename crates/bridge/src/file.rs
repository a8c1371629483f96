//! The log in a file, so that it outlives the bridge.
//!
//! What is new is appended to `FILE`. When that has as much as the log keeps it becomes `FILE.old`, in the
//! place of the one before, and another `FILE` is begun: both together have at least what the log keeps,
//! and about twice that at most. `FILE.lock` is locked as long as a bridge uses them.
//! What is in a file says `record`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cursor::Cursor;
use crate::log::{Entry, Log, Most, Past};
use crate::record::{self, Contents};

/// Why a log cannot be kept in a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file is something else. It is left as it is.
    #[error("{} is no log of a bridge", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// The system says no.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another bridge uses it.
    #[error("{} is used by another bridge", path.display())]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// It is a log of another version of gleis. It is left as it is.
    #[error("{} is a log of another version", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
    },
}

/// The files, for whoever writes them.
#[derive(Debug)]
pub(crate) struct Store {
    /// Bytes in the file that count against what the log keeps: texts, and a little for each run.
    bytes: usize,
    /// `None` if it has to be opened anew.
    file: Option<File>,
    /// Whether the file knows of this run.
    is_told: bool,
    _lock: File,
    /// Messages in the file.
    messages: usize,
    most: Most,
    path: PathBuf,
    /// So much of the file is whole. What is behind that is of a write that failed.
    whole: u64,
}

impl Store {
    /// Reads the files at `path`, if they are there, and makes a log that goes on where they end. Nothing
    /// is written before it is [begun](Self::begin).
    pub(crate) fn open(path: &Path, most: Most) -> Result<(Log, Self), LogError> {
        let error = |source| LogError::Io { path: path.to_owned(), source };
        let lock = options().open(beside(path, ".lock")).map_err(error)?;
        lock.try_lock().map_err(|it| match it {
            TryLockError::Error(source) => error(source),
            TryLockError::WouldBlock => LogError::Locked { path: path.to_owned() },
        })?;
        let mut past = Past::new(most);
        record::read(&beside(path, ".old"), &mut past)?;
        let Contents { bytes, messages, whole } = record::read(path, &mut past)?;
        let log = Log::going_on(past);
        let store = Self {
            bytes,
            file: None,
            is_told: false,
            _lock: lock,
            messages,
            most,
            path: path.to_owned(),
            whole,
        };
        Ok((log, store))
    }

    /// Tells the file of a run that begins at `at`.
    pub(crate) fn begin(mut self, at: Cursor) -> Result<Self, LogError> {
        let begun = self.append(at, &[]);
        begun.map_err(|source| LogError::Io { path: self.path.clone(), source })?;
        Ok(self)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends messages to which a reader comes from `from`. Begins another file before if this one is full.
    ///
    /// # Errors
    /// None of them is in the file; trying again is safe.
    pub(crate) fn append(&mut self, from: Cursor, entries: &[Arc<Entry>]) -> io::Result<()> {
        if self.most.messages <= self.messages || self.most.bytes <= self.bytes {
            self.turn()?;
        }
        let (mut all, mut bytes) = (Vec::new(), 0);
        if self.whole == 0 {
            record::begin(&mut all);
        }
        if !self.is_told {
            bytes += record::run(&mut all, from)?;
        }
        for it in entries {
            bytes += record::message(&mut all, it)?;
        }
        self.write(&all)?;
        self.whole += all.len() as u64;
        (self.bytes, self.messages) = (self.bytes + bytes, self.messages + entries.len());
        self.is_told = true;
        Ok(())
    }

    /// Has the system write what it still holds.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = options().open(&self.path)?;
                keep_to_owner(&file)?;
                // Half a record, or more than that, of a write that failed.
                file.set_len(self.whole)?;
                file
            }
        };
        file.write_all(bytes)?;
        // After an error it is opened anew and cut, so that no half record stays.
        self.file = Some(file);
        Ok(())
    }

    /// Puts the file aside.
    fn turn(&mut self) -> io::Result<()> {
        // Not all systems rename what is open.
        self.file = None;
        match fs::rename(&self.path, beside(&self.path, ".old")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => (),
        }
        (self.bytes, self.messages, self.whole) = (0, 0, 0);
        self.is_told = false;
        Ok(())
    }
}

/// The path with something behind it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// For writing, and for nobody else to read: messages may be secret.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Also if it was there, and was not so.
#[cfg(unix)]
fn keep_to_owner(file: &File) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_to_owner(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use gleis_broker::Json;

    use super::*;
    use crate::log::Filter;

    const MOST: Most = Most { bytes: 10_000, messages: 10 };

    fn open(path: &Path) -> (Log, Store) {
        let (log, store) = Store::open(path, MOST).unwrap();
        let store = store.begin(log.end()).unwrap();
        (log, store)
    }

    /// Puts messages into the file at `path`, in a run of their own.
    fn fill(path: &Path, n: u64) -> Log {
        let (log, mut store) = open(path);
        for _ in 0..n {
            push(&log, &mut store).unwrap();
        }
        log
    }

    fn push(log: &Log, store: &mut Store) -> io::Result<()> {
        let from = log.end();
        let number = from.number + 1;
        log.push(Json::parse(format!("{{\"n\":{number}}}")).unwrap());
        store.append(from, &log.behind(from, 1, &Filter::default()).messages)
    }

    /// The numbers of the messages that are there, and what they say.
    fn numbers(path: &Path) -> Vec<u64> {
        let (log, _) = open(path);
        let mut at = Cursor { epoch: 0, number: 0 };
        let mut numbers = Vec::new();
        while at != log.end() {
            let behind = log.behind(at, 100, &Filter::default());
            for it in behind.messages {
                assert_eq!(it.message.value()["n"], it.cursor.number);
                numbers.push(it.cursor.number);
            }
            at = behind.cursor;
        }
        numbers
    }

    #[test]
    fn what_was_written_is_there_again_and_the_numbers_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let end = fill(&path, 3).end();
        assert_eq!(numbers(&path), [1, 2, 3]);
        let (log, _) = open(&path);
        assert_eq!(log.end().number, end.number);
        assert_ne!(log.end().epoch, end.epoch);
        drop(log);
        fill(&path, 2);
        assert_eq!(numbers(&path), [1, 2, 3, 4, 5]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_could_read_is_theirs_no_more() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        File::create(&path).unwrap().set_permissions(PermissionsExt::from_mode(0o644)).unwrap();
        fill(&path, 1);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_cut_anywhere_has_what_stands_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fill(&path, 3);
        let whole = fs::read(&path).unwrap();
        let mut most = 0;
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let n = numbers(&path).len() as u64;
            assert!(most <= n && n <= 3, "{cut}: {n}");
            most = n;
            // What comes later is found behind it.
            fill(&path, 1);
            assert_eq!(numbers(&path), (1..=n + 1).collect::<Vec<_>>(), "{cut}");
        }
        assert_eq!(most, 2);
    }

    #[test]
    fn a_file_that_is_damaged_anywhere_has_what_stands_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fill(&path, 3);
        let whole = fs::read(&path).unwrap();
        for place in "gleis log 1\n".len()..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0xFF;
            fs::write(&path, &damaged).unwrap();
            let n = numbers(&path).len() as u64;
            assert!(n < 3, "{place}");
            assert_eq!(numbers(&path), (1..=n).collect::<Vec<_>>(), "{place}");
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for (text, expected) in [
            ("my diary, which is longer than that", "is no log of a bridge"),
            ("diary", "is no log of a bridge"),
            ("gleis log 2\nand so on", "is a log of another version"),
            ("gleis log 10\nand so on", "is a log of another version"),
        ] {
            for other in [path.clone(), beside(&path, ".old")] {
                fs::write(&other, text).unwrap();
                let error = Store::open(&path, MOST).unwrap_err().to_string();
                assert_eq!(error, format!("{} {expected}", other.display()));
                assert_eq!(fs::read_to_string(&other).unwrap(), text);
                fs::remove_file(&other).unwrap();
            }
        }
        fs::create_dir(&path).unwrap();
        assert!(Store::open(&path, MOST).is_err());
        assert!(Store::open(&folder.path().join("no/log"), MOST).is_err());
    }

    #[test]
    fn one_bridge_uses_it_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let first = open(&path);
        let error = Store::open(&path, MOST).unwrap_err();
        assert!(matches!(error, LogError::Locked { .. }), "{error}");
        drop(first);
        open(&path);
    }

    #[test]
    fn files_take_turns_and_stay_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (log, mut store) = open(&path);
        for n in 1..=95 {
            push(&log, &mut store).unwrap();
            let sizes =
                [&path, &beside(&path, ".old")].map(|it| fs::metadata(it).map_or(0, |it| it.len()));
            assert!(sizes.iter().all(|it| *it < 500), "{sizes:?}");
            assert_eq!(log.count(), n);
        }
        drop(store);
        assert_eq!(numbers(&path), (86..=95).collect::<Vec<_>>());
        // A cursor that was given long ago is one of that run all the same.
        let (again, _) = open(&path);
        let early = Cursor { number: 90, ..log.end() };
        let behind = again.behind(early, 100, &Filter::default());
        assert_eq!((behind.missed, behind.messages.len()), (crate::log::Missed::Nothing, 5));
    }

    #[test]
    fn runs_without_a_word_are_bounded_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for _ in 0..200 {
            let (log, store) = Store::open(&path, Most { bytes: 100, messages: 10 }).unwrap();
            store.begin(log.end()).unwrap();
            assert!(fs::metadata(&path).unwrap().len() < 500);
        }
    }

    #[test]
    fn half_a_write_leaves_nothing_and_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (log, mut store) = open(&path);
        push(&log, &mut store).unwrap();
        // As after a disk that was full.
        options().open(&path).unwrap().write_all(b"half a record").unwrap();
        store.file = None;
        push(&log, &mut store).unwrap();
        for _ in 2..10 {
            push(&log, &mut store).unwrap();
        }
        // The file is full, and cannot be put aside.
        let old = beside(&path, ".old");
        fs::create_dir_all(old.join("in the way")).unwrap();
        push(&log, &mut store).unwrap_err();
        push(&log, &mut store).unwrap_err();
        fs::remove_dir_all(&old).unwrap();
        let from = Cursor { number: 10, ..log.end() };
        store.append(from, &log.behind(from, 10, &Filter::default()).messages).unwrap();
        drop(store);
        assert_eq!(numbers(&path), (3..=12).collect::<Vec<_>>());
    }
}
