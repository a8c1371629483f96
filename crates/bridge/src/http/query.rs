//! What is asked for in a query string.

use std::time::Duration;

use axum::http::{HeaderMap, Uri};
use gleis_broker::Json;
use gleis_patterns::Pattern;
use serde_json::Value;

use crate::cursor::Cursor;
use crate::http::answer::Problem;
use crate::log::{Filter, Missed};

/// What a reader asks for.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub(crate) after: Option<Cursor>,
    pub(crate) filter: Filter,
    pub(crate) format: Format,
    /// Whether `after` is nonsense; what is behind it is not known then.
    pub(crate) is_lost: bool,
    pub(crate) timeout: Option<Duration>,
}

/// How messages are given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Format {
    Object,
    #[default]
    Text,
}

impl Format {
    pub(crate) fn write(self, message: &Json) -> Value {
        match self {
            Self::Object => Value::Object(message.value().clone()),
            Self::Text => message.text().into(),
        }
    }
}

impl Wish {
    /// Reads the query.
    ///
    /// # Errors
    /// 400 that says which parameter is wrong.
    pub(crate) fn read(uri: &Uri) -> Result<Self, Problem> {
        let mut wish = Self::default();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let wrong = |text: String| Problem::bad(format!("{name}: {text}"));
            match &*name {
                "after" => {
                    wish.after = Some(value.parse().map_err(|it| wrong(format!("{it}")))?);
                }
                "format" => {
                    wish.format = match &*value {
                        "json" => Format::Object,
                        "text" => Format::Text,
                        _ => return Err(wrong("text or json".to_owned())),
                    };
                }
                "timeout" => {
                    let seconds = value.parse().ok().filter(|it: &f64| (0.0..=1e6).contains(it));
                    let seconds = seconds.ok_or_else(|| wrong("seconds".to_owned()))?;
                    wish.timeout = Some(Duration::from_secs_f64(seconds));
                }
                "type" => {
                    let pattern = Pattern::new(&value).map_err(|it| wrong(it.to_string()))?;
                    wish.filter = Filter(Some(pattern));
                }
                _ => (),
            }
        }
        Ok(wish)
    }

    /// As [`read`](Self::read), for a client that comes back: `Last-Event-ID` goes before `after`, and
    /// nonsense there is a gap and not an error, which a browser would repeat for ever.
    pub(crate) fn read_again(uri: &Uri, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut wish = Self::read(uri)?;
        if let Some(id) = headers.get("last-event-id") {
            wish.after = id.to_str().ok().and_then(|it| it.parse().ok());
            wish.is_lost = wish.after.is_none();
        }
        Ok(wish)
    }
}

/// As JSON: nothing, a number, or null if nobody knows.
pub(crate) fn missed(missed: Missed) -> Option<Value> {
    match missed {
        Missed::Nothing => None,
        Missed::Some(n) => Some(n.into()),
        Missed::Unknown => Some(Value::Null),
    }
}
