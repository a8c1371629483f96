//! What channels say on their links: see "Channels" in `docs/wire.md`.

use std::time::Duration;

use bytes::{Buf, Bytes};
use gleis_codec::AnyCodec;
use gleis_patterns::{Filter, Framed, Head, Multipart, Pattern};

use crate::error::RequestError;
use crate::feed::Told;

/// What the asking side says.
#[derive(Debug)]
pub(crate) enum Up {
    Ask {
        ask: Ask,
        body: Bytes,
    },
    Cancel {
        id: u64,
    },
    /// Changes of what is wanted, confirmed by the mark.
    Wish {
        mark: u64,
        changes: Vec<Change>,
    },
}

/// A change of what is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Add(Filter),
    /// Nothing that was asked for before.
    Clear,
    Remove(Filter),
}

/// What the answering side says.
#[derive(Debug)]
pub(crate) enum Down {
    Answer {
        id: u64,
        body: Bytes,
    },
    Failure {
        id: u64,
        why: Why,
        text: String,
    },
    /// A publication, and how many before it were not sent for want of room.
    Told {
        missed: u64,
        told: Told,
    },
    /// All changes up to this mark have had their effect.
    Done {
        mark: u64,
    },
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Why {
    /// The replier said so, or what handles the request failed.
    Failed,
    /// Nobody answers.
    NoReply,
    /// The request cannot be read.
    Refused,
}

/// The codec that a peer names, or the name that is none here.
pub(crate) type Named = Result<AnyCodec, String>;

impl Why {
    /// What the requester is told.
    pub(crate) fn error(self, text: String) -> RequestError {
        match self {
            Self::Failed => RequestError::Failed { text },
            Self::NoReply => RequestError::NoReply,
            Self::Refused => RequestError::Refused { text },
        }
    }
}

/// A request; the deadline travels as the time that is left.
pub(crate) fn ask(id: u64, left: Duration, codec: &str, body: Bytes) -> Framed {
    // Half a million years are as good as for ever.
    let left = u64::try_from(left.as_micros()).unwrap_or(u64::MAX);
    let head = frame([&[ASK], &id.to_be_bytes(), &left.to_be_bytes(), codec.as_bytes()]);
    Framed::new(head, body)
}

pub(crate) fn cancel(id: u64) -> Framed {
    alone(CANCEL, id)
}

pub(crate) fn wish(mark: u64, changes: &[Change]) -> Framed {
    let changes = changes.iter().map(change);
    let frames = [numbered(WISH, mark)].into_iter().chain(changes);
    frames.collect::<Multipart>().into()
}

pub(crate) fn answer(id: u64, body: Bytes) -> Framed {
    Framed::new(frame([&[ANSWER], &id.to_be_bytes()]), body)
}

pub(crate) fn failure(id: u64, why: Why, text: String) -> Framed {
    let why = match why {
        Why::Failed => b'F',
        Why::NoReply => b'N',
        Why::Refused => b'R',
    };
    Framed::new(frame([&[FAILURE], &id.to_be_bytes(), &[why]]), text)
}

/// A publication, behind as many that were not sent.
pub(crate) fn told(missed: u64, codec: &str, topic: &[u8], body: Bytes) -> Framed {
    // No codec has a name that long; one that had would be unknown to the other side.
    let codec = &codec.as_bytes()[..codec.len().min(u8::MAX.into())];
    let parts = [&[TOLD], &missed.to_be_bytes()[..], &[codec.len() as u8], codec, topic];
    Framed::new(frame(parts), body)
}

pub(crate) fn done(mark: u64) -> Framed {
    alone(DONE, mark)
}

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) codec: Named,
    pub(crate) id: u64,
    pub(crate) left: Duration,
}

/// Whether it says that it is a request.
pub(crate) fn is_ask(message: &Framed) -> bool {
    message.head.first().is_some_and(|it| it.first() == Some(&ASK))
}

/// Reads a request; its body is the message's.
pub(crate) fn read_ask(message: &Framed, ours: &AnyCodec) -> Option<Ask> {
    let (kind, mut first) = Cursor::new(message)?;
    if kind != ASK || message.head.len() != 1 {
        return None;
    }
    let (id, left) = (first.number()?, Duration::from_micros(first.number()?));
    Some(Ask { codec: named(first.0, ours), id, left })
}

/// Reads what the asking side says; `None` if it is nothing that it says.
pub(crate) fn read_up(message: Framed, ours: &AnyCodec) -> Option<Up> {
    let (kind, mut first) = Cursor::new(&message)?;
    Some(match kind {
        ASK => Up::Ask { ask: read_ask(&message, ours)?, body: message.body },
        CANCEL if message.head.is_empty() => Up::Cancel { id: first.last_number()? },
        WISH => {
            let mark = first.last_number()?;
            let Multipart { frames } = message.into();
            let changes = frames.iter().skip(1).map(|it| read_change(it));
            Up::Wish { mark, changes: changes.collect::<Option<_>>()? }
        }
        _ => return None,
    })
}

/// Reads what the answering side says, `ours` being the codec that it most likely publishes in; `None`
/// if it is nothing that it says.
pub(crate) fn read_down(mut message: Framed, ours: &AnyCodec) -> Option<Down> {
    let (kind, mut first) = Cursor::new(&message)?;
    if kind == DONE {
        let mark = first.last_number()?;
        return message.head.is_empty().then_some(Down::Done { mark });
    }
    if message.head.len() != 1 {
        return None;
    }
    Some(match kind {
        ANSWER => Down::Answer { id: first.last_number()?, body: message.body },
        FAILURE => {
            let id = first.number()?;
            let why = match first.0 {
                b"F" => Why::Failed,
                b"N" => Why::NoReply,
                b"R" => Why::Refused,
                _ => return None,
            };
            Down::Failure { id, why, text: String::from_utf8_lossy(&message.body).into_owned() }
        }
        TOLD => {
            let (missed, codec) = (first.number()?, named(first.text()?, ours));
            let n_topic = first.0.len();
            let mut topic = message.head.pop_first()?;
            topic.advance(topic.len() - n_topic);
            Down::Told { missed, told: Told { body: message.body, codec, topic } }
        }
        _ => return None,
    })
}

/// The codec that a peer names; `ours` is most often the one.
fn named(name: &[u8], ours: &AnyCodec) -> Named {
    if name == ours.name().as_bytes() {
        return Ok(ours.clone());
    }
    let by_name = std::str::from_utf8(name).ok().and_then(AnyCodec::by_name);
    by_name.ok_or_else(|| String::from_utf8_lossy(name).into_owned())
}

/// One frame of these parts, in place if it is short.
fn frame<const N: usize>(parts: [&[u8]; N]) -> Head {
    let mut room = [0; SHORT];
    let mut len = 0;
    for part in parts {
        let Some(there) = room.get_mut(len..len + part.len()) else {
            return Bytes::from(parts.concat()).into();
        };
        there.copy_from_slice(part);
        len += part.len();
    }
    Head::copied([&room[..len]])
}

/// As much is gathered without an allocation: more than a head keeps in place.
const SHORT: usize = 64;

fn alone(kind: u8, number: u64) -> Framed {
    Framed::new(Head::new(), numbered(kind, number))
}

fn numbered(kind: u8, number: u64) -> Bytes {
    [&[kind], &number.to_be_bytes()[..]].concat().into()
}

fn change(change: &Change) -> Bytes {
    let (sign, filter) = match change {
        Change::Add(filter) => (b'+', filter),
        Change::Clear => return Bytes::from_static(CLEAR),
        Change::Remove(filter) => (b'-', filter),
    };
    let (kind, text): (u8, &[u8]) = match filter {
        Filter::Exact(topic) => (b'E', topic),
        Filter::Path(pattern) => (b'D', pattern.as_str().as_bytes()),
        Filter::Prefix(prefix) => (b'P', prefix),
    };
    [&[sign, kind], text].concat().into()
}

fn read_change(bytes: &[u8]) -> Option<Change> {
    if bytes == CLEAR {
        return Some(Change::Clear);
    }
    let [sign, kind, text @ ..] = bytes else {
        return None;
    };
    // Copies, which pin no read buffer.
    let filter = match kind {
        b'D' => Filter::Path(Pattern::new(std::str::from_utf8(text).ok()?).ok()?),
        b'E' => Filter::exact(text),
        b'P' => Filter::prefix(text),
        _ => return None,
    };
    match sign {
        b'+' => Some(Change::Add(filter)),
        b'-' => Some(Change::Remove(filter)),
        _ => None,
    }
}

/// What is left of the first frame.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Its kind, and what is behind it.
    fn new(message: &'a Framed) -> Option<(u8, Self)> {
        let first = message.head.first().unwrap_or(&message.body);
        let (kind, rest) = first.split_first()?;
        Some((*kind, Self(rest)))
    }

    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*number))
    }

    /// A number with nothing behind it.
    fn last_number(&mut self) -> Option<u64> {
        self.number().filter(|_| self.0.is_empty())
    }

    /// Some bytes behind their number.
    fn text(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first()?;
        let (text, rest) = rest.split_at_checked(usize::from(*len))?;
        self.0 = rest;
        Some(text)
    }
}

const ANSWER: u8 = b'A';
const ASK: u8 = b'Q';
const CANCEL: u8 = b'C';
const CLEAR: &[u8] = b"=";
const DONE: u8 = b'D';
const FAILURE: u8 = b'E';
const TOLD: u8 = b'P';
const WISH: u8 = b'W';

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames that stand between bars.
    fn frames(text: &'static str) -> Framed {
        let frames: Multipart = text.split('|').map(Bytes::from).collect();
        frames.into()
    }

    fn up(message: Framed) -> Option<Up> {
        read_up(message, &AnyCodec::Raw)
    }

    fn down(message: Framed) -> Option<Down> {
        read_down(message, &AnyCodec::Raw)
    }

    #[test]
    fn a_request_comes_back_as_it_was() {
        let left = Duration::from_millis(1_500);
        let message = ask(7, left, "json", Bytes::from_static(b"{}"));
        let Some(Up::Ask { ask: Ask { codec, id, left: came }, body }) = up(message) else {
            panic!("a request");
        };
        assert_eq!((id, came, &*body), (7, left, &b"{}"[..]));
        assert_eq!(codec.unwrap().name(), "json");
    }

    #[test]
    fn a_wait_for_ever_is_long_and_no_panic() {
        let message = ask(1, Duration::MAX, "raw", Bytes::new());
        let Some(Up::Ask { ask: Ask { left, .. }, .. }) = up(message) else { panic!("a request") };
        assert!(Duration::from_secs(60 * 60 * 24 * 365) < left);
    }

    #[test]
    fn wishes_of_every_kind_come_back_as_they_were() {
        let expect = [
            Change::Clear,
            Change::Remove(Filter::exact(b"\xeb")),
            Change::Add(Filter::path("a.*.**").unwrap()),
            Change::Add(Filter::prefix("odd")),
        ];
        let Some(Up::Wish { mark, changes }) = up(wish(3, &expect)) else { panic!("wishes") };
        assert_eq!((mark, &changes[..]), (3, &expect[..]));
    }

    #[test]
    fn failures_and_publications_come_back_as_they_were() {
        for why in [Why::Failed, Why::NoReply, Why::Refused] {
            let Some(Down::Failure { id, why: came, text }) = down(failure(9, why, "x".to_owned()))
            else {
                panic!("a failure");
            };
            assert_eq!((id, came, text.as_str()), (9, why, "x"));
        }
        let told = told(2, "raw", b"t", Bytes::from_static(b"body"));
        let Some(Down::Told { missed, told: Told { body, codec, topic } }) = down(told) else {
            panic!("a publication");
        };
        assert_eq!((missed, &*topic, &*body), (2, &b"t"[..], &b"body"[..]));
        assert_eq!(codec.unwrap().name(), "raw");
    }

    #[test]
    fn what_is_cut_short_or_too_long_is_nothing() {
        for text in [
            "",
            "|body",
            "Q1234567",
            "Q12345678abcdefgh",
            "Q12345678abcdefgh|body|more",
            "C12345678x",
            "C12345678|more",
            "W12345678|+",
            "W12345678|?Px",
            "W12345678|+X",
            "W12345678|+Da.**.b",
            "A12345678|body",
        ] {
            assert!(up(frames(text)).is_none(), "{text}");
        }
        for text in [
            "",
            "A1234567|body",
            "A12345678",
            "A12345678x|body",
            "E12345678|text",
            "E12345678X|text",
            "P12345678\x03rawtopic",
            "P12345678\x04raw|body",
            "P12345678|body",
            "P1234|body",
            "P12345678\x03rawtopic|body|more",
            "C12345678",
        ] {
            assert!(down(frames(text)).is_none(), "{text}");
        }
    }
}
