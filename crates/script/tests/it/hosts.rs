//! What is granted, and what is not.

use std::sync::{Arc, Mutex};

use gleis_core::Value;
use gleis_script::{Grant, Host, HostError, Limits, Sandbox, Script, ScriptError};

/// Keeps one attribute, which may be read and set to a number.
#[derive(Clone, Default)]
struct Attribute(Arc<Mutex<i64>>);

impl Host for Attribute {
    fn grants(&self) -> Vec<Grant> {
        vec![Grant::new("attr", 1), Grant::new("set_attr", 2), Grant::new("nothing", 0)]
    }

    fn call(&self, name: &str, args: Vec<Value>) -> Result<Value, HostError> {
        let mut value = self.0.lock().expect("unpoisoned");
        match (name, &args[..]) {
            ("attr", [Value::String(_)]) => Ok(Value::I64(*value)),
            ("set_attr", [Value::String(_), Value::I64(new)]) => {
                *value = *new;
                Ok(Value::Null)
            }
            ("nothing", []) => Ok(Value::Null),
            _ => Err(HostError::new("only numbers")),
        }
    }
}

fn run(host: &Attribute, source: &str) -> Result<Value, ScriptError> {
    Sandbox::new(Limits::default(), host.clone()).compile(&Script::new(source))?.call([])
}

#[test]
fn a_script_calls_what_is_granted() {
    let host = Attribute::default();
    run(&host, r#"|| { for i in 0..3 { set_attr("n", attr("n") + i); } }"#).unwrap();
    assert_eq!(*host.0.lock().unwrap(), 3);
    // The other way to write a call.
    assert_eq!(run(&host, r#"|| "n".attr()"#).unwrap(), Value::I64(3));
    assert_eq!(run(&host, "|| nothing()").unwrap(), Value::Null);
}

#[test]
fn what_the_host_refuses_is_told_and_may_be_caught() {
    let host = Attribute::default();
    let error = run(&host, r#"|| set_attr("n", "text")"#).unwrap_err();
    assert_eq!(error.to_string(), "line 1: only numbers");
    assert!(matches!(error, ScriptError::Host { .. }));
    let caught = r#"|| { try { set_attr("n", "text") } catch { return 42 } }"#;
    assert_eq!(run(&host, caught).unwrap(), Value::I64(42));
}

#[test]
fn what_is_not_granted_is_not_there() {
    let host = Attribute::default();
    for source in [
        "|| remove_attr(\"n\")",
        "|| attr(1, 2, 3)",
        "|| Fn(\"sleep\").call(1)",
        "|| exit(1)",
        "|| parse_json(\"[]\")",
        "|| timestamp()",
    ] {
        let error = run(&host, source).unwrap_err();
        assert!(matches!(error, ScriptError::NotGranted { .. }), "{source}: {error:?}");
    }
}

#[test]
fn what_the_language_reserves_has_no_pointer() {
    for name in ["print", "debug", "eval", "curry", "call", "Fn"] {
        let error = run(&Attribute::default(), &format!("|| Fn(\"{name}\").call(1)")).unwrap_err();
        assert!(error.to_string().contains("is a reserved keyword"), "{name}: {error}");
    }
}

#[test]
fn no_word_of_the_language_reaches_out() {
    let host = Attribute::default();
    for source in [
        "|| eval(\"1\")",
        "|| print(1)",
        "|| debug(1)",
        "import \"x\" as x; || 1",
        "let x = 1; export x; || 1",
        "|| global::x",
        "|| spawn(1)",
        "|| this",
        "|| (|x| x).curry(1)",
    ] {
        let error = run(&host, source).unwrap_err();
        assert!(matches!(error, ScriptError::Syntax { .. }), "{source}: {error:?}");
    }
}
