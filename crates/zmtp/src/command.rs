//! Commands: what they look like, read and written.

use bytes::{BufMut, BytesMut};

use crate::{
    Config,
    error::{Error, Violation, printable},
    frame::{COMMAND, put_header},
    metadata::put_property,
};

/// The longest context a `PING` may carry.
pub(crate) const MAX_CONTEXT: usize = 16;

/// A command as it stands in the input.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Command<'a> {
    Cancel(&'a [u8]),
    Error(&'a [u8]),
    Ping { ttl_tenths: u16, context: &'a [u8] },
    Pong,
    Ready(&'a [u8]),
    Subscribe(&'a [u8]),
    Unknown { name: &'a [u8], body: &'a [u8] },
}

impl<'a> Command<'a> {
    /// Reads the body of a command frame.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Violation> {
        let (name, data) = split_name(body)
            .ok_or(Violation::MalformedCommand { command: "unnamed", fault: "no name" })?;
        Ok(match name {
            b"CANCEL" => Self::Cancel(data),
            b"ERROR" => Self::Error(data),
            b"PING" => parse_ping(data)?,
            b"PONG" => Self::Pong,
            b"READY" => Self::Ready(data),
            b"SUBSCRIBE" => Self::Subscribe(data),
            _ => Self::Unknown { name, body: data },
        })
    }

    /// The name, safe to log.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Cancel(_) => "CANCEL".to_owned(),
            Self::Error(_) => "ERROR".to_owned(),
            Self::Ping { .. } => "PING".to_owned(),
            Self::Pong => "PONG".to_owned(),
            Self::Ready(_) => "READY".to_owned(),
            Self::Subscribe(_) => "SUBSCRIBE".to_owned(),
            Self::Unknown { name, .. } => printable(name),
        }
    }
}

fn split_name(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = body.split_first()?;
    rest.split_at_checked(usize::from(len)).filter(|(name, _)| !name.is_empty())
}

fn parse_ping(data: &[u8]) -> Result<Command<'_>, Violation> {
    let malformed = |fault| Violation::MalformedCommand { command: "PING", fault };
    let (&ttl, context) = data.split_first_chunk().ok_or(malformed("no time to live"))?;
    if MAX_CONTEXT < context.len() {
        return Err(malformed("context longer than 16 bytes"));
    }
    Ok(Command::Ping { ttl_tenths: u16::from_be_bytes(ttl), context })
}

/// The reason in the data of an `ERROR`; a malformed one is shown as it is.
pub(crate) fn refusal(data: &[u8]) -> Error {
    let reason = data.split_first().and_then(|(&len, rest)| rest.get(..usize::from(len)));
    Error::Refused { reason: printable(reason.unwrap_or(data)) }
}

/// Appends our `READY`.
pub(crate) fn put_ready(config: &Config, out: &mut BytesMut) {
    let mut data = BytesMut::with_capacity(64);
    put_property("Socket-Type", config.socket_type.as_str().as_bytes(), &mut data);
    if !config.identity.is_empty() {
        put_property("Identity", &config.identity, &mut data);
    }
    let ours =
        |name: &str| ["Socket-Type", "Identity"].iter().any(|it| it.eq_ignore_ascii_case(name));
    for (name, value) in config.metadata.iter().filter(|(name, _)| !ours(name)) {
        put_property(name, value, &mut data);
    }
    put_command(b"READY", &[&data], out);
}

/// Appends an `ERROR`; the reason is cut at 255 bytes.
pub(crate) fn put_error(reason: &str, out: &mut BytesMut) {
    let reason = &reason.as_bytes()[..reason.len().min(255)];
    put_command(b"ERROR", &[&[reason.len() as u8], reason], out);
}

/// Appends a `PING`; ours carry no context.
pub(crate) fn put_ping(ttl_tenths: u16, out: &mut BytesMut) {
    put_command(b"PING", &[&ttl_tenths.to_be_bytes()], out);
}

/// Appends the answer to a `PING`.
pub(crate) fn put_pong(context: &[u8], out: &mut BytesMut) {
    put_command(b"PONG", &[context], out);
}

/// Appends a command with the given data, which may come in pieces.
pub(crate) fn put_command(name: &[u8], data: &[&[u8]], out: &mut BytesMut) {
    let len = 1 + name.len() + data.iter().map(|it| it.len()).sum::<usize>();
    put_header(COMMAND, len, out);
    out.put_u8(name.len() as u8);
    out.put_slice(name);
    for it in data {
        out.put_slice(it);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SocketType;

    #[track_caller]
    fn check(body: &[u8], expect: &Result<Command<'_>, &str>) {
        let seen = Command::parse(body).map_err(|it| it.to_string());
        assert_eq!(seen.as_ref().map_err(String::as_str), expect.as_ref().map_err(|it| *it));
    }

    #[track_caller]
    fn check_written(put: impl FnOnce(&mut BytesMut), expect: &[u8]) {
        let mut out = BytesMut::new();
        put(&mut out);
        assert_eq!(out.escape_ascii().to_string(), expect.escape_ascii().to_string());
    }

    #[test]
    fn known_commands_are_told_apart_by_their_whole_name() {
        check(b"\x05READYabc", &Ok(Command::Ready(b"abc")));
        check(b"\x05ERROR\x01x", &Ok(Command::Error(b"\x01x")));
        check(b"\x09SUBSCRIBEa", &Ok(Command::Subscribe(b"a")));
        check(b"\x06CANCEL", &Ok(Command::Cancel(b"")));
        check(b"\x04PONGctx", &Ok(Command::Pong));
        check(b"\x04JOINx", &Ok(Command::Unknown { name: b"JOIN", body: b"x" }));
        check(b"\x05ready", &Ok(Command::Unknown { name: b"ready", body: b"" }));
    }

    #[test]
    fn a_command_without_a_name_is_malformed() {
        for body in [b"".as_slice(), b"\0", b"\x05READ", b"\xff"] {
            check(body, &Err("malformed unnamed command: no name"));
        }
    }

    #[test]
    fn a_ping_carries_a_ttl_and_up_to_16_bytes() {
        check(b"\x04PING\x01\x02", &Ok(Command::Ping { ttl_tenths: 258, context: b"" }));
        let longest = Command::Ping { ttl_tenths: 0, context: b"0123456789abcdef" };
        check(b"\x04PING\0\x000123456789abcdef", &Ok(longest));
        let too_long = "malformed PING command: context longer than 16 bytes";
        check(b"\x04PING\0\x000123456789abcdefg", &Err(too_long));
        check(b"\x04PING\0", &Err("malformed PING command: no time to live"));
    }

    #[test]
    fn commands_are_written_as_rfc_37_says() {
        check_written(|out| put_ping(300, out), b"\x04\x07\x04PING\x01\x2c");
        check_written(|out| put_pong(b"ctx", out), b"\x04\x08\x04PONGctx");
        check_written(|out| put_error("no", out), b"\x04\x09\x05ERROR\x02no");
        let config = Config::new(SocketType::Req);
        let expect = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ";
        check_written(|out| put_ready(&config, out), expect);
    }

    #[test]
    fn ready_carries_identity_and_further_properties() {
        let mut config = Config::new(SocketType::Dealer);
        config.identity = "me".into();
        config.metadata.insert("socket-type", "REQ").unwrap();
        config.metadata.insert("X-Gleis-Codec", "json").unwrap();
        let expect = b"\x04\x41\x05READY\x0bSocket-Type\0\0\0\x06DEALER\
            \x08Identity\0\0\0\x02me\x0dX-Gleis-Codec\0\0\0\x04json";
        check_written(|out| put_ready(&config, out), expect);
    }

    #[test]
    fn the_reason_of_an_error_is_safe_to_log() {
        #[track_caller]
        fn check(data: &[u8], expect: &str) {
            assert_eq!(refusal(data), Error::Refused { reason: expect.to_owned() });
        }
        check(b"\x03who", "who");
        check(b"\x03who are", "who");
        check(b"\x09who", "\\twho");
        check(b"", "");
        check(b"\x02\x1b[", "\\x1b[");
    }
}
