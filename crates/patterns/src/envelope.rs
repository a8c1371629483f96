//! The frames of requests and answers: see `docs/wire.md`, section Request-reply.

use bytes::Bytes;
use gleis_core::CorrelationId;
use gleis_transport::{Body, Message as Frames};

/// The kind frame of an error answer; its text follows.
const ERROR: &[u8] = b"E";
/// The kind frame of an answer of several frames; they follow.
const FRAMES: &[u8] = b"V";
/// The kind frame of the answer that there is none.
const NO_REPLY: &[u8] = b"N";

/// An answer as the wire carries it.
pub(crate) enum Answer {
    Error(String),
    NoReply,
    Value(Frames),
}

/// A request as the wire carries it.
pub(crate) fn request(id: CorrelationId, value: Frames) -> Frames {
    let mut head = Vec::with_capacity(2 + value.head.len());
    head.extend([Bytes::copy_from_slice(&id.to_bytes()), Bytes::new()]);
    head.extend(value.head);
    Frames { head, body: value.body }
}

/// Gives the value of a [`request`] back.
pub(crate) fn unrequest(mut request: Frames) -> Frames {
    request.head.drain(..2.min(request.head.len()));
    request
}

/// Splits what a replier received: the envelope to be echoed, and the rest. `Err` holds the number
/// of frames of a message that is no request.
///
/// The envelope ends with the first empty frame; a message of one frame has none.
pub(crate) fn split_request(message: Frames) -> Result<(Vec<Bytes>, Frames), usize> {
    let Frames { mut head, body } = message;
    match head.iter().position(Bytes::is_empty) {
        None if head.is_empty() => Ok((head, Frames::single(body))),
        None => Err(head.len() + 1),
        Some(at) => {
            let rest = head.split_off(at + 1);
            Ok((head, Frames { head: rest, body }))
        }
    }
}

/// The answer behind its envelope. A foreign peer gets an empty body for all that is no value.
pub(crate) fn answer(envelope: Vec<Bytes>, answer: Answer, gleis: bool) -> Frames {
    let (kind, text) = match answer {
        Answer::Value(value) => {
            let mut head = envelope;
            if gleis && !value.head.is_empty() {
                head.push(Bytes::from_static(FRAMES));
            }
            head.extend(value.head);
            return Frames { head, body: value.body };
        }
        Answer::Error(text) => (ERROR, text),
        Answer::NoReply => (NO_REPLY, String::new()),
    };
    if !gleis {
        return Frames::multipart(envelope, Bytes::new());
    }
    let mut head = envelope;
    head.push(Bytes::from_static(kind));
    Frames::multipart(head, text)
}

/// Whose answer this is, and what it says; `None` if it is no answer.
pub(crate) fn split_answer(message: Frames, gleis: bool) -> Option<(CorrelationId, Answer)> {
    let Frames { head, body } = message;
    let [id, empty, kind @ ..] = &head[..] else {
        return None;
    };
    let id = CorrelationId::from_bytes(id).filter(|_| empty.is_empty())?;
    let answer = match kind {
        [] => Answer::Value(Frames::single(body)),
        [kind] if gleis && kind == ERROR => Answer::Error(text(&body)),
        [kind] if gleis && kind == NO_REPLY => Answer::NoReply,
        [kind, rest @ ..] if gleis && kind == FRAMES => {
            Answer::Value(Frames::multipart(rest.to_vec(), body))
        }
        _ if gleis => return None,
        rest => Answer::Value(Frames::multipart(rest.to_vec(), body)),
    };
    Some((id, answer))
}

fn text(body: &Body) -> String {
    let bytes = body.to_bytes().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(parts: &[&'static str]) -> Frames {
        let mut head: Vec<Bytes> =
            parts.iter().map(|it| Bytes::from_static(it.as_bytes())).collect();
        let body = head.pop().unwrap();
        Frames::multipart(head, body)
    }

    #[track_caller]
    fn check(request: &[&'static str], expect: Result<usize, usize>) {
        let split = split_request(frames(request));
        assert_eq!(split.map(|it| it.0.len()), expect);
    }

    #[test]
    fn the_envelope_ends_with_the_first_empty_frame() {
        check(&["", "body"], Ok(1));
        check(&["12345678", "", "body"], Ok(2));
        check(&["a", "b", "", "body"], Ok(3));
        check(&["12345678", "", ""], Ok(2));
    }

    #[test]
    fn a_single_frame_has_no_envelope() {
        check(&["body"], Ok(0));
        check(&[""], Ok(0));
    }

    #[test]
    fn several_frames_without_an_envelope_are_no_request() {
        check(&["", "a", "b"], Ok(1));
        check(&["a", "b"], Err(2));
    }

    #[test]
    fn answers_of_several_frames_are_told_from_errors() {
        for gleis in [true, false] {
            let envelope = vec![Bytes::from_static(b"12345678"), Bytes::new()];
            let message = answer(envelope, Answer::Value(frames(&["E", "x"])), gleis);
            let Some((_, Answer::Value(value))) = split_answer(message, gleis) else {
                panic!("a value");
            };
            assert_eq!((value.head.len(), value.body.len()), (1, 1));
        }
    }

    #[test]
    fn a_foreign_peer_gets_an_empty_body_instead_of_an_error() {
        let error = || Answer::Error("no such thing".to_owned());
        let foreign = answer(vec![Bytes::new()], error(), false);
        assert_eq!((foreign.head.len(), foreign.body.len()), (1, 0));
        let ours = answer(vec![Bytes::new()], error(), true);
        assert_eq!((ours.head.len(), ours.body.len()), (2, 13));
    }

    #[test]
    fn kinds_are_read_from_gleis_peers_only() {
        let error = || frames(&["12345678", "", "E", "text"]);
        assert!(matches!(split_answer(error(), true), Some((_, Answer::Error(_)))));
        assert!(matches!(split_answer(error(), false), Some((_, Answer::Value(_)))));
        assert!(split_answer(frames(&["1234", "", "body"]), true).is_none());
        assert!(split_answer(frames(&["12345678", "body"]), true).is_none());
    }
}
