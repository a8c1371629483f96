//! As much JSON as `cargo metadata` speaks.

use std::{iter::Peekable, str::Chars};

/// A JSON value; scalars that nobody asks for are not kept.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Json {
    /// A list.
    Array(Vec<Self>),
    /// Pairs in the order of the text.
    Object(Vec<(String, Self)>),
    /// null, true, false or a number.
    Scalar,
    /// A string.
    String(String),
}

impl Json {
    /// Reads one value that fills the whole of `text`.
    ///
    /// # Errors
    /// A sentence that says what was expected, when `text` is not JSON.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { chars: text.chars().peekable() };
        let value = reader.value()?;
        reader.skip_space();
        match reader.chars.next() {
            None => Ok(value),
            Some(c) => Err(format!("nothing more expected, found {c:?}")),
        }
    }

    /// The value under `key`, if this is an object that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(pairs) = self else {
            return None;
        };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The string under `key`.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items of the list under `key`; none if there is no such list.
    pub(crate) fn items(&self, key: &str) -> &[Self] {
        match self.get(key) {
            Some(Self::Array(items)) => items,
            _ => &[],
        }
    }

    /// The keys of the object under `key`; none if there is no such object.
    pub(crate) fn keys(&self, key: &str) -> Vec<&str> {
        match self.get(key) {
            Some(Self::Object(pairs)) => pairs.iter().map(|(name, _)| name.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Json, String> {
        self.skip_space();
        match self.chars.peek() {
            Some('[') => self.array(),
            Some('{') => self.object(),
            Some('"') => self.string().map(Json::String),
            Some(c) if c.is_ascii_alphanumeric() || *c == '-' => Ok(self.scalar()),
            other => Err(format!("a value expected, found {other:?}")),
        }
    }

    fn array(&mut self) -> Result<Json, String> {
        self.expect('[')?;
        let mut items = Vec::new();
        while !self.takes(']') {
            if !items.is_empty() {
                self.expect(',')?;
            }
            items.push(self.value()?);
        }
        Ok(Json::Array(items))
    }

    fn object(&mut self) -> Result<Json, String> {
        self.expect('{')?;
        let mut pairs = Vec::new();
        while !self.takes('}') {
            if !pairs.is_empty() {
                self.expect(',')?;
            }
            self.skip_space();
            let key = self.string()?;
            self.expect(':')?;
            pairs.push((key, self.value()?));
        }
        Ok(Json::Object(pairs))
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.chars.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(c) => text.push(c),
                None => return Err("a string without end".to_owned()),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        match self.chars.next() {
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => {
                let digits: String = self.chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).map_err(|it| it.to_string())?;
                // Half of a surrogate pair: nothing that cargo says needs the other half.
                Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            Some(c @ ('"' | '\\' | '/')) => Ok(c),
            other => Err(format!("an escape expected, found {other:?}")),
        }
    }

    fn scalar(&mut self) -> Json {
        let is_part = |c: &char| c.is_ascii_alphanumeric() || "+-.".contains(*c);
        while self.chars.next_if(is_part).is_some() {}
        Json::Scalar
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.takes(wanted) {
            return Ok(());
        }
        Err(format!("{wanted:?} expected, found {:?}", self.chars.peek()))
    }

    fn takes(&mut self, wanted: char) -> bool {
        self.skip_space();
        self.chars.next_if_eq(&wanted).is_some()
    }

    fn skip_space(&mut self) {
        while self.chars.next_if(char::is_ascii_whitespace).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_values_are_found_by_their_keys() {
        let json = Json::parse(r#"{"a": [{"name": "x\n\u0041", "kind": null}], "n": -1.5e3}"#);
        let json = json.unwrap();
        assert_eq!(json.items("a")[0].text("name"), Some("x\nA"));
        assert_eq!(json.items("a")[0].text("kind"), None);
        assert_eq!(json.keys("missing"), Vec::<&str>::new());
        assert_eq!(json.get("n"), Some(&Json::Scalar));
    }

    #[test]
    fn empty_lists_and_objects_are_values() {
        assert_eq!(Json::parse(" [ ] "), Ok(Json::Array(Vec::new())));
        assert_eq!(Json::parse("{}"), Ok(Json::Object(Vec::new())));
    }

    #[test]
    fn broken_text_is_an_error_and_not_a_guess() {
        for text in ["", "[1 2]", "{\"a\"}", "\"a", "[1],", "{\"a\": \"\\x\"}"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
    }
}
