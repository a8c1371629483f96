//! How much a message may cost.

/// How much one encoded message may cost.
///
/// Lists whose elements take no bytes, such as `Vec<()>`, may hold 65,536 elements more than
/// the message has bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limits {
    /// The most bytes a message may have, in either direction. Default: 64 MiB.
    pub bytes: usize,
    /// How deep lists, maps, tuples and structs may be nested. Default: 128.
    ///
    /// Every level costs stack: the default fits a thread of 2 MiB. JSON allows 127 at most.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 128 }
    }
}
