//! Messages of sockets as values: what is sent and received for whoever knows no types.

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits};
use gleis_core::{Value, value::Plain};

use crate::{Agent, BoxError, Context, text::chain};

impl<A: Agent> Context<A> {
    /// Sends a value, or publishes it under a topic.
    pub(super) async fn send_value(
        &self,
        alias: &str,
        topic: Option<Vec<u8>>,
        message: &Value,
    ) -> Result<(), BoxError> {
        let open = self.cell.sockets.find(alias)?;
        let body = bare(&open.codec, message)?;
        Ok(self.send_encoded(&open, alias, topic.map(Bytes::from), body).await?)
    }

    /// Asks for a value, and waits for the answer.
    pub(super) async fn request_value(
        &self,
        alias: &str,
        request: &Value,
    ) -> Result<Value, BoxError> {
        let open = self.cell.sockets.find(alias)?;
        let body = bare(&open.codec, request)?;
        let answer = self.request_encoded(&open, alias, body).await?;
        Ok(read(&open.codec, &answer)?)
    }

    /// Receives a value.
    pub(super) async fn recv_value(&self, alias: &str) -> Result<Value, BoxError> {
        let open = self.cell.sockets.find(alias)?;
        // Before anything is taken: it would be lost.
        readable(&open.codec)?;
        let body = self.recv_encoded(&open, alias).await?;
        Ok(read(&open.codec, &body)?)
    }
}

/// A value as a program would have written it that knows its type.
pub(crate) fn bare(codec: &AnyCodec, message: &Value) -> Result<Bytes, String> {
    let limits = Limits::default();
    let encoded = match (codec.name(), message) {
        ("raw", Value::Bytes(it)) => return Ok(Bytes::copy_from_slice(it)),
        ("raw", Value::String(it)) => return Ok(Bytes::copy_from_slice(it.as_bytes())),
        ("raw", _) => return Err("`raw` carries bytes or text".to_owned()),
        ("json", _) => codec.encode(message, &limits),
        ("msgpack", _) => codec.encode(&Plain(message.clone()), &limits),
        _ => return Err(untyped(codec)),
    };
    encoded.map_err(|it| chain(&it))
}

/// The value of what a program wrote that knows its type.
pub(crate) fn read(codec: &AnyCodec, body: &Bytes) -> Result<Value, String> {
    let limits = Limits::default();
    readable(codec)?;
    let read = match codec.name() {
        "json" => codec.decode(body, &limits),
        "msgpack" => codec.decode(body, &limits).map(|Plain(it)| it),
        _ => return Ok(Value::Bytes(body.to_vec())),
    };
    read.map_err(|it| chain(&it))
}

fn readable(codec: &AnyCodec) -> Result<(), String> {
    match codec.name() {
        "json" | "msgpack" | "raw" => Ok(()),
        _ => Err(untyped(codec)),
    }
}

fn untyped(codec: &AnyCodec) -> String {
    let name = codec.name();
    format!(
        "`{name}` writes types, and a value has none: have a method of the agent send it, or \
         bind with `json`, `msgpack` or `raw`"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_a_typed_program_writes_is_read_as_a_value() {
        let typed = (7_u8, -1_i64, 1.5_f64, "text".to_owned(), None::<u8>, true, vec![1_u8, 2]);
        let map = BTreeMap::from([("a".to_owned(), typed.clone()), ("b".to_owned(), typed)]);
        for codec in [AnyCodec::Json, AnyCodec::Msgpack] {
            let body = codec.encode(&map, &Limits::default()).unwrap();
            let value = read(&codec, &body).unwrap();
            assert_eq!(value, gleis_core::to_value(&map).unwrap());
            // And is written the same way.
            assert_eq!(read(&codec, &bare(&codec, &value).unwrap()).unwrap(), value);
        }
        // No key is special but in JSON.
        let special = BTreeMap::from([("$bytes", "text")]);
        let body = AnyCodec::Msgpack.encode(&special, &Limits::default()).unwrap();
        let value = read(&AnyCodec::Msgpack, &body).unwrap();
        assert_eq!(value.as_map().unwrap()["$bytes"], Value::from("text"));
        assert_eq!(bare(&AnyCodec::Msgpack, &value).unwrap(), body);
        let bytes = Value::Bytes(vec![0, 255]);
        let body = bare(&AnyCodec::Msgpack, &bytes).unwrap();
        assert_eq!(read(&AnyCodec::Msgpack, &body).unwrap(), bytes);
        assert_eq!(
            read(&AnyCodec::Raw, &Bytes::from_static(b"x")).unwrap(),
            Value::Bytes(b"x".to_vec())
        );
    }

    #[test]
    fn what_is_broken_deep_or_typed_is_refused() {
        for codec in [AnyCodec::Json, AnyCodec::Msgpack] {
            for body in [&b""[..], b"\xc1", &[0x91; 100_000], &[b'['; 100_000]] {
                assert!(read(&codec, &Bytes::copy_from_slice(body)).is_err());
            }
        }
        // A map with a key that is no text.
        assert!(read(&AnyCodec::Msgpack, &Bytes::from_static(b"\x81\x01\x01")).is_err());
        // A length that is not there.
        assert!(read(&AnyCodec::Msgpack, &Bytes::from_static(b"\xdd\xff\xff\xff\xff")).is_err());
        let error = read(&AnyCodec::Bincode, &Bytes::from_static(b"\x01")).unwrap_err();
        assert!(error.starts_with("`bincode` writes types"), "{error}");
    }
}
