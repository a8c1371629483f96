//! Source text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The source of a script; see the [crate](crate) for what it looks like.
///
/// It is text and nothing else: it serialises as a string, and is checked when it is compiled.
#[derive(Clone, Debug, Eq, PartialEq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Script(String);

impl Script {
    /// A script of this source.
    pub fn new(source: impl Into<String>) -> Self {
        Self(source.into())
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Script {
    fn from(source: &str) -> Self {
        Self::new(source)
    }
}
