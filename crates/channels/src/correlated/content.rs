//! What messages of correlated channels say.

use gleis_core::{Value, ValueError, from_value, to_value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a message says: data of any form, which a reader takes as it is, or as a type of its own.
///
/// That it is not of that type is a [`ValidationError`], a value like any other.
///
/// ```
/// use gleis_channels::Content;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Deserialize, PartialEq, Serialize)]
/// struct Sum {
///     a: i64,
///     b: i64,
/// }
///
/// # fn main() -> Result<(), gleis_channels::ValidationError> {
/// let content = Content::new(&Sum { a: 7, b: 35 })?;
/// assert_eq!(content.get("b").and_then(|it| it.as_i64()), Some(35));
/// assert_eq!(content.read::<Sum>()?, Sum { a: 7, b: 35 });
/// assert_eq!(content.read::<String>().unwrap_err().to_string(), "invalid type: map, expected a string");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Content(Value);

/// Content is not of the type that was asked for, or a value is nothing that content can be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text}")]
pub struct ValidationError {
    /// What is wrong, such as "missing field `b`".
    text: String,
}

impl Content {
    /// Content that is `data`: anything that serde writes.
    ///
    /// # Errors
    /// [`ValidationError`]: a dynamic value cannot carry it, such as a map with keys that are no text.
    pub fn new(data: &(impl Serialize + ?Sized)) -> Result<Self, ValidationError> {
        to_value(data).map(Self).map_err(ValidationError::from)
    }

    /// The content as a `T`.
    ///
    /// # Errors
    /// [`ValidationError`] says what is missing or wrong.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ValidationError> {
        from_value(self.0.clone()).map_err(ValidationError::from)
    }

    /// A field, if the content has it.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// The data.
    pub fn data(&self) -> &Value {
        &self.0
    }

    /// The data itself.
    pub fn into_data(self) -> Value {
        self.0
    }
}

impl<V: Into<Value>> From<V> for Content {
    fn from(data: V) -> Self {
        Self(data.into())
    }
}

impl From<ValueError> for ValidationError {
    fn from(error: ValueError) -> Self {
        Self { text: error.to_string() }
    }
}
