//! Messages: JSON objects, as text and as values.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gleis_patterns::Multipart;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::InvalidMessage;
use crate::mark::{mark, marked};

/// A message: the text of a JSON object, and what it says. Cheap to clone.
#[derive(Clone)]
pub struct Json {
    bytes: Bytes,
    value: Arc<Map<String, Value>>,
}

impl Json {
    /// Writes `message`, which has to become an object.
    ///
    /// # Errors
    /// [`InvalidMessage::NotAnObject`] and [`InvalidMessage::NotJson`].
    pub fn new<T: Serialize + ?Sized>(message: &T) -> Result<Self, InvalidMessage> {
        let value = object(serde_json::to_value(message)?)?;
        let bytes = serde_json::to_vec(&value)?.into();
        Ok(Self { bytes, value: Arc::new(value) })
    }

    /// Reads text that was written elsewhere; it is kept as it is.
    ///
    /// # Errors
    /// [`InvalidMessage::NotAnObject`] and [`InvalidMessage::NotJson`].
    pub fn parse(text: impl Into<Bytes>) -> Result<Self, InvalidMessage> {
        let bytes = text.into();
        let value = object(serde_json::from_slice(&bytes)?)?;
        Ok(Self { bytes, value: Arc::new(value) })
    }

    /// Reads the only frame of a message.
    pub(crate) fn from_frames(message: Multipart) -> Result<Self, InvalidMessage> {
        let frames: [Bytes; 1] = message
            .frames
            .try_into()
            .map_err(|it: Vec<_>| InvalidMessage::NotOneFrame { frames: it.len() })?;
        let [only] = frames;
        Self::parse(only)
    }

    /// The text, without blanks around it.
    pub fn text(&self) -> &str {
        // It was read as JSON, which is UTF-8.
        std::str::from_utf8(&self.bytes).unwrap_or_default().trim()
    }

    /// The text as it travels, byte for byte.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The object.
    pub fn value(&self) -> &Map<String, Value> {
        &self.value
    }

    /// Its `type`, if it has one.
    pub fn kind(&self) -> Option<&str> {
        self.value.get("type")?.as_str()
    }

    /// The object as a type of the user's.
    ///
    /// # Errors
    /// [`InvalidMessage::NotJson`]: it does not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, InvalidMessage> {
        let value = Value::Object(self.value.as_ref().clone());
        Ok(serde_json::from_value(value)?)
    }

    /// As it leaves from whoever is known by `id`.
    pub(crate) fn marked(&self, id: u64) -> Bytes {
        [self.text().as_bytes(), &mark(id)].concat().into()
    }

    /// Who sent it, if it says so.
    pub(crate) fn sender(&self) -> Option<u64> {
        marked(&self.bytes)
    }
}

fn object(value: Value) -> Result<Map<String, Value>, InvalidMessage> {
    let found = match value {
        Value::Object(object) => return Ok(object),
        Value::Array(_) => "a list",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
    };
    Err(InvalidMessage::NotAnObject { found })
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Json").field(&self.text()).finish()
    }
}

/// Equal if they say the same, however it is written.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(to)
    }
}
