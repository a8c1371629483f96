//! What travels on a link.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use gleis_core::{Path, Value};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Room for what most messages are written in.
const WRITTEN: usize = 256;

/// Says of an error that it is one of time.
const LATE: &str = "late";

/// What is answered to a call that is given up.
pub(crate) const GIVEN_UP: &str = "the call was given up";

/// A message: data, arguments in order and by name, and what is said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Values in order.
    pub args: Vec<Value>,
    /// What it is about; the name of the method of a call.
    pub data: Value,
    /// Values by name.
    pub kwargs: BTreeMap<String, Value>,
    /// `id`, `path`, `response_id`, `error`, and whatever else.
    pub meta: BTreeMap<String, Value>,
}

/// What is no message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It cannot be written as JSON, or is none.
    #[error("it is no JSON object of a message")]
    Json(#[from] serde_json::Error),
    /// It is something else than an object.
    #[error("a message is a JSON object")]
    NotAnObject,
    /// Its path is none.
    #[error("its path is none")]
    Path(#[from] gleis_core::PathError),
    /// It does not begin with the topic.
    #[error("it does not begin with the topic {topic:?}")]
    Topic {
        /// The topic.
        topic: String,
    },
}

/// As it is written.
#[derive(Serialize)]
struct Written<'a> {
    meta: &'a BTreeMap<String, Value>,
    data: &'a Value,
    args: &'a [Value],
    kwargs: &'a BTreeMap<String, Value>,
}

/// As it is read; what is missing is empty.
#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    meta: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    args: Option<Vec<Value>>,
    #[serde(default)]
    kwargs: Option<BTreeMap<String, Value>>,
}

impl Message {
    /// A message with an id of its own.
    pub fn new(data: impl Into<Value>) -> Self {
        let id = Value::from(new_id());
        let meta = [("id".to_owned(), id)].into();
        Self { args: Vec::new(), data: data.into(), kwargs: BTreeMap::new(), meta }
    }

    /// An answer that says what went wrong.
    pub fn error(text: impl Into<String>) -> Self {
        let mut message = Self::new(Value::Null);
        message.meta.insert("error".to_owned(), Value::from(text.into()));
        message
    }

    /// The same once more, with an id of its own.
    pub(crate) fn again(&self) -> Self {
        let mut again = self.clone();
        again.meta.insert("id".to_owned(), Value::from(new_id()));
        again
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, value: impl Into<Value>) -> Self {
        self.args.push(value.into());
        self
    }

    /// With an argument of this name.
    #[must_use]
    pub fn kwarg(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.kwargs.insert(name.into(), value.into());
        self
    }

    /// Its id; a message that came without one has none.
    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// Under which path it was sent.
    pub fn path(&self) -> &str {
        self.text("path").unwrap_or_default()
    }

    /// Which message it answers.
    pub fn response_id(&self) -> Option<&str> {
        self.text("response_id")
    }

    /// What went wrong, if it says so.
    pub fn error_text(&self) -> Option<&str> {
        self.text("error")
    }

    /// Whether what went wrong is that the time was over.
    pub(crate) fn is_late(&self) -> bool {
        self.meta.get(LATE).and_then(Value::as_bool) == Some(true)
    }

    /// An answer that says so.
    pub(crate) fn late(text: impl Into<String>) -> Self {
        let mut message = Self::error(text);
        message.meta.insert(LATE.to_owned(), Value::from(true));
        message
    }

    /// As an answer to the message of this id.
    pub(crate) fn answering(mut self, id: &str) -> Self {
        if self.path().is_empty() {
            let path = format!("xbahn.response.{id}");
            self.meta.insert("path".to_owned(), Value::from(path));
        }
        self.meta.insert("response_id".to_owned(), Value::from(id));
        self
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.meta.get(name)?.as_str()
    }

    /// Its path, checked.
    pub(crate) fn checked_path(&self) -> Result<Path, MessageError> {
        match self.path() {
            "" => Ok(Path::root()),
            path => Ok(Path::new(path)?),
        }
    }

    pub(crate) fn write(&self, topic: Option<&str>) -> Result<Bytes, MessageError> {
        let Self { args, data, kwargs, meta } = self;
        let mut bytes = Vec::with_capacity(WRITTEN);
        if let Some(topic) = topic {
            bytes.extend_from_slice(topic.as_bytes());
            bytes.push(b' ');
        }
        serde_json::to_writer(&mut bytes, &Written { meta, data, args, kwargs })?;
        Ok(bytes.into())
    }

    pub(crate) fn read(bytes: &[u8], topic: Option<&str>) -> Result<Self, MessageError> {
        let json = match topic {
            None => bytes,
            Some(topic) => {
                let behind = bytes.strip_prefix(topic.as_bytes());
                let behind = behind.and_then(|it| it.strip_prefix(b" "));
                behind.ok_or_else(|| MessageError::Topic { topic: topic.to_owned() })?
            }
        };
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(MessageError::NotAnObject);
        }
        let Wire { meta, data, args, kwargs } = serde_json::from_slice(json)?;
        let (args, kwargs) = (args.unwrap_or_default(), kwargs.unwrap_or_default());
        let message = Self { args, data, kwargs, meta: meta.unwrap_or_default() };
        message.checked_path()?;
        Ok(message)
    }
}

fn new_id() -> String {
    next_id().to_string()
}

/// An id that no other message has: chance once, then counted, which costs no call into the system.
pub(crate) fn next_id() -> Uuid {
    static FIRST: LazyLock<u128> = LazyLock::new(|| Uuid::new_v4().as_u128());
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    Uuid::from_u128(FIRST.wrapping_add(n.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_message_has_the_id_of_another() {
        let ids: BTreeSet<_> = (0..1000).map(|_| Message::new(1).id().to_owned()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|it| Uuid::parse_str(it).is_ok()));
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let message = Message::new("multiply").arg(7i64).kwarg("extra", "x");
        for topic in [None, Some("news")] {
            let bytes = message.write(topic).unwrap();
            assert_eq!(Message::read(&bytes, topic).unwrap(), message);
        }
    }

    #[test]
    fn what_python_writes_is_read() {
        let text = br#"{"meta":{"id":"A","path":"comm.call","client":null},"data":"multiply","args":[7,6],"kwargs":{}}"#;
        let message = Message::read(text, None).unwrap();
        assert_eq!((message.id(), message.path()), ("A", "comm.call"));
        assert_eq!(message.args, [Value::I64(7), Value::I64(6)]);
        // What is missing is empty.
        for text in ["{}", r#"{"meta":null,"args":null,"kwargs":null}"#] {
            let message = Message::read(text.as_bytes(), None).unwrap();
            assert_eq!((message.id(), message.path(), &message.data), ("", "", &Value::Null));
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for text in ["", "{", "[]", "3", r#"{"args":3}"#, r#"{"meta":{"path":"a..b"}}"#, "x {}"] {
            assert!(Message::read(text.as_bytes(), None).is_err(), "{text}");
        }
        assert!(Message::read(b"{}", Some("news")).is_err());
        // A topic is a word, and not a set of letters.
        assert!(Message::read(b"newsn {}", Some("news")).is_err());
    }
}
