//! What typed sockets carry.

use serde::{Serialize, de::DeserializeOwned};

/// What typed sockets carry: any serde type that owns its data.
///
/// Implemented for every type that qualifies.
pub trait Message: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Message for T {}
