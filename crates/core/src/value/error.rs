//! What can go wrong between a value and a type.

use std::fmt;

use serde::{de, ser};

use super::MAX_DEPTH;

/// Why a type does not become a [`Value`](super::Value), or a value not a type.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// A map names the same key twice.
    #[error("duplicate key {key:?}")]
    DuplicateKey {
        /// That key.
        key: String,
    },
    /// The key of a map cannot be written as text.
    #[error("map key is neither text nor a number")]
    KeyNotText,
    /// The type and the value do not fit, or the type itself complained.
    #[error("{0}")]
    Mismatch(String),
    /// The integer has more than 64 bits.
    #[error("integer exceeds 64 bits")]
    TooLarge,
    /// The value is nested deeper than [`MAX_DEPTH`].
    #[error("value nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl de::Error for ValueError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::Mismatch(text.to_string())
    }
}

impl ser::Error for ValueError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::Mismatch(text.to_string())
    }
}
