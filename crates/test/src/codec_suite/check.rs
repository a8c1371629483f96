//! What the laws are made of.

use std::fmt;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits, Message};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};

#[track_caller]
pub(super) fn encode<T: Message>(codec: &AnyCodec, value: &T) -> Bytes {
    match codec.encode(value, &Limits::default()) {
        Ok(bytes) => bytes,
        Err(err) => panic!("{err}: {}", err.source),
    }
}

#[track_caller]
pub(super) fn unchanged<T: Message + fmt::Debug>(codec: &AnyCodec, value: &T) {
    match codec.decode::<T>(&encode(codec, value), &Limits::default()) {
        Ok(back) => same(&back, value),
        Err(err) => panic!("{err}: {}", err.source),
    }
}

#[track_caller]
pub(super) fn unchanged_or_refused<T: Message + fmt::Debug>(codec: &AnyCodec, value: &T) {
    let limits = Limits::default();
    let Ok(bytes) = codec.encode(value, &limits) else {
        return;
    };
    let Ok(back) = codec.decode::<T>(&bytes, &limits) else {
        return;
    };
    same(&back, value);
}

/// Compares what is shown, since that tells 0 from -0 and takes NaN for NaN.
#[track_caller]
pub(super) fn same<T: fmt::Debug>(left: &T, right: &T) {
    assert_eq!(format!("{left:?}"), format!("{right:?}"));
}

#[track_caller]
pub(super) fn refused<T: Message>(codec: &AnyCodec, bytes: &Bytes) {
    let res = codec.decode::<T>(bytes, &Limits::default());
    assert!(res.is_err(), "{} takes {bytes:.40?}", codec.name());
}

#[track_caller]
pub(super) fn refuses_to_encode<T: Message>(codec: &AnyCodec, value: &T) {
    assert!(codec.encode(value, &Limits::default()).is_err(), "{} takes it", codec.name());
}

/// Whatever comes out, it comes out.
pub(super) fn harmless<T: Message>(codec: &AnyCodec, bytes: &Bytes) {
    let _ = codec.decode::<T>(bytes, &Limits::default());
}

#[track_caller]
pub(super) fn refuses_truncations<T: Message>(codec: &AnyCodec, value: &T) {
    let bytes = encode(codec, value);
    for len in 0..bytes.len() {
        refused::<T>(codec, &bytes.slice(..len));
    }
}

#[track_caller]
pub(super) fn for_all<S: Strategy>(strategy: S, check: impl Fn(S::Value)) {
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let res = TestRunner::new(config).run(&strategy, |it| {
        check(it);
        Ok(())
    });
    if let Err(err) = res {
        panic!("{err}");
    }
}
