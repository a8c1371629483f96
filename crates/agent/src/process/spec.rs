//! What a process is told that runs an agent.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use gleis_codec::{AnyCodec, Limits};
use gleis_core::{Endpoint, Name};
use serde::{Deserialize, Serialize};

/// The argument of a process that runs an agent; the rest comes on its standard input.
pub(super) const FLAG: &str = "--gleis-agent-process";

/// The longest that it may be told.
const LONGEST: usize = 64 << 20;

/// What it is told.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Spec {
    /// The type of the agent, as the compiler calls it.
    pub(super) kind: String,
    pub(super) name: Name,
    pub(super) name_server: Endpoint,
    /// The agent as it begins, in MessagePack.
    pub(super) state: Vec<u8>,
    /// Where it tells what is to be tidied up after it, and why it did not start.
    pub(super) folder: PathBuf,
    /// Whether it goes on when its parent is gone.
    pub(super) is_detached: bool,
}

impl Spec {
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let body = AnyCodec::Msgpack.encode(self, &Limits::default()).map_err(io::Error::other)?;
        let len = u32::try_from(body.len()).map_err(io::Error::other)?;
        Ok([&len.to_be_bytes()[..], &body].concat())
    }

    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut len = [0; 4];
        from.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        if LONGEST < len {
            return Err(io::Error::other("too long"));
        }
        let mut body = vec![0; len];
        from.read_exact(&mut body)?;
        AnyCodec::Msgpack.decode(&body.into(), &Limits::default()).map_err(io::Error::other)
    }

    /// Tells the parent why the agent did not start.
    pub(super) fn fail(&self, text: &str) {
        // The parent may be gone.
        if let Ok(mut file) = std::fs::File::create(super::folder::error(&self.folder)) {
            let _ = file.write_all(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_what_it_was_meant_to_be() {
        let spec = Spec {
            kind: "Counter".to_owned(),
            name: Name::new("one").unwrap(),
            name_server: "tcp://127.0.0.1:1".parse().unwrap(),
            state: vec![1, 2, 3],
            folder: PathBuf::from("/tmp/x"),
            is_detached: true,
        };
        let bytes = spec.encode().unwrap();
        let read = Spec::read(&mut &bytes[..]).unwrap();
        assert_eq!(format!("{read:?}"), format!("{spec:?}"));
        for len in 0..bytes.len() {
            assert!(Spec::read(&mut &bytes[..len]).is_err());
        }
        assert!(Spec::read(&mut &[0xff; 8][..]).is_err());
    }
}
