//! JSON: for reading along, and for talking to everybody.

use serde::{Serialize, de::DeserializeSeed};
use serde_json::{Deserializer, Serializer};

use crate::{
    Limits,
    codec::Format,
    error::{BoxError, Fault},
    guard::Rules,
    sink::Sink,
};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Json;

impl Format for Json {
    const NAME: &'static str = "json";
    const RULES: Rules = Rules { finite: true, null_is_none: true, positional: false };

    fn write<T: Serialize>(value: &T, sink: &mut Sink<'_>) -> Result<(), BoxError> {
        Ok(value.serialize(&mut Serializer::new(sink))?)
    }

    fn read<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        _: &Limits,
    ) -> Result<S::Value, Fault> {
        let mut it = Deserializer::from_slice(bytes);
        let value = seed.deserialize(&mut it).map_err(Fault::format)?;
        // White space may follow: a foreign peer may end its lines.
        it.end().map_err(|_| Fault::LeftOver)?;
        Ok(value)
    }
}
