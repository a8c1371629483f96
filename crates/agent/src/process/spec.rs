//! What a process is told that runs an agent.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use gleis_codec::{AnyCodec, Limits};
use gleis_core::{Endpoint, Name, Value};
use serde::{Deserialize, Serialize};

use crate::{Agent, ErrorPolicy, RunAgent};

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
    /// Where its node listens, if not on this machine alone.
    pub(super) listen: Option<Endpoint>,
    /// How the agent is run.
    pub(super) settings: Settings,
}

/// How an agent is run that is not run as all are.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Settings {
    pub(super) at: Option<Endpoint>,
    pub(super) attributes: Vec<(String, Value)>,
    /// The name of a codec.
    pub(super) codec: Option<String>,
    pub(super) mailbox: Option<usize>,
    pub(super) policy: Option<ErrorPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stuck_after: Option<Duration>,
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
}

impl Settings {
    /// Has the agent run so.
    pub(super) fn apply<A: Agent>(self, mut run: RunAgent<A>) -> Result<RunAgent<A>, String> {
        let Self { at, attributes, codec, mailbox, policy, stuck_after } = self;
        if let Some(at) = at {
            run = run.at(at);
        }
        if let Some(codec) = codec {
            let found = AnyCodec::by_name(&codec);
            run = run.codec(found.ok_or_else(|| format!("no built-in codec is called `{codec}`"))?);
        }
        if let Some(mailbox) = mailbox {
            run = run.mailbox(mailbox);
        }
        if let Some(policy) = policy {
            run = run.on_error(policy);
        }
        if let Some(time) = stuck_after {
            run = run.stuck_after(time);
        }
        Ok(run.attributes(attributes))
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
            listen: Some("tcp://0.0.0.0:7".parse().unwrap()),
            settings: Settings {
                at: Some("ipc://*".parse().unwrap()),
                attributes: vec![("x".to_owned(), Value::Bytes(vec![1]))],
                codec: Some("json".to_owned()),
                mailbox: Some(3),
                policy: Some(ErrorPolicy::Log),
                stuck_after: Some(Duration::from_secs(1)),
            },
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
