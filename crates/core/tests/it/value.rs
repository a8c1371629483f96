//! Values survive JSON, and being values.

use std::collections::BTreeMap;

use gleis_core::{Value, from_value, to_value};
use proptest::{num::f64, prelude::*};

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        any::<u64>().prop_map(Value::U64),
        (f64::NORMAL | f64::SUBNORMAL | f64::ZERO).prop_map(Value::F64),
        ".{0,8}".prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let key = "\\${0,3}bytes|.{0,3}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::btree_map(key, inner, 0..3).prop_map(Value::Map),
        ]
    })
}

#[track_caller]
fn writes(value: &Value, expect: &str) {
    let json = serde_json::to_string(value).expect("the value has a text form");
    assert_eq!(json, expect);
    assert_eq!(serde_json::from_str::<Value>(&json).expect("its own text"), *value);
}

#[track_caller]
fn refuses(json: &str, expect: &str) {
    let error = serde_json::from_str::<Value>(json).expect_err("the value is refused").to_string();
    assert!(error.starts_with(expect), "{error}");
}

fn map(key: &str, value: impl Into<Value>) -> Value {
    [(key, value)].into_iter().collect()
}

proptest! {
    #[test]
    fn a_value_is_equal_after_json(value in value()) {
        let json = serde_json::to_vec(&value).expect("the value has a text form");
        prop_assert_eq!(serde_json::from_slice::<Value>(&json).expect("its own text"), value);
    }

    #[test]
    fn the_value_of_a_value_is_itself(value in value()) {
        let res = to_value(&value).expect("a value is a value");
        prop_assert_eq!(&res, &value);
        prop_assert_eq!(res.kind(), value.kind());
        prop_assert_eq!(from_value::<Value>(res).expect("a value is a value"), value);
    }

    #[test]
    fn a_value_inside_a_type_is_not_changed(a in value(), b in value()) {
        let both = BTreeMap::from([("a".to_owned(), (a, Some(b.clone())))]);
        let res = from_value::<BTreeMap<String, (Value, Value)>>(to_value(&both).expect("a map"));
        let res = res.expect("the same map");
        prop_assert_eq!(&res["a"].0, &both["a"].0);
        prop_assert_eq!(&res["a"].1, &b);
    }

    #[test]
    fn any_text_is_an_error_or_a_value(json in "[\\[\\]{}\":,$bytes01.e-]{0,24}") {
        if let Ok(value) = serde_json::from_str::<Value>(&json) {
            let again = serde_json::to_string(&value).expect("it came from text");
            prop_assert_eq!(serde_json::from_str::<Value>(&again).expect("its own text"), value);
        }
    }
}

#[test]
fn json_is_what_a_reader_expects() {
    writes(&Value::Null, "null");
    writes(&Value::from(-7), "-7");
    writes(&Value::from(u64::MAX), "18446744073709551615");
    writes(&Value::from(1.0), "1.0");
    writes(&Value::from(vec![Value::from(true), Value::from("a")]), "[true,\"a\"]");
    writes(&map("a", ()), "{\"a\":null}");
}

#[test]
fn json_tells_bytes_from_maps_that_look_like_bytes() {
    writes(&Value::from(&b"foobar"[..]), "{\"$bytes\":\"Zm9vYmFy\"}");
    writes(&map("$bytes", "Zm9vYmFy"), "{\"$$bytes\":\"Zm9vYmFy\"}");
    writes(&map("$$bytes", 1), "{\"$$$bytes\":1}");
    writes(&map("bytes", 1), "{\"bytes\":1}");
    let two: Value = [("$bytes", 1), ("a", 2)].into_iter().collect();
    writes(&two, "{\"$bytes\":1,\"a\":2}");
}

#[test]
fn json_that_is_no_value_is_refused() {
    refuses("{\"$bytes\":1}", "$bytes without base64");
    refuses("{\"$bytes\":\"Zg\"}", "$bytes without base64");
    refuses("{\"a\":1,\"a\":2}", "duplicate key \"a\"");
}

#[test]
fn json_refuses_floats_that_are_not_finite() {
    for (float, text) in [(f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf"), (f64::NAN, "NaN")] {
        for value in [Value::F64(float), map("a", float)] {
            let error = serde_json::to_string(&value).unwrap_err();
            assert_eq!(error.to_string(), format!("{text} has no text form"));
        }
    }
}

#[test]
fn integers_are_equal_when_they_are_the_same_number() {
    assert_eq!(Value::I64(5), Value::U64(5));
    assert_eq!(Value::U64(5), Value::I64(5));
    assert_ne!(Value::I64(-1), Value::U64(u64::MAX));
    assert_ne!(Value::I64(1), Value::F64(1.0));
}

#[test]
fn accessors_give_what_is_there_and_what_fits() {
    assert_eq!(Value::U64(u64::MAX).as_i64(), None);
    assert_eq!(Value::I64(-1).as_u64(), None);
    assert_eq!(Value::U64(7).as_i64(), Some(7));
    assert_eq!(Value::I64(7).as_f64(), Some(7.0));
    assert_eq!(map("a", "b").get("a").and_then(Value::as_str), Some("b"));
    assert_eq!(Value::from(vec![1_u8]).as_bytes(), Some(&[1][..]));
    assert_eq!(Value::from(Some(true)).as_bool(), Some(true));
    assert!(Value::from(None::<bool>).is_null());
}
