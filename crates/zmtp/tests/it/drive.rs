//! Drives sessions with given bytes; the fuzz targets use this file too.

use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use gleis_zmtp::{Config, Error, Event, Limits, Session, SocketType};

/// Our greeting, which every peer may send as well.
pub(crate) const GREETING: &[u8] =
    b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Limits small enough that short inputs reach them.
pub(crate) const SMALL: Limits =
    Limits { frame: 512, message: 1024, parts: 8, command: 256, subscription: 32 };

/// What a session made of a stream of bytes.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// The events before the stream ended or failed.
    pub(crate) events: Vec<Event>,
    /// Why it failed, if it did.
    pub(crate) error: Option<Error>,
    /// The bytes left, which are a frame not yet whole; unknown after an error.
    pub(crate) left: Option<usize>,
}

/// The configuration of most tests.
pub(crate) fn config(socket_type: SocketType) -> Config {
    Config { limits: SMALL, ..Config::new(socket_type) }
}

/// The bytes of a greeting and a `READY` of the given type.
pub(crate) fn hello(socket_type: &str) -> Vec<u8> {
    let name = socket_type.as_bytes();
    let ready = [b"\x05READY\x0bSocket-Type\0\0\0".as_slice(), &[name.len() as u8], name].concat();
    [GREETING, &[4, ready.len() as u8], &ready].concat()
}

/// A session of the given type and the type of a peer it accepts, chosen by a byte.
pub(crate) fn choose(by: u8) -> (SocketType, SocketType) {
    let ours = SocketType::ALL[usize::from(by) % SocketType::ALL.len()];
    let fits = |it: &SocketType| ours.is_compatible_with(*it);
    let theirs = SocketType::ALL.into_iter().find(fits).expect("every type has a partner");
    (ours, theirs)
}

/// Feeds `bytes` in chunks of the given lengths, repeated; an empty list feeds all at once.
pub(crate) fn feed(config: Config, bytes: &[u8], chunks: &[u8]) -> Outcome {
    let now = Instant::now();
    let mut session = Session::new(config, now);
    let mut input = BytesMut::new();
    let mut out = BytesMut::new();
    let mut rest = bytes;
    let mut events = Vec::new();
    let mut sizes = chunks.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |it| rest.len().min(usize::from(*it).max(1)));
        input.extend_from_slice(&rest[..size]);
        rest.advance(size);
        if let Err(error) = drain(&mut session, now, &mut input, &mut events) {
            assert_eq!(session.poll_event(now, &mut input), Err(error.clone()));
            return Outcome { events, error: Some(error), left: None };
        }
        let wanted = session.wanted(input.len());
        assert!(wanted <= SMALL.frame + 9, "wants {wanted}");
        session.poll_transmit(&mut out);
        assert!(out.len() <= 512, "says {} bytes", out.len());
        out.clear();
    }
    Outcome { events, error: None, left: Some(input.len()) }
}

fn drain(
    session: &mut Session,
    now: Instant,
    input: &mut BytesMut,
    events: &mut Vec<Event>,
) -> Result<(), Error> {
    while let Some(event) = session.poll_event(now, input)? {
        events.push(event);
    }
    Ok(())
}

/// Target `greeting`: any bytes from the first one on, whole and in pieces.
pub(crate) fn greeting(bytes: &[u8]) {
    let config = config(SocketType::Dealer);
    let whole = feed(config.clone(), bytes, &[]);
    assert_eq!(feed(config, bytes, &[1]), whole);
}

/// Target `frame`: any frames after a good handshake; the first byte chooses the types.
pub(crate) fn frame(bytes: &[u8]) {
    let Some((&by, frames)) = bytes.split_first() else {
        return;
    };
    let (ours, theirs) = choose(by);
    let stream = [&hello(theirs.as_str()), frames].concat();
    let whole = feed(config(ours), &stream, &[]);
    assert_eq!(whole.events.first(), Some(&Event::Ready));
    assert_eq!(feed(config(ours), &stream, &[1, 2, 3, 5, 8]), whole);
}

/// Target `session`: pairs of an action and its parameter drive a session through time.
pub(crate) fn session(bytes: &[u8]) {
    let Some((&by, mut rest)) = bytes.split_first() else {
        return;
    };
    let (ours, theirs) = choose(by);
    let mut now = Instant::now();
    let mut session = Session::new(config(ours), now);
    let mut input = BytesMut::new();
    let mut out = BytesMut::new();
    while let [action, n, tail @ ..] = rest {
        rest = tail;
        match action % 6 {
            0 => input.extend_from_slice(&hello(theirs.as_str())),
            1 => {
                let size = rest.len().min(usize::from(*n));
                input.extend_from_slice(&rest[..size]);
                rest.advance(size);
            }
            2 => now += Duration::from_millis(100) * u32::from(*n),
            3 => session.hold_silence(n % 2 == 1),
            4 => {
                session.poll_transmit(&mut out);
                assert!(out.len() <= 768, "says {} bytes", out.len());
                out.clear();
            }
            _ => {
                if session.poll_timeout().is_some_and(|it| it <= now) {
                    // A refused time is a final error, which the next poll repeats.
                    session.handle_timeout(now).unwrap_or_default();
                    assert!(session.poll_timeout().is_none_or(|it| now < it), "does not rest");
                }
            }
        }
        let mut events = Vec::new();
        if drain(&mut session, now, &mut input, &mut events).is_err() {
            return;
        }
    }
}
