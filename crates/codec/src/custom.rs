//! Keeps the limits around a codec of the user's own.

use std::marker::PhantomData;

use bytes::BytesMut;
use serde::{
    Serialize,
    de::{DeserializeOwned, DeserializeSeed},
};

use crate::{
    Codec, Fault, Limits,
    codec::check_len,
    guard::{self, Guarded, Ledger, Rules},
};

/// A codec of the user's own refuses by itself what it cannot carry.
const RULES: Rules = Rules { finite: false, null_is_none: false, positional: false };

/// Appends `value` to `out`; on error `out` may hold the beginning of it.
pub(crate) fn encode<T: Serialize>(
    codec: &dyn Codec,
    value: &T,
    limits: &Limits,
    out: &mut BytesMut,
) -> Result<(), Fault> {
    let start = out.len();
    let ledger = Ledger::new(RULES, 0);
    let res = codec.encode_dyn(&Guarded::new(value, ledger.scope(limits)), limits, out);
    ledger.settle(res, limits)?;
    check_len(out.len().saturating_sub(start), limits)
}

/// Reads a value.
pub(crate) fn decode<T: DeserializeOwned>(
    codec: &dyn Codec,
    bytes: &[u8],
    limits: &Limits,
) -> Result<T, Fault> {
    check_len(bytes.len(), limits)?;
    let ledger = Ledger::new(RULES, guard::elements(bytes.len()));
    let mut value = None;
    let res = codec.decode_dyn(bytes, limits, &mut |it| {
        let seed = Guarded::new(PhantomData::<T>, ledger.scope(limits));
        value = Some(seed.deserialize(it)?);
        Ok(())
    });
    ledger.settle(res, limits)?;
    value.ok_or_else(|| Fault::format("the codec read no value"))
}
