//! Names of agents and services.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use crate::{chance, text::serde_as_text};

/// The name of something that can be looked up: 1 to 255 bytes of text.
///
/// A name holds no control character and no `/`, and neither begins nor ends with white space.
/// A clone costs a reference count.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Arc<str>);

impl Name {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// The name `text`.
    ///
    /// # Errors
    /// [`NameError`] says which rule `text` breaks.
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        check(text)?;
        Ok(Self(text.into()))
    }

    /// A name nobody else has: 32 random hexadecimal digits.
    pub fn random() -> Self {
        let mut digits = [0; uuid::fmt::Simple::LENGTH];
        let text: &str = chance::id().simple().encode_lower(&mut digits);
        Self(text.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl TryFrom<&str> for Name {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

serde_as_text!(Name, "a name");

/// Why a text is no [`Name`].
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// A name has at least one character.
    #[error("name is empty")]
    Empty,
    /// The character may not stand in a name.
    #[error("name contains {found:?}")]
    Forbidden {
        /// The first such character.
        found: char,
    },
    /// The name begins or ends with white space.
    #[error("name has white space around it")]
    Padded,
    /// The name is longer than [`Name::MAX_LEN`].
    #[error("name has {len} bytes, the limit is {}", Name::MAX_LEN)]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if Name::MAX_LEN < text.len() {
        return Err(NameError::TooLong { len: text.len() });
    }
    if let Some(found) = text.chars().find(|it| it.is_control() || *it == '/') {
        return Err(NameError::Forbidden { found });
    }
    if text.trim().len() != text.len() {
        return Err(NameError::Padded);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expect: &str) {
        let error = Name::new(text).expect_err("the name is refused");
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn a_name_may_contain_spaces_and_any_script() {
        for text in ["a", "Alice", "two words", "Zoë", "名前", "a.b-c_d:e"] {
            assert_eq!(Name::new(text).unwrap(), text);
        }
    }

    #[test]
    fn a_bad_name_is_refused_with_the_reason() {
        refused("", "name is empty");
        refused("a/b", "name contains '/'");
        refused("a\nb", "name contains '\\n'");
        refused("\u{85}", "name contains '\\u{85}'");
        refused(" a", "name has white space around it");
        refused("a\u{3000}", "name has white space around it");
        refused(&"x".repeat(256), "name has 256 bytes, the limit is 255");
    }

    #[test]
    fn the_longest_name_has_255_bytes() {
        assert!(Name::new("x".repeat(255)).is_ok());
    }

    #[test]
    fn random_names_are_names_and_differ() {
        let name = Name::random();
        assert_eq!(Name::new(&name), Ok(name.clone()));
        assert_eq!(name.as_str().len(), 32);
        assert_ne!(name, Name::random());
    }

    #[test]
    fn a_name_is_checked_when_it_is_deserialised() {
        assert_eq!(serde_json::from_str::<Name>("\"Bob\"").unwrap(), "Bob");
        assert!(serde_json::from_str::<Name>("\"a/b\"").is_err());
        assert!(serde_json::from_str::<Name>("7").is_err());
    }
}
