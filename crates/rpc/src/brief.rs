//! Calls and answers of the shape that most have, read and written without a tree of what is said with them.
//!
//! It is a text as [`Message::write`](crate::message::Message::write) gives it: the same names in the same
//! order, nothing twice, nothing escaped, no blanks. Any other is `None` to those who read here: it is read as
//! a whole then, and refused there if it is to be refused.

use std::collections::BTreeMap;
use std::time::Duration;

use gleis_core::Value;
use serde::Serialize;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::message::{MessageError, next_id};

/// Room for what most are written in.
const WRITTEN: usize = 256;

/// What opens more lists and maps may be too deep.
const DEEP: usize = 100;

/// A call.
#[derive(Debug, Default)]
pub(crate) struct Call<'a> {
    pub(crate) args: Vec<Value>,
    pub(crate) auth: &'a str,
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
    /// How long its answer is waited for.
    pub(crate) within: Option<Duration>,
}

impl<'a> Call<'a> {
    pub(crate) fn read(text: &'a [u8]) -> Option<Self> {
        let mut rest = Rest(std::str::from_utf8(text).ok()?);
        let mut this = Self::default();
        this.read_meta(&mut rest)?;
        this.name = rest.text()?;
        rest.skip(",\"args\":")?;
        this.args = rest.list()?;
        (rest.0 == ",\"kwargs\":{}}").then_some(this)
    }

    fn read_meta(&mut self, rest: &mut Rest<'a>) -> Option<()> {
        rest.skip("{\"meta\":{")?;
        let mut last = "";
        loop {
            let name = rest.text()?;
            // In this order nothing is said twice.
            if name <= last {
                return None;
            }
            last = name;
            rest.skip(":")?;
            match name {
                "auth" => self.auth = rest.text()?,
                "client" => rest.text().map(drop)?,
                "id" => self.id = rest.text()?,
                "path" => self.path = rest.text()?,
                "within" => self.within = Some(Duration::from_millis(rest.number()?)),
                _ => return None,
            }
            if rest.skip(",").is_none() {
                return rest.skip("},\"data\":");
            }
        }
    }
}

/// What is said with each call of one caller, as it is written.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// Up to the id of the call.
    before: String,
    /// From there up to how long its answer is waited for.
    behind: String,
}

impl Beginning {
    /// What is `said` has neither.
    pub(crate) fn new(said: &BTreeMap<String, Value>) -> Result<Self, MessageError> {
        let (mut before, mut behind) = ("{\"meta\":{".to_owned(), "\"".to_owned());
        for (name, value) in said {
            let said =
                format!("{}:{}", serde_json::to_string(name)?, serde_json::to_string(value)?);
            match name.as_str() < "id" {
                true => before += &format!("{said},"),
                false => behind += &format!(",{said}"),
            }
        }
        before += "\"id\":\"";
        behind += ",\"within\":";
        Ok(Self { before, behind })
    }

    /// The text of a call, whose answer is waited for so many milliseconds.
    pub(crate) fn call(
        &self,
        id: Uuid,
        within: u64,
        name: &str,
        args: &[Value],
    ) -> Result<Vec<u8>, MessageError> {
        let mut text = Text::new();
        text.put(&self.before).put_id(id).put(&self.behind).put_json(&within)?;
        text.put("},\"data\":").put_json(name)?;
        text.put(",\"args\":[");
        for (n, arg) in args.iter().enumerate() {
            text.put(if n == 0 { "" } else { "," }).put_value(arg)?;
        }
        text.put("],\"kwargs\":{}}");
        Ok(text.0)
    }
}

/// The text of the result of a call; its `id` is one that was [read](Call::read) here.
pub(crate) fn answer(id: &str, result: &Value) -> Result<Vec<u8>, MessageError> {
    let mut text = Text::new();
    text.put("{\"meta\":{\"id\":\"").put_id(next_id());
    text.put("\",\"path\":\"xbahn.response.").put(id);
    text.put("\",\"response_id\":\"").put(id);
    text.put("\"},\"data\":").put_value(result)?;
    text.put(",\"args\":[],\"kwargs\":{}}");
    Ok(text.0)
}

/// The result in an answer to the call of this id.
pub(crate) fn result(text: &[u8], id: Uuid) -> Option<Value> {
    let mut buffer = [0; Hyphenated::LENGTH];
    let id = &*id.as_hyphenated().encode_lower(&mut buffer);
    let mut rest = Rest(std::str::from_utf8(text).ok()?);
    rest.skip("{\"meta\":{\"id\":")?;
    rest.text()?;
    rest.skip(",\"path\":\"xbahn.response.")?;
    rest.skip(id)?;
    rest.skip("\",\"response_id\":\"")?;
    rest.skip(id)?;
    rest.skip("\"},\"data\":")?;
    let result = rest.value()?;
    (rest.0 == ",\"args\":[],\"kwargs\":{}}").then_some(result)
}

/// What is not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, what: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(what)?;
        Some(())
    }

    /// A text in which nothing is escaped.
    fn text(&mut self) -> Option<&'a str> {
        let text = self.0.strip_prefix('"')?;
        let (text, rest) = text.split_once('"')?;
        // All are looked at, which is quicker than to stop at one.
        let is_plain = |it: u8| it != b'\\' && b' ' <= it;
        let is_one = text.bytes().fold(true, |all, it| all & is_plain(it));
        self.0 = rest;
        is_one.then_some(text)
    }

    /// A number without sign, point and exponent.
    fn number(&mut self) -> Option<u64> {
        let n_digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at_checked(n_digits)?;
        self.0 = rest;
        // What begins with a zero is another number, or none.
        if digits.starts_with('0') { None } else { digits.parse().ok() }
    }

    fn list(&mut self) -> Option<Vec<Value>> {
        self.skip("[")?;
        let mut items = Vec::new();
        if self.skip("]").is_some() {
            return Some(items);
        }
        loop {
            items.push(self.value()?);
            if self.skip(",").is_none() {
                return self.skip("]").map(|()| items);
            }
        }
    }

    /// Any value, as it is read elsewhere.
    fn value(&mut self) -> Option<Value> {
        let before = self.0;
        // Most are read without much ado.
        let value = match before.as_bytes().first()? {
            b'"' => self.text().map(Value::from),
            b'1'..=b'9' => {
                self.number().map(|it| i64::try_from(it).map_or(Value::U64(it), Value::I64))
            }
            _ => None,
        };
        if let (Some(value), Some(b',' | b']')) = (value, self.0.as_bytes().first()) {
            return Some(value);
        }
        self.0 = before;
        let mut values = serde_json::Deserializer::from_str(self.0).into_iter::<Value>();
        let value = values.next()?.ok()?;
        let (read, rest) = self.0.split_at_checked(values.byte_offset())?;
        // As a part it may be deeper than within its message: whoever reads that decides.
        if DEEP < read.bytes().filter(|it| matches!(it, b'[' | b'{')).count() {
            return None;
        }
        self.0 = rest;
        Some(value)
    }
}

/// What is written so far.
struct Text(Vec<u8>);

impl Text {
    fn new() -> Self {
        Self(Vec::with_capacity(WRITTEN))
    }

    fn put(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn put_id(&mut self, id: Uuid) -> &mut Self {
        self.put(id.as_hyphenated().encode_lower(&mut [0; Hyphenated::LENGTH]))
    }

    fn put_value(&mut self, value: &Value) -> Result<(), MessageError> {
        match value {
            Value::I64(it) => self.put_json(it),
            Value::String(it) => self.put_json(it),
            _ => self.put_json(value),
        }
    }

    fn put_json(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), MessageError> {
        Ok(serde_json::to_writer(&mut self.0, value)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn beginning() -> Beginning {
        let said = [("auth", "key"), ("client", "$"), ("path", "comm.call")];
        Beginning::new(&said.map(|it| (it.0.to_owned(), Value::from(it.1))).into()).unwrap()
    }

    #[test]
    fn a_call_is_the_text_that_the_message_is() {
        let args = [
            Value::Null,
            Value::from(0i64),
            Value::from(7i64),
            Value::from(-7i64),
            Value::from(u64::MAX),
            Value::from(1.5),
            Value::from(1e300),
            Value::from("plain"),
            Value::from("\u{fc}"),
            Value::from("say \"hello\"\n"),
            Value::List(vec![Value::from("a"), Value::Bytes(vec![7])]),
        ];
        let text = beginning().call(Uuid::from_u128(7), 10_000, "echo", &args).unwrap();
        let message = Message::read(&text, None).unwrap();
        assert_eq!(message.write(None).unwrap(), text);
        let call = Call::read(&text).unwrap();
        assert_eq!((call.id, call.path), (message.id(), message.path()));
        assert_eq!((call.auth, call.name, &call.args[..]), ("key", "echo", &args[..]));
        assert_eq!(call.within, Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_result_is_the_text_that_the_message_is() {
        for result in [Value::Null, Value::from("\u{1}"), Value::List(vec![Value::Bytes(vec![7])])]
        {
            let id = Uuid::from_u128(7);
            let text = answer(&id.to_string(), &result).unwrap();
            let message = Message::read(&text, None).unwrap();
            assert_eq!(message.write(None).unwrap(), text);
            assert_eq!(message.response_id(), Some(&id.to_string()[..]));
            assert_eq!(super::result(&text, id), Some(result));
            assert_eq!(super::result(&text, Uuid::from_u128(8)), None);
        }
    }

    #[test]
    fn a_message_of_another_shape_is_left_to_others() {
        let call = |meta: &str, rest: &str| format!("{{\"meta\":{{{meta}}},{rest}");
        let rest = r#""data":"m","args":[7],"kwargs":{}}"#;
        let good = r#""id":"A","path":"comm.call","within":1"#;
        assert!(Call::read(call(good, rest).as_bytes()).is_some());
        for meta in [
            "",
            r#""id":"A","id":"B""#,
            r#""path":"comm.call","id":"A""#,
            r#""id":"A\u0041""#,
            r#""id":7"#,
            r#""client":null,"id":"A""#,
            r#""id":"A","within":-1"#,
            r#""id":"A","within":1.5"#,
            r#""id":"A","within":0"#,
            r#""id":"A","within":99999999999999999999"#,
            r#""id":"A","keep":true"#,
            r#""id":"A","#,
            "\"id\":\"A\nB\"",
        ] {
            assert!(Call::read(call(meta, rest).as_bytes()).is_none(), "{meta}");
        }
        for rest in [
            r#""data":7,"args":[7],"kwargs":{}}"#,
            r#""data":"m","args":{},"kwargs":{}}"#,
            r#""data":"m","args":[7,],"kwargs":{}}"#,
            r#""data":"m","args":[7],"kwargs":{"a":1}}"#,
            r#""data":"m","args":[7],"kwargs":{}} "#,
            r#""data":"m","args":[7]}"#,
            r#""data":"m","args":[{"a":1,"a":2}],"kwargs":{}}"#,
        ] {
            assert!(Call::read(call(good, rest).as_bytes()).is_none(), "{rest}");
        }
        let deep = |n| {
            format!(
                "\"data\":\"m\",\"args\":[{}{}],\"kwargs\":{{}}}}",
                "[".repeat(n),
                "]".repeat(n)
            )
        };
        assert!(Call::read(call(good, &deep(DEEP)).as_bytes()).is_some());
        assert!(Call::read(call(good, &deep(DEEP + 1)).as_bytes()).is_none());
    }

    #[test]
    fn a_message_that_is_cut_short_or_changed_is_no_other_than_it_is_as_a_whole() {
        let text = beginning().call(Uuid::from_u128(7), 1, "m", &[Value::from(1.5)]).unwrap();
        for end in 0..text.len() {
            assert!(Call::read(&text[..end]).is_none());
        }
        for at in 0..text.len() {
            for byte in [b'"', b'\\', b'{', b',', b'0', b' ', b'a', 0x1f, 0xff] {
                let mut changed = text.clone();
                changed[at] = byte;
                let Some(call) = Call::read(&changed) else { continue };
                let message = Message::read(&changed, None);
                // A path is checked by whoever knows the one that is meant.
                let Ok(message) = message else {
                    assert!(gleis_core::Path::new(call.path).is_err());
                    continue;
                };
                assert_eq!((call.id, call.path), (message.id(), message.path()));
                assert_eq!((Some(call.name), call.args), (message.data.as_str(), message.args));
            }
        }
    }
}
