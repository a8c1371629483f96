//! What a watch tells.

use std::time::Duration;

use gleis_core::Name;

use crate::Record;

/// Something that happened in a directory.
///
/// A [`Watch`](crate::Watch) begins with the present state: one `Registered` for each name and then
/// `Current`. After `Lagged` it does so again.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// The directory closes in `grace`; whoever is registered should leave. Told again when
    /// somebody leaves it less time.
    Closing {
        /// How long the directory waits for the names to be unregistered.
        grace: Duration,
    },
    /// The present state was told; what follows is news.
    Current,
    /// The watcher was too slow and changes were given up: forget what you know, the present
    /// state follows.
    Lagged,
    /// The name stands for this record from now on.
    Registered {
        /// Who.
        name: Name,
        /// Where, and what it says of itself.
        record: Record,
    },
    /// Nobody has this name any more.
    Unregistered {
        /// Who.
        name: Name,
    },
}
