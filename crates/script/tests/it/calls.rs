//! Values in, values out, and clear errors.

use std::collections::BTreeMap;

use gleis_core::Value;
use gleis_core::value::{from_value, to_value};
use gleis_script::{Bound, Script, ScriptError};
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

use crate::{compiled, run};

#[test]
fn a_closure_answers_with_what_it_returns() {
    let square = compiled("|x| x * x").unwrap();
    assert_eq!(square.parameters(), ["x"]);
    for n in [0, 3, -12] {
        assert_eq!(square.call([Value::I64(n)]).unwrap(), Value::I64(n * n));
    }
    assert_eq!(run("|| 42", []).unwrap(), Value::I64(42));
    assert_eq!(run("|| {}", []).unwrap(), Value::Null);
}

#[test]
fn functions_may_stand_before_the_closure() {
    let source =
        "fn twice(x) { x + x }\nfn greet(name) { `hello ${name}` }\n|name| twice(greet(name))";
    let answer = run(source, [Value::from("Bob")]).unwrap();
    assert_eq!(answer, Value::from("hello Bobhello Bob"));
}

#[test]
fn texts_lists_and_maps_are_worked_with() {
    let source = r#"|words| {
        let all = #{};
        for word in words { all[word.to_upper()] = word.len(); }
        all
    }"#;
    let words = ["a", "bcd"].map(Value::from).to_vec();
    let expected = [("A", 1), ("BCD", 3)].map(|(k, v)| (k.to_owned(), Value::I64(v)));
    assert_eq!(run(source, [Value::List(words)]).unwrap(), Value::Map(expected.into()));
}

#[test]
fn nothing_is_left_of_a_call() {
    let program = compiled("|x| { let seen = 0; seen += x; seen }").unwrap();
    for _ in 0..3 {
        assert_eq!(program.call([Value::I64(2)]).unwrap(), Value::I64(2));
    }
}

#[test]
fn wrong_arguments_are_counted_out() {
    let error = run("|x, y| x + y", [Value::I64(1)]).unwrap_err();
    assert_eq!(error, ScriptError::Arguments { expected: 2, got: 1 });
    assert_eq!(error.to_string(), "the script takes 2 arguments and got 1");
}

#[test]
fn an_error_says_in_which_line() {
    for (source, says) in [
        ("|x| {\n  x +\n}", "line 3: Unexpected '}'"),
        ("|x| {\n  let y = x;\n  y / 0\n}", "line 3: Division by zero: 1 / 0"),
        ("|x| {\n  throw `no ${x}`\n}", "line 2: no 1"),
        ("|x| nowhere(x)", "line 1: there is no function nowhere (i64), or it is not granted"),
        ("|x| y", "line 1: Variable not found: y"),
        ("40 + 2", "a script ends with a closure, as in `|x| x * x`; this one ends with i64"),
        ("", "a script ends with a closure, as in `|x| x * x`; this one ends with ()"),
        ("|x| 9223372036854775807 + x", "line 1: Addition overflow: 9223372036854775807 + 1"),
    ] {
        assert_eq!(run(source, [Value::I64(1)]).unwrap_err().to_string(), says, "{source}");
    }
}

#[test]
fn what_is_no_value_does_not_leave() {
    let error = run("|| |x| x", []).unwrap_err();
    assert_eq!(error.to_string(), "a value of type Fn cannot leave a script");
    let deep = "|| { let a = []; for i in 0..200 { a = [a]; } a }";
    assert_eq!(run(deep, []).unwrap_err().to_string(), "nested deeper than 128 levels");
    let error = run("|x| x", [Value::U64(u64::MAX)]).unwrap_err();
    assert_eq!(error.to_string(), "18446744073709551615 is too large for a script");
}

#[test]
fn a_script_travels_as_its_text() {
    let script = Script::new("|x| x");
    let value = to_value(&script).unwrap();
    assert_eq!(value, Value::from("|x| x"));
    assert_eq!(from_value::<Script>(value).unwrap(), script);
}

#[test]
fn one_program_serves_many_threads() {
    let program = compiled("|n| { let s = 0; for i in 0..n { s += i; } s }").unwrap();
    let threads: Vec<_> = (0..4i64)
        .map(|n| {
            let program = program.clone();
            std::thread::spawn(move || (n, program.call([Value::I64(n * 100)]).unwrap()))
        })
        .collect();
    for thread in threads {
        let (n, sum) = thread.join().unwrap();
        assert_eq!(sum, Value::I64((0..n * 100).sum()));
    }
}

#[test]
fn a_limit_that_is_met_cannot_be_caught() {
    let source = "|| { try { loop {} } catch { 42 } }";
    let error = run(source, []).unwrap_err();
    assert!(matches!(error, ScriptError::Exceeded { bound: Bound::Operations, .. }), "{error}");
    assert_eq!(run("|| { try { throw 1 } catch { return 42 } }", []).unwrap(), Value::I64(42));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        proptest::strategy::Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        (-1e9..1e9f64).prop_map(Value::F64),
        "[a-zß]{0,8}".prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..6)
                .prop_map(|it: BTreeMap<_, _>| Value::Map(it)),
        ]
    })
}

proptest! {
    #[test]
    fn what_a_script_hands_back_is_what_it_got(value in values()) {
        prop_assert_eq!(run("|x| x", [value.clone()]).unwrap(), value);
    }

    #[test]
    fn any_text_is_a_script_or_an_error(source in "[a-z0-9|(){}\\[\\]#:;,.+*/=!<>\"'`$ \n]{0,80}") {
        if let Ok(program) = compiled(&source) {
            let args = program.parameters().iter().map(|_| Value::I64(1)).collect::<Vec<_>>();
            let _ = program.call(args);
        }
    }
}
