//! The messages of Braviz.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::InvalidMessage;
use crate::json::Json;

/// What Braviz programs tell each other ("Braviz Messages"); others are [`Other`](Self::Other), which
/// receivers ignore.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum BravizMessage {
    /// Something that the user did.
    #[serde(rename = "log")]
    Log(Log),
    /// An application has started.
    #[serde(rename = "ready")]
    Ready {
        /// Its instance id.
        source_id: String,
        /// Its process.
        source_pid: i64,
    },
    /// One instance is to load a scenario.
    #[serde(rename = "reload")]
    Reload {
        /// The scenario, with `meta`.
        scenario: Value,
        /// Whose instance id it is.
        target: String,
    },
    /// Another sample is looked at.
    #[serde(rename = "sample")]
    Sample {
        /// The subjects.
        sample: Vec<Value>,
        /// The instance that it is for; all if none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Value>,
    },
    /// Another subject is looked at.
    #[serde(rename = "subject")]
    Subject {
        /// Its id.
        subject: String,
    },
    /// Variables that might be of interest.
    #[serde(rename = "variables")]
    Variables {
        /// Their names.
        variables: Vec<String>,
    },
    /// A view that is copied to one instance.
    Visualization {
        /// The view.
        scenario: Value,
        /// Whose it is.
        source: String,
        /// Who gets it.
        target: String,
    },
    /// Of another type.
    #[serde(skip)]
    Other(Map<String, Value>),
}

/// Something that the user of an application did.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Log {
    /// What.
    pub action: String,
    /// In which application.
    pub application: String,
    /// Its instance id.
    pub pid: Value,
    /// A picture, PNG in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshot: Option<String>,
    /// In what state the application is now.
    pub state: Value,
    /// When, in seconds since 1970.
    pub time: Value,
}

const TYPES: [&str; 7] =
    ["Visualization", "log", "ready", "reload", "sample", "subject", "variables"];

impl TryFrom<&Json> for BravizMessage {
    type Error = InvalidMessage;

    /// # Errors
    /// [`InvalidMessage::NoType`], and [`InvalidMessage::NotJson`] if the fields are not those of its
    /// type.
    fn try_from(message: &Json) -> Result<Self, InvalidMessage> {
        match message.kind() {
            None => Err(InvalidMessage::NoType),
            Some(kind) if TYPES.contains(&kind) => message.read(),
            Some(_) => Ok(Self::Other(message.value().clone())),
        }
    }
}

/// A new instance id: 32 hexadecimal digits.
pub fn instance_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_of_every_type_come_back_as_they_were() {
        for value in [
            json!({"type": "subject", "subject": "119"}),
            json!({"type": "sample", "sample": [1, 2]}),
            json!({"type": "sample", "sample": [], "target": "abc"}),
            json!({"type": "log", "action": "a", "application": "b", "pid": "c", "state": {}, "time": 1.5}),
            json!({"type": "reload", "target": "abc", "scenario": {"meta": {}}}),
            json!({"type": "ready", "source_pid": 7, "source_id": "abc"}),
            json!({"type": "variables", "variables": ["x"]}),
            json!({"type": "Visualization", "source": "a", "target": "b", "scenario": {}}),
        ] {
            let read = BravizMessage::try_from(&Json::new(&value).unwrap()).unwrap();
            assert!(!matches!(read, BravizMessage::Other(_)), "{value}");
            assert_eq!(Json::new(&read).unwrap(), Json::new(&value).unwrap());
        }
    }

    #[test]
    fn other_types_are_other_and_wrong_fields_an_error() {
        let other = Json::parse(r#"{"type":"new","x":1}"#).unwrap();
        assert!(matches!(BravizMessage::try_from(&other), Ok(BravizMessage::Other(_))));
        for wrong in [r#"{"type":"subject"}"#, r#"{"type":"sample","sample":3}"#] {
            let wrong = Json::parse(wrong).unwrap();
            assert!(matches!(BravizMessage::try_from(&wrong), Err(InvalidMessage::NotJson(_))));
        }
        let none = Json::parse("{}").unwrap();
        assert!(matches!(BravizMessage::try_from(&none), Err(InvalidMessage::NoType)));
    }

    #[test]
    fn instance_ids_differ() {
        assert_ne!(instance_id(), instance_id());
        assert_eq!(instance_id().len(), 32);
    }
}
