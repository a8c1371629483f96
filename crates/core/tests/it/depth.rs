//! Deep nesting is an error, not the end of the stack.

use gleis_core::{Value, ValueError, from_value, to_value, value::MAX_DEPTH};
use serde::{Deserialize, Serialize};

/// A value with so many levels.
fn nested(levels: usize) -> Value {
    (1..levels).fold(Value::Null, |inner, _| Value::List(vec![inner]))
}

#[derive(Debug, Deserialize, Serialize)]
struct Endless(Option<Box<Self>>);

#[derive(Debug, Deserialize, Serialize)]
struct Chain {
    next: Option<Box<Self>>,
}

#[test]
fn the_deepest_value_passes() {
    let value = nested(MAX_DEPTH);
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
    assert_eq!(to_value(&value).unwrap(), value);
    assert_eq!(from_value::<Value>(value.clone()).unwrap(), value);
}

#[test]
fn one_level_more_is_refused() {
    let value = nested(MAX_DEPTH + 1);
    let text = "value nested deeper than 128 levels";
    assert_eq!(serde_json::to_string(&value).unwrap_err().to_string(), text);
    assert!(to_value(&value).is_err());
    assert!(from_value::<Value>(value).is_err());
}

#[test]
fn bytes_count_as_a_level_in_every_format() {
    let bytes = (2..MAX_DEPTH).fold(Value::Bytes(vec![1]), |inner, _| Value::List(vec![inner]));
    let json = serde_json::to_string(&bytes).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), bytes);
    assert_eq!(to_value(&bytes).unwrap(), bytes);
    let deeper = Value::List(vec![bytes]);
    assert!(serde_json::to_string(&deeper).is_err());
    assert!(to_value(&deeper).is_err());
}

#[test]
fn a_bomb_of_brackets_is_refused() {
    for bomb in ["[".repeat(1_000_000), "{\"a\":".repeat(1_000_000)] {
        assert!(serde_json::from_str::<Value>(&bomb).is_err());
        let mut unlimited = serde_json::Deserializer::from_str(&bomb);
        assert!(Value::deserialize(&mut unlimited).is_err());
    }
}

#[test]
fn a_type_that_wraps_itself_without_end_is_refused() {
    assert_eq!(from_value::<Endless>(Value::from(1)).unwrap_err(), ValueError::TooDeep);
    let long = (0..1_000).fold(Endless(None), |inner, _| Endless(Some(Box::new(inner))));
    assert_eq!(to_value(&long).unwrap_err(), ValueError::TooDeep);
}

#[test]
fn a_long_chain_of_structs_is_refused() {
    let chain =
        |len| (0..len).fold(Chain { next: None }, |it, _| Chain { next: Some(Box::new(it)) });
    assert!(to_value(&chain(100)).is_ok_and(|it| from_value::<Chain>(it).is_ok()));
    assert_eq!(to_value(&chain(1_000)).unwrap_err(), ValueError::TooDeep);
}
