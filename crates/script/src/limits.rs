//! How much a script may use.

use std::time::Duration;

/// What one call of a script may use at most.
///
/// Together they bound its memory: at each of `depth` levels there are no more than `variables`
/// values, and one that is made of `array` others, each as large as may be, for a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Elements of an array, with those of arrays in it; and bytes of a blob. 1,024 if not said.
    pub array: usize,
    /// Calls within calls. 24 if not said.
    pub depth: usize,
    /// Entries of a map, with those of maps in it. 512 if not said.
    pub map: usize,
    /// Steps of the interpreter. 200,000 if not said.
    pub operations: u64,
    /// Bytes of the source. 64 KiB if not said.
    pub source: usize,
    /// Bytes of a string, and of all strings in an array or map. 16 KiB if not said.
    pub string: usize,
    /// Time on the clock; looked at every few steps. 100 ms if not said.
    pub time: Duration,
    /// Variables of a call that are there at once. 64 if not said.
    pub variables: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            array: 1_024,
            depth: 24,
            map: 512,
            operations: 200_000,
            source: 64 << 10,
            string: 16 << 10,
            time: Duration::from_millis(100),
            variables: 64,
        }
    }
}
