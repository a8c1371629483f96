//! What handlers, methods and hooks may return.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use gleis_core::{Name, Value};
use serde::Serialize;

use crate::BoxError;

/// What a handler, method or hook may return: a value, or a `Result` of one with any error.
///
/// Plain values are those of the standard library that serde writes, and [`Value`]. A type of
/// your own is returned in a `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of an agent",
    label = "a type of your own is answered as `Result<{Self}, _>`",
    note = "inside the `Result` it must implement `serde::Serialize`"
)]
pub trait Outcome: Send {
    /// The value within.
    type Reply: Serialize + Send + 'static;

    /// The value, or why there is none.
    fn into_result(self) -> Result<Self::Reply, BoxError>;
}

impl<T: Serialize + Send + 'static, E: Into<BoxError> + Send> Outcome for Result<T, E> {
    type Reply = T;

    fn into_result(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}

macro_rules! plain_outcome {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {
        $(impl<$($generics)*> Outcome for $type {
            type Reply = Self;

            fn into_result(self) -> Result<Self, BoxError> {
                Ok(self)
            }
        })*
    };
}

plain_outcome! {
    [] (), [] bool, [] char, [] String, [] Cow<'static, str>, [] &'static str,
    [] i8, [] i16, [] i32, [] i64, [] i128, [] isize,
    [] u8, [] u16, [] u32, [] u64, [] u128, [] usize,
    [] f32, [] f64,
    [] Name, [] Value, [] bytes::Bytes, [] std::time::Duration,
    [T: Serialize + Send + 'static] Option<T>,
    [T: Serialize + Send + 'static] Vec<T>,
    [K: Serialize + Send + 'static, V: Serialize + Send + 'static] BTreeMap<K, V>,
    [K: Serialize + Send + 'static, V: Serialize + Send + 'static] HashMap<K, V>,
    [T: Serialize + Send + 'static, U: Serialize + Send + 'static] (T, U),
    [T: Serialize + Send + 'static, U: Serialize + Send + 'static, V: Serialize + Send + 'static]
    (T, U, V),
}
