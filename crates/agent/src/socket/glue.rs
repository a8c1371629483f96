//! Publications as osBrain has them: topic and message in one frame.

use bytes::{BufMut, Bytes, BytesMut};
use gleis_patterns::Multipart;

/// What osBrain writes between a topic and a message.
const SEPARATOR: u8 = 0x80;

/// How topic and message are one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glue {
    /// Raw messages have nothing between; whoever receives one cannot tell where it begins.
    pub(super) is_raw: bool,
}

impl Glue {
    /// One frame of both.
    pub(crate) fn join(self, topic: &[u8], body: &[u8]) -> Multipart {
        let mut frame = BytesMut::with_capacity(topic.len() + 1 + body.len());
        frame.put_slice(topic);
        if !self.is_raw {
            frame.put_u8(SEPARATOR);
        }
        frame.put_slice(body);
        Multipart::new([frame.freeze()])
    }

    /// The topic and the message. A raw one is its own topic, as far as that is known: the beginning.
    pub(crate) fn split(self, message: Multipart) -> Result<(Bytes, Bytes), String> {
        let mut frames = message.frames.into_iter();
        let (Some(frame), None) = (frames.next(), frames.next()) else {
            return Err("more than one frame, so topic and message are not one".to_owned());
        };
        if self.is_raw {
            return Ok((frame.clone(), frame));
        }
        let at = frame.iter().position(|it| *it == SEPARATOR);
        let at = at.ok_or("no byte 0x80 ends the topic")?;
        Ok((frame.slice(..at), frame.slice(at + 1..)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_and_a_message_are_joined_and_split() {
        let json = Glue { is_raw: false };
        let joined = json.join(b"eu.de", b"[1]");
        assert_eq!(joined.frames[0], &b"eu.de\x80[1]"[..]);
        let (topic, body) = json.split(joined).unwrap();
        assert_eq!((&topic[..], &body[..]), (&b"eu.de"[..], &b"[1]"[..]));
        let (topic, body) = json.split(json.join(b"", b"\x80")).unwrap();
        assert_eq!((&topic[..], &body[..]), (&b""[..], &b"\x80"[..]));
        let raw = Glue { is_raw: true };
        let (topic, body) = raw.split(raw.join(b"eu", b"World")).unwrap();
        assert_eq!((&topic[..], &body[..]), (&b"euWorld"[..], &b"euWorld"[..]));
    }

    #[test]
    fn what_is_not_of_osbrain_is_an_error() {
        let json = Glue { is_raw: false };
        let two = Multipart::new([Bytes::from_static(b"eu"), Bytes::from_static(b"1")]);
        assert!(json.split(two).is_err());
        assert!(json.split(Multipart::new([Bytes::from_static(b"eu")])).is_err());
    }
}
