//! The frames of requests and answers: see `docs/wire.md`, section Request-reply.

use bytes::Bytes;
use gleis_core::CorrelationId;
use gleis_transport::{Body, Head, Message as Frames};

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
    let mut head = Head::copied([&id.to_bytes(), b""]);
    head.append(value.head);
    Frames { head, body: value.body }
}

/// Gives the value of a [`request`] back.
pub(crate) fn unrequest(request: Frames) -> Frames {
    behind(2, request)
}

/// Splits what a replier received: the envelope to be echoed, and the rest. `Err` holds the number
/// of frames of a message that is no request.
///
/// The envelope ends with the first empty frame; a message of one frame has none.
pub(crate) fn split_request(message: Frames) -> Result<(Head, Frames), usize> {
    let Frames { mut head, body } = message;
    match head.iter().position(<[u8]>::is_empty) {
        None if head.is_empty() => Ok((head, Frames::single(body))),
        None => Err(head.len() + 1),
        Some(at) => {
            let rest = head.split_off(at + 1);
            Ok((head, Frames { head: rest, body }))
        }
    }
}

/// The answer behind its envelope. A foreign peer gets an empty body for all that is no value.
pub(crate) fn answer(envelope: Head, answer: Answer, gleis: bool) -> Frames {
    let (kind, text) = match answer {
        Answer::Value(value) => {
            let mut head = envelope;
            if gleis && !value.head.is_empty() {
                head.push(Bytes::from_static(FRAMES));
            }
            head.append(value.head);
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

/// Whose answer this is, and what it says; what is no answer comes back.
pub(crate) fn split_answer(
    message: Frames,
    gleis: bool,
) -> Result<(CorrelationId, Answer), Frames> {
    let mut frames = message.head.iter();
    let id = frames.next().and_then(CorrelationId::from_bytes);
    let (Some(id), Some([])) = (id, frames.next()) else {
        return Err(message);
    };
    let (kind, n_more) = (frames.next(), frames.count());
    let answer = match kind {
        None => Answer::Value(Frames::single(message.body)),
        Some(ERROR) if gleis && n_more == 0 => Answer::Error(text(&message.body)),
        Some(NO_REPLY) if gleis && n_more == 0 => Answer::NoReply,
        Some(FRAMES) if gleis => Answer::Value(behind(3, message)),
        Some(_) if gleis => return Err(message),
        Some(_) => Answer::Value(behind(2, message)),
    };
    Ok((id, answer))
}

/// What stands behind the first `n_frames`.
fn behind(n_frames: usize, mut message: Frames) -> Frames {
    message.head = message.head.split_off(n_frames);
    message
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
            let envelope = Head::copied([b"12345678", b""]);
            let message = answer(envelope, Answer::Value(frames(&["E", "x"])), gleis);
            let Ok((_, Answer::Value(value))) = split_answer(message, gleis) else {
                panic!("a value");
            };
            assert_eq!((value.head.len(), value.body.len()), (1, 1));
        }
    }

    #[test]
    fn a_foreign_peer_gets_an_empty_body_instead_of_an_error() {
        let error = || Answer::Error("no such thing".to_owned());
        let foreign = answer(Head::copied([b""]), error(), false);
        assert_eq!((foreign.head.len(), foreign.body.len()), (1, 0));
        let ours = answer(Head::copied([b""]), error(), true);
        assert_eq!((ours.head.len(), ours.body.len()), (2, 13));
    }

    #[test]
    fn kinds_are_read_from_gleis_peers_only() {
        let error = || frames(&["12345678", "", "E", "text"]);
        assert!(matches!(split_answer(error(), true), Ok((_, Answer::Error(_)))));
        assert!(matches!(split_answer(error(), false), Ok((_, Answer::Value(_)))));
        assert!(split_answer(frames(&["1234", "", "body"]), true).is_err());
        assert!(split_answer(frames(&["12345678", "body"]), true).is_err());
    }
}
