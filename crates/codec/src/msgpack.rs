//! MessagePack: small and self-describing, with named fields.

use rmp_serde::{Deserializer, Serializer, decode::Error};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeSeed, IgnoredAny},
};

use crate::{
    Limits,
    codec::Format,
    error::{BoxError, Fault},
    guard::Rules,
    sink::Sink,
};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Msgpack;

impl Format for Msgpack {
    const NAME: &'static str = "msgpack";
    const RULES: Rules = Rules { finite: false, null_is_none: true, positional: false };

    fn write<T: Serialize>(value: &T, sink: &mut Sink<'_>) -> Result<(), BoxError> {
        Ok(value.serialize(&mut Serializer::new(sink).with_struct_map())?)
    }

    fn read<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        limits: &Limits,
    ) -> Result<S::Value, Fault> {
        let mut it = Deserializer::from_read_ref(bytes);
        // The library counts options and variants too; the guard is the exact one.
        it.set_max_depth(limits.depth.saturating_mul(4).saturating_add(4));
        let value = seed.deserialize(&mut it).map_err(Fault::format)?;
        // The library does not tell where it stands: only at the end is there no next marker.
        match IgnoredAny::deserialize(&mut it) {
            Err(Error::InvalidMarkerRead(_)) => Ok(value),
            _ => Err(Fault::LeftOver),
        }
    }
}
