//! What a codec is: to sockets an object, to ourselves a format.

use std::fmt;

use bytes::BytesMut;
use serde::{
    Deserializer, Serialize,
    de::{DeserializeSeed, Error as _},
};

use crate::{
    Limits,
    error::{BoxError, Fault},
    guard::{self, Guarded, Ledger, Rules},
    sink::{Full, Sink},
};

/// A format of your own: implement this and pass it as
/// [`AnyCodec::Custom`](crate::AnyCodec::Custom).
///
/// The limits on bytes, depth and elements are kept around it; what is left to the codec is not
/// to reserve memory for a length before the bytes are there, and to refuse what is left over
/// after the value.
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// The name peers agree on: short, lower case, the same in every process.
    fn name(&self) -> &'static str;

    /// Appends the encoded `value` to `out`.
    ///
    /// # Errors
    /// [`Fault`]; what `out` holds beyond its old length is then thrown away.
    fn encode_dyn(
        &self,
        value: &dyn erased_serde::Serialize,
        limits: &Limits,
        out: &mut BytesMut,
    ) -> Result<(), Fault>;

    /// Calls `visit` exactly once with a deserializer of `bytes`, then checks that all were read.
    ///
    /// # Errors
    /// [`Fault`], among them what `visit` returns.
    fn decode_dyn(
        &self,
        bytes: &[u8],
        limits: &Limits,
        visit: &mut dyn FnMut(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<(), erased_serde::Error>,
    ) -> Result<(), Fault>;
}

/// A built-in codec: how one format library writes and reads.
pub(crate) trait Format: fmt::Debug + Send + Sync + 'static {
    const NAME: &'static str;
    const RULES: Rules;

    /// Writes `value`, which keeps the rules and the depth by itself.
    fn write<T: Serialize>(value: &T, sink: &mut Sink<'_>) -> Result<(), BoxError>;

    /// Reads one value and checks that nothing is left over.
    fn read<'de, S: DeserializeSeed<'de>>(
        seed: S,
        bytes: &'de [u8],
        limits: &Limits,
    ) -> Result<S::Value, Fault>;
}

impl<F: Format> Codec for F {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn encode_dyn(
        &self,
        value: &dyn erased_serde::Serialize,
        limits: &Limits,
        out: &mut BytesMut,
    ) -> Result<(), Fault> {
        encode::<F, _>(value, limits, out)
    }

    fn decode_dyn(
        &self,
        bytes: &[u8],
        limits: &Limits,
        visit: &mut dyn FnMut(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<(), erased_serde::Error>,
    ) -> Result<(), Fault> {
        decode::<F, _>(Visit(visit), bytes, limits)
    }
}

/// Appends `value` in format `F` to `out`; on error `out` may hold the beginning of it.
pub(crate) fn encode<F: Format, T: Serialize + ?Sized>(
    value: &T,
    limits: &Limits,
    out: &mut BytesMut,
) -> Result<(), Fault> {
    let ledger = Ledger::new(F::RULES, 0);
    let mut sink = Sink::new(out, limits.bytes);
    let res = F::write(&Guarded::new(value, ledger.scope(limits)), &mut sink);
    match sink.finish() {
        Ok(()) => ledger.settle(res.map_err(Fault::Format), limits),
        Err(Full) => Err(Fault::TooLong { limit: limits.bytes }),
    }
}

/// Reads a value in format `F`.
pub(crate) fn decode<'de, F: Format, S: DeserializeSeed<'de>>(
    seed: S,
    bytes: &'de [u8],
    limits: &Limits,
) -> Result<S::Value, Fault> {
    check_len(bytes.len(), limits)?;
    let ledger = Ledger::new(F::RULES, guard::elements(bytes.len()));
    let res = F::read(Guarded::new(seed, ledger.scope(limits)), bytes, limits);
    ledger.settle(res, limits)
}

/// Refuses a message longer than allowed.
pub(crate) fn check_len(len: usize, limits: &Limits) -> Result<(), Fault> {
    if limits.bytes < len { Err(Fault::TooLong { limit: limits.bytes }) } else { Ok(()) }
}

/// Hands the deserializer to a closure.
struct Visit<'a>(
    &'a mut dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error>,
);

impl<'de> DeserializeSeed<'de> for Visit<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, it: D) -> Result<(), D::Error> {
        let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(it);
        (self.0)(&mut erased).map_err(D::Error::custom)
    }
}
