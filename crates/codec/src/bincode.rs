//! bincode 2: small and fast, for peers that share the Rust types.

use bincode::{
    config,
    enc::write::Writer,
    error::EncodeError,
    serde::{encode_into_writer, seed_decode_from_slice},
};
use serde::{Serialize, de::DeserializeSeed};

use crate::{
    Limits,
    codec::Format,
    error::{BoxError, Fault},
    guard::Rules,
    sink::Sink,
};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Bincode;

impl Format for Bincode {
    const NAME: &'static str = "bincode";
    const RULES: Rules = Rules { finite: false, null_is_none: false, positional: true };

    fn write<T: Serialize>(value: &T, sink: &mut Sink<'_>) -> Result<(), BoxError> {
        Ok(encode_into_writer(value, sink, config::standard())?)
    }

    fn read<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        _: &Limits,
    ) -> Result<S::Value, Fault> {
        // bincode's own limit is a constant of the type; ours was checked on the slice. Nothing is
        // reserved for a claimed length, since the guard asks for borrowed strings and bytes only.
        let (value, n_read) =
            seed_decode_from_slice(seed, bytes, config::standard()).map_err(Fault::format)?;
        if n_read < bytes.len() { Err(Fault::LeftOver) } else { Ok(value) }
    }
}

impl Writer for Sink<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.put(bytes).map_err(|_| EncodeError::UnexpectedEnd)
    }
}
