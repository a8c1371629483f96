//! Why a value has no bytes, or bytes no value.

use std::error::Error;

/// An error of a format, as its library reports it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A value that cannot be encoded. Trying again fails again.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
#[error("cannot encode {type_name} as {codec}")]
pub struct EncodeError {
    /// The codec's name.
    pub codec: &'static str,
    /// The value's type.
    pub type_name: &'static str,
    /// What is wrong.
    pub source: Fault,
}

/// Bytes that cannot be decoded. Trying again fails again.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
#[error("cannot decode {len} bytes of {codec} as {type_name}")]
pub struct DecodeError {
    /// The codec's name.
    pub codec: &'static str,
    /// The type that was wanted.
    pub type_name: &'static str,
    /// How many bytes there were.
    pub len: usize,
    /// What is wrong.
    pub source: Fault,
}

/// What is wrong with a value or with its bytes.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The format's own complaint: malformed bytes, or a type it cannot carry.
    #[error(transparent)]
    Format(BoxError),
    /// The value was read and bytes are left over.
    #[error("bytes left over after the value")]
    LeftOver,
    /// Bytes as Python's pickle writes them, which osBrain does unless told otherwise. They are not
    /// read, since that could run any code.
    #[error(
        "this is a pickled Python object, which is never read; have its sender write json, as osBrain \
         does with serializer='json', and name the codec json here"
    )]
    Pickle,
    /// Nested deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Longer than [`Limits::bytes`](crate::Limits::bytes).
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A list claims more elements than its bytes can hold.
    #[error("more elements than the bytes can hold")]
    TooMany,
    /// The format has no way to write this value such that it comes back unchanged.
    #[error("{what}")]
    Unfit {
        /// What does not fit, as a sentence.
        what: &'static str,
    },
}

impl Fault {
    /// A complaint of a format.
    pub fn format(source: impl Into<BoxError>) -> Self {
        Self::Format(source.into())
    }

    /// What is wrong with `bytes`, now that they are known to be wrong.
    pub(crate) fn with(self, bytes: &[u8]) -> Self {
        match self {
            Self::Format(_) | Self::LeftOver | Self::TooMany if is_pickle(bytes) => Self::Pickle,
            other => other,
        }
    }
}

/// Whether `bytes` begin with the opcode PROTO and one of the protocols that have it, and end with STOP.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, .., b'.'])
}
