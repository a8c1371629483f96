//! What a directory knows of a name.

use std::collections::BTreeMap;

use gleis_core::Endpoint;
use serde::{Deserialize, Serialize};

/// What stands under a name: where its bearer is, and what it says of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// Where it can be reached.
    pub endpoint: Endpoint,
    /// What it says of itself; no more than [`Record::MAX_METADATA`] bytes in all.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

impl Record {
    /// The most bytes all keys and values of the metadata may have together.
    pub const MAX_METADATA: usize = 8 << 10;

    /// A record without metadata.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, metadata: BTreeMap::new() }
    }

    /// The same record that also says `key` of itself.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// The bytes of the metadata, as counted against [`Record::MAX_METADATA`].
    pub(crate) fn metadata_len(&self) -> usize {
        self.metadata.iter().map(|(key, value)| PAIR + key.len() + value.len()).sum()
    }
}

impl From<Endpoint> for Record {
    fn from(endpoint: Endpoint) -> Self {
        Self::new(endpoint)
    }
}

/// What each pair costs beside its text, so that empty pairs are bounded too.
const PAIR: usize = 16;
