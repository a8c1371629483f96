//! A log in a file, which is begun anew when it is too long.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file of lines; of old ones so many are kept, `log.1` being the last one.
#[derive(Debug)]
pub(super) struct Rolling {
    file: File,
    kept: usize,
    longest: u64,
    n_bytes: u64,
    path: PathBuf,
}

impl Rolling {
    pub(super) fn open(path: &Path, longest: u64, kept: usize) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let n_bytes = file.metadata()?.len();
        Ok(Self { file, kept, longest, n_bytes, path: path.to_owned() })
    }

    pub(super) fn write(&mut self, line: &str) -> io::Result<()> {
        let n_bytes = line.len() as u64 + 1;
        if 0 < self.n_bytes && self.longest < self.n_bytes + n_bytes {
            self.roll()?;
        }
        writeln!(self.file, "{line}")?;
        self.n_bytes += n_bytes;
        Ok(())
    }

    fn roll(&mut self) -> io::Result<()> {
        for n in (1..self.kept).rev() {
            let (from, to) = (self.old(n), self.old(n + 1));
            if from.exists() {
                fs::rename(from, to)?;
            }
        }
        match self.kept {
            0 => fs::remove_file(&self.path)?,
            _ => fs::rename(&self.path, self.old(1))?,
        }
        *self = Self::open(&self.path, self.longest, self.kept)?;
        Ok(())
    }

    fn old(&self, n: usize) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_begun_anew_and_old_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut rolling = Rolling::open(&path, 10, 2).unwrap();
        for line in
            ["one 1", "two 2", "three", "four 4", "a line that is longer than the file", "six"]
        {
            rolling.write(line).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("log"), "six\n");
        assert_eq!(read("log.1"), "a line that is longer than the file\n");
        assert_eq!(read("log.2"), "four 4\n");
        assert_eq!(folder.path().read_dir().unwrap().count(), 3);
        // One that was there is gone on with.
        Rolling::open(&path, 10, 2).unwrap().write("seven").unwrap();
        assert_eq!(read("log"), "six\nseven\n");
    }
}
