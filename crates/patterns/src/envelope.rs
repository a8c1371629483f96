//! The frames of requests and answers: see `docs/wire.md`, section Request-reply.

use bytes::Bytes;
use gleis_core::CorrelationId;
use gleis_transport::{Body, Message as Frames};

/// The kind frame of an error answer; its text follows.
const ERROR: &[u8] = b"E";
/// The kind frame of the answer that there is none.
const NO_REPLY: &[u8] = b"N";

/// An answer as the wire carries it.
pub(crate) enum Answer {
    Error(String),
    NoReply,
    Value(Body),
}

/// The frames before a request's body.
pub(crate) fn head(id: CorrelationId) -> Vec<Bytes> {
    vec![Bytes::copy_from_slice(&id.to_bytes()), Bytes::new()]
}

/// Splits what a replier received: the envelope to be echoed, and the body. `Err` holds the number
/// of frames of a message that is no request.
///
/// The envelope ends with the first empty frame; a message of one frame has none.
pub(crate) fn split_request(message: Frames) -> Result<(Vec<Bytes>, Body), (Vec<Bytes>, usize)> {
    let Frames { mut head, body } = message;
    match head.iter().position(Bytes::is_empty) {
        None if head.is_empty() => Ok((head, body)),
        Some(at) if at + 1 == head.len() => Ok((head, body)),
        None => Err((Vec::new(), head.len() + 1)),
        Some(at) => {
            let frames = head.len() + 1;
            head.truncate(at + 1);
            Err((head, frames))
        }
    }
}

/// The answer behind its envelope. A foreign peer gets an empty body for all that is no value.
pub(crate) fn answer(envelope: Vec<Bytes>, answer: Answer, gleis: bool) -> Frames {
    let (kind, text) = match answer {
        Answer::Value(body) => {
            return Frames { head: envelope, body };
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
        [] => Answer::Value(body),
        [kind] if gleis && kind == ERROR => Answer::Error(text(&body)),
        [kind] if gleis && kind == NO_REPLY => Answer::NoReply,
        _ => return None,
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
        assert_eq!(split.map(|it| it.0.len()).map_err(|it| it.1), expect);
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
    fn more_than_one_frame_of_body_is_no_request() {
        check(&["", "a", "b"], Err(3));
        check(&["a", "b"], Err(2));
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
        assert!(split_answer(error(), false).is_none());
        assert!(split_answer(frames(&["1234", "", "body"]), true).is_none());
        assert!(split_answer(frames(&["12345678", "body"]), true).is_none());
    }
}
