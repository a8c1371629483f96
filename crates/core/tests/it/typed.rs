//! Types become values and come back.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    net::IpAddr,
};

use gleis_core::{Endpoint, Value, ValueError, from_value, to_value};
use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
enum Level {
    High,
    Low,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Circle(f64),
    Line(i8, i8),
    Point,
    Rect { width: u16, height: Option<u16> },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Id(u64);

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Job {
    id: Id,
    shapes: Vec<Shape>,
    by_level: BTreeMap<Level, char>,
    by_number: HashMap<i32, bool>,
    at: (u8, String),
    nothing: (),
}

#[track_caller]
fn returns<T: Debug + DeserializeOwned + PartialEq + Serialize>(it: &T) {
    let value = to_value(it).expect("the type has a value");
    assert_eq!(from_value::<T>(value).expect("the same"), *it);
}

#[track_caller]
fn refuses<T: Debug + DeserializeOwned>(value: impl Into<Value>) {
    from_value::<T>(value.into()).expect_err("the value does not fit");
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (-1e9..1e9).prop_map(Shape::Circle),
        any::<(i8, i8)>().prop_map(|(a, b)| Shape::Line(a, b)),
        Just(Shape::Point),
        any::<(u16, Option<u16>)>().prop_map(|(width, height)| Shape::Rect { width, height }),
    ]
}

proptest! {
    #[test]
    fn a_type_comes_back_from_its_value(
        id in any::<u64>(),
        shapes in prop::collection::vec(shape(), 0..6),
        high in any::<char>(),
        by_number in prop::collection::hash_map(any::<i32>(), any::<bool>(), 0..4),
        at in any::<(u8, String)>(),
    ) {
        let by_level = BTreeMap::from([(Level::High, high), (Level::Low, 'x')]);
        let job = Job { id: Id(id), shapes, by_level, by_number, at, nothing: () };
        let value = to_value(&job).expect("a job has a value");
        prop_assert_eq!(from_value::<Job>(value).expect("the same job"), job);
    }
}

#[test]
fn a_value_looks_like_its_json() {
    let value = to_value(&[Shape::Point, Shape::Line(1, -1)]).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), "[\"Point\",{\"Line\":[1,-1]}]");
    let value = to_value(&HashMap::from([(7, Level::Low)])).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), "{\"7\":\"Low\"}");
}

#[test]
fn addresses_and_endpoints_are_text() {
    returns(&"::1".parse::<IpAddr>().unwrap());
    let endpoint: Endpoint = "tcp://[::1]:1".parse().unwrap();
    assert_eq!(to_value(&endpoint).unwrap(), Value::from("tcp://[::1]:1"));
    returns(&endpoint);
}

#[test]
fn integers_cross_between_the_variants_when_they_fit() {
    assert_eq!(from_value::<u64>(Value::I64(5)), Ok(5));
    assert_eq!(from_value::<i64>(Value::U64(5)), Ok(5));
    assert_eq!(from_value::<f64>(Value::I64(5)), Ok(5.0));
    assert_eq!(to_value(&5_u128), Ok(Value::U64(5)));
    assert_eq!(to_value(&u128::MAX), Err(ValueError::TooLarge));
    returns(&(i64::MIN, i64::MAX, u64::MAX, i128::from(u64::MAX)));
    refuses::<u64>(-1);
    refuses::<i64>(u64::MAX);
    refuses::<u8>(256);
    refuses::<u8>(1.0);
}

#[test]
fn bytes_are_read_as_numbers_too() {
    assert_eq!(from_value::<Vec<u8>>(Value::from(vec![1_u8, 2])), Ok(vec![1, 2]));
    assert_eq!(from_value::<(u8, u8)>(Value::from(vec![1_u8, 2])), Ok((1, 2)));
    refuses::<(u8, u8)>(vec![1_u8, 2, 3]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    refuses::<(u8, u8)>(vec![Value::from(1)]);
    refuses::<(u8, u8)>(vec![Value::from(1), Value::from(2), Value::from(3)]);
    refuses::<Shape>("Square");
    refuses::<Shape>("Circle");
    refuses::<Shape>(7);
    refuses::<Shape>([("Point", 1)].into_iter().collect::<Value>());
    refuses::<Shape>([("Point", 1), ("Line", 2)].into_iter().collect::<Value>());
    refuses::<HashMap<u8, u8>>([("256", 1)].into_iter().collect::<Value>());
    refuses::<Id>("7");
    refuses::<char>("ab");
}

#[test]
fn keys_that_are_no_text_are_refused() {
    let pairs = BTreeMap::from([((1, 2), 3)]);
    assert_eq!(to_value(&pairs), Err(ValueError::KeyNotText));
    assert_eq!(to_value(&BTreeMap::from([(None::<u8>, 3)])), Err(ValueError::KeyNotText));
}
