//! What is in the file of a log.
//!
//! ```text
//! file     "gleis log 1\n" record*
//! record   length u32, CRC-32 of the payload u32, payload      numbers are little-endian
//! payload  0 epoch u64 number u64                              a run, and the number before its first message
//! payload  1 number u64 text                                   a message of that run
//! ```
//!
//! A record that is cut off or damaged ends a file: what is behind it was never there.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use gleis_broker::Json;

use crate::cursor::Cursor;
use crate::file::LogError;
use crate::log::{Entry, Past};

/// What a file has.
#[derive(Default)]
pub(crate) struct Contents {
    /// That count against what the log keeps.
    pub(crate) bytes: usize,
    pub(crate) messages: usize,
    /// So many bytes are whole.
    pub(crate) whole: u64,
}

/// Reads a file as far as it is whole.
pub(crate) fn read(path: &Path, past: &mut Past) -> Result<Contents, LogError> {
    let error = |source| LogError::Io { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(it) if it.kind() == ErrorKind::NotFound => return Ok(Contents::default()),
        Err(it) => return Err(error(it)),
    };
    let about = file.metadata().map_err(error)?;
    if !about.is_file() {
        return Err(LogError::Foreign { path: path.to_owned() });
    }
    let mut file = BufReader::new(file);
    let mut magic = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(error)?;
    match &magic[..] {
        MAGIC => (),
        // It was cut off as it was begun.
        it if MAGIC.starts_with(it) => return Ok(Contents::default()),
        it if it.starts_with(KIND) => return Err(LogError::Version { path: path.to_owned() }),
        _ => return Err(LogError::Foreign { path: path.to_owned() }),
    }
    let mut contents = Contents { whole: MAGIC.len() as u64, ..Contents::default() };
    while let Some(payload) = next(&mut file, about.len() - contents.whole).map_err(error)? {
        let Some(messages) = understand(&payload, past) else { break };
        contents.messages += messages;
        contents.bytes += payload.len() - START;
        contents.whole += (HEAD + payload.len()) as u64;
    }
    if contents.whole < about.len() {
        let lost = about.len() - contents.whole;
        tracing::warn!(target: "gleis::bridge", path = %path.display(), lost, "the end of a log is damaged");
    }
    Ok(contents)
}

/// The payload of the next record, if it is whole.
fn next(file: &mut impl Read, left: u64) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; HEAD];
    if left < HEAD as u64 {
        return Ok(None);
    }
    file.read_exact(&mut head)?;
    let (length, sum) = head.split_at(4);
    let number = |it: &[u8]| it.iter().rev().fold(0, |all, it| all << 8 | u32::from(*it));
    let (length, sum) = (number(length), number(sum));
    // Nothing is reserved for what cannot be there.
    if left - (HEAD as u64) < u64::from(length) {
        return Ok(None);
    }
    let mut payload = vec![0; length as usize];
    file.read_exact(&mut payload)?;
    Ok((crc(payload.iter().copied()) == sum).then_some(payload))
}

/// Tells `past` of a record; how many messages it has. `None` if it is none.
fn understand(payload: &[u8], past: &mut Past) -> Option<usize> {
    let (kind, rest) = payload.split_first()?;
    let (number, rest) = rest.split_first_chunk()?;
    let number = u64::from_le_bytes(*number);
    match *kind {
        RUN => {
            let before = u64::from_le_bytes(rest.try_into().ok()?);
            past.begin(Cursor { epoch: number, number: before })?;
            Some(0)
        }
        MESSAGE => {
            past.push(number, Json::parse(rest.to_vec()).ok()?)?;
            Some(1)
        }
        _ => None,
    }
}

/// Writes how a file begins.
pub(crate) fn begin(to: &mut Vec<u8>) {
    to.extend_from_slice(MAGIC);
}

/// Writes that a run begins, or goes on, at `at`; how many bytes count.
pub(crate) fn run(to: &mut Vec<u8>, at: Cursor) -> io::Result<usize> {
    record(to, &[&[RUN], &at.epoch.to_le_bytes(), &at.number.to_le_bytes()])
}

/// Writes a message; how many bytes count.
pub(crate) fn message(to: &mut Vec<u8>, entry: &Entry) -> io::Result<usize> {
    let text = entry.message.text().as_bytes();
    record(to, &[&[MESSAGE], &entry.cursor.number.to_le_bytes(), text])
}

fn record(to: &mut Vec<u8>, payload: &[&[u8]]) -> io::Result<usize> {
    let size: usize = payload.iter().map(|it| it.len()).sum();
    let length = u32::try_from(size).map_err(|_| ErrorKind::FileTooLarge)?;
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(&crc(payload.iter().copied().flatten().copied()).to_le_bytes());
    payload.iter().for_each(|it| to.extend_from_slice(it));
    Ok(size - START)
}

/// CRC-32 as in zip and Ethernet.
fn crc(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |sum, it| (sum >> 8) ^ CRC[usize::from(sum as u8 ^ it)])
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut sum = n as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
            bit += 1;
        }
        table[n] = sum;
        n += 1;
    }
    table
}

const CRC: [u32; 256] = table();
/// Length and sum.
const HEAD: usize = 8;
const KIND: &[u8] = b"gleis log ";
const MAGIC: &[u8] = b"gleis log 1\n";
const MESSAGE: u8 = 1;
const RUN: u8 = 0;
/// The kind and the first number of a payload.
const START: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Most;

    #[test]
    fn a_record_that_is_whole_and_says_nonsense_ends_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (one, two) = (1u64.to_le_bytes(), 2u64.to_le_bytes());
        let never = u64::MAX.to_le_bytes();
        let payload = |kind: u8, rest: &[&[u8]]| [&[kind], &rest.concat()[..]].concat();
        for nonsense in [
            vec![],
            payload(RUN, &[]),
            payload(RUN, &[&one]),
            payload(RUN, &[&one, &one, &one]),
            payload(RUN, &[&one, &never]),
            payload(MESSAGE, &[&one[..7]]),
            payload(MESSAGE, &[&never, b"{}"]),
            payload(MESSAGE, &[&one, b"{}"]),
            payload(MESSAGE, &[&two, b"[]"]),
            payload(MESSAGE, &[&two, b"\xFF"]),
            payload(7, &[&two, b"{}"]),
        ] {
            let mut all = MAGIC.to_vec();
            run(&mut all, Cursor { epoch: 1, number: 0 }).unwrap();
            let whole = |text: &[u8], number: u64, all: &mut Vec<u8>| {
                record(all, &[&[MESSAGE], &number.to_le_bytes(), text]).unwrap();
            };
            whole(b"{}", 1, &mut all);
            let before = all.len() as u64;
            all.extend_from_slice(&(nonsense.len() as u32).to_le_bytes());
            all.extend_from_slice(&crc(nonsense.iter().copied()).to_le_bytes());
            all.extend_from_slice(&nonsense);
            whole(b"{}", 2, &mut all);
            std::fs::write(&path, &all).unwrap();
            let mut past = Past::new(Most { bytes: 100, messages: 100 });
            let contents = read(&path, &mut past).unwrap();
            assert_eq!((contents.messages, contents.whole), (1, before), "{nonsense:?}");
        }
    }

    #[test]
    fn sums_are_those_of_everybody() {
        assert_eq!(crc(b"123456789".iter().copied()), 0xCBF4_3926);
    }
}
