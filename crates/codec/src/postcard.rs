//! postcard: the smallest, with a written wire format.

use postcard::{Deserializer, Error, ser_flavors::Flavor, serialize_with_flavor};
use serde::{Serialize, de::DeserializeSeed};

use crate::{
    Limits,
    codec::Format,
    error::{BoxError, Fault},
    guard::Rules,
    sink::Sink,
};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Postcard;

impl Format for Postcard {
    const NAME: &'static str = "postcard";
    const RULES: Rules = Rules { finite: false, null_is_none: false, positional: true };

    fn write<T: Serialize>(value: &T, sink: &mut Sink<'_>) -> Result<(), BoxError> {
        Ok(serialize_with_flavor(value, Storage(sink))?)
    }

    fn read<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        _: &Limits,
    ) -> Result<S::Value, Fault> {
        let mut it = Deserializer::from_bytes(bytes);
        let value = seed.deserialize(&mut it).map_err(Fault::format)?;
        let left = it.finalize().map_err(Fault::format)?;
        if left.is_empty() { Ok(value) } else { Err(Fault::LeftOver) }
    }
}

/// The sink as postcard wants it.
struct Storage<'a, 'b>(&'a mut Sink<'b>);

impl Flavor for Storage<'_, '_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.put(bytes).map_err(|_| Error::SerializeBufferFull)
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
