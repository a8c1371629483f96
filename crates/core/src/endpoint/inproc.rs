//! Names within the process.

use std::{fmt, str::FromStr, sync::Arc};

use super::error::{EndpointError, check_part};

/// A name within the process: 1 to 255 bytes without control characters.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InprocName(Arc<str>);

impl InprocName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// The name `text`.
    ///
    /// # Errors
    /// When `text` is empty, too long or contains a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, EndpointError> {
        let text = text.as_ref();
        check_part("inproc name", text, Self::MAX_LEN)?;
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InprocName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for InprocName {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::new(text)
    }
}
