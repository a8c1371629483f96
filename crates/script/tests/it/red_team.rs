//! Scripts that mean harm: each ends with an error, in bounded time and memory.

use std::time::Duration;

use gleis_core::Value;
use gleis_script::{Bound, Grant, Host, HostError, Limits, NoHost, Sandbox, Script, ScriptError};

use crate::{compiled, run};

#[track_caller]
fn exceeds(source: &str, expected: Bound) {
    match run(source, []) {
        Err(ScriptError::Exceeded { bound, .. }) => assert_eq!(bound, expected, "{source}"),
        other => panic!("{source}: {other:?}"),
    }
}

#[test]
fn an_endless_loop_ends() {
    for source in [
        "|| loop {}",
        "|| while true {}",
        "|| { let i = 0; loop { i += 1; } }",
        "|| for i in 0..9223372036854775807 {}",
        "|| { let a = [0]; for x in a { a.push(0); loop {} } }",
        "|| [1, 2].for_each(|| loop {})",
        "|| { do { } while true }",
        // Before the closure too.
        "loop {}",
    ] {
        exceeds(source, Bound::Operations);
    }
}

#[test]
fn deep_recursion_ends() {
    for source in [
        "fn f() { f() } || f()",
        "fn f(x) { g(x + 1) } fn g(x) { f(x) + 1 } || f(0)",
        "fn f(n) { if n == 0 { 0 } else { [n - 1].map(f) } } || f(1000)",
        "|| { let f = |g| g.call(g); f.call(f) }",
        "fn f() { f() } f()",
    ] {
        exceeds(source, Bound::Depth);
    }
}

#[test]
fn deeply_nested_source_is_refused() {
    for (open, close) in [("(", ")"), ("[", "]"), ("- ", ""), ("#{a:", "}"), ("if true {", "}")] {
        for n in [40, 5_000] {
            let source = format!("|| {}1{}", open.repeat(n), close.repeat(n));
            let error = compiled(&source).unwrap_err();
            assert!(
                matches!(error, ScriptError::Exceeded { bound: Bound::Depth, .. }),
                "{open}: {error:?}"
            );
        }
    }
}

#[test]
fn nothing_grows_beyond_its_limit() {
    for source in [
        "|| { let s = \"x\"; loop { s += s; } }",
        "|| { let s = \"x\"; loop { s = s + s; } }",
        "|| { let s = \"x\"; s.pad(1000000, 'y'); s }",
        "|| { let s = \"x\"; s.pad(15000, 'y'); s.replace(\"y\", s); s }",
        "|| { let s = \"x\"; s.pad(15000, 'y'); s.replace('y', s); s }",
        "|| { let a = [0]; loop { a += a; } }",
        "|| { let a = [0]; loop { a.push(a); } }",
        "|| { let a = []; a.pad(1000000, 0); a }",
        "|| { let a = []; loop { a = [a, a]; } }",
        "|| { let m = #{}; let i = 0; loop { m[i.to_string()] = i; i += 1; } }",
        // Where the interpreter looks at a part alone.
        "|| { let a = [0]; loop { a[0] = a; } }",
        "|| { let a = [0, 0]; loop { a[0] = a; a[1] = a; } }",
        "|| { let m = #{}; loop { m.a = m; m.b = m; } }",
        "|| { let m = #{a: []}; loop { m.a.push(m); } }",
        "|| { let a = [[]]; let b = [0]; b.pad(900, 0); loop { a[0].push(b); } }",
        "|| { let a = []; a.pad(1000, 0); let b = a; for i in 0..1000 { a[i] = b; } }",
        "fn put(a) { a[0] = a; a } || { let a = [0]; loop { a = put(a); } }",
        "|| { let m = #{}; let k = \"k\"; k.pad(9000, 'k'); loop { m[k] = 1; k += k; } }",
        "|| { let m = #{}; loop { m = #{a: m, b: m}; } }",
        "|| blob(1000000)",
        "|| { let b = blob(100); loop { b += b; } }",
        "|| { let s = \"x\"; loop { s = `${s}${s}`; } }",
        "|| { let a = [\"x\"]; a[0].pad(15000, 'y'); let t = \"\"; loop { t += a; } }",
    ] {
        exceeds(source, Bound::Size);
    }
}

#[test]
fn slow_growth_ends_too() {
    for (source, bounds) in [
        // Each string is within its limit; all that an array holds is not.
        ("|| { let a = []; loop { let s = \"x\"; s.pad(1000, 'y'); a.push(s); } }", Bound::Size),
        // A level deeper with each step.
        ("|| { let a = []; loop { a = [a]; } }", Bound::Size),
        ("|| { let m = #{}; loop { m = #{a: m}; } }", Bound::Size),
        ("|| { let m = #{}; loop { m = #{a: [m]}; } }", Bound::Size),
    ] {
        exceeds(source, bounds);
    }
    let many: String = (0..100).map(|i| format!("let v{i} = 0;")).collect();
    exceeds(&format!("|| {{ {many} }}"), Bound::Variables);
}

#[test]
fn long_source_is_not_even_read() {
    let source = format!("|| \"{}\"", "x".repeat(70_000));
    let error = compiled(&source).unwrap_err();
    assert!(matches!(error, ScriptError::Exceeded { bound: Bound::Source, .. }));
    let many: String = (0..1_000).map(|i| format!("fn f{i}() {{}}\n")).collect();
    let error = compiled(&format!("{many}|| 1")).unwrap_err();
    assert!(matches!(error, ScriptError::Exceeded { bound: Bound::Size, .. }), "{error:?}");
}

#[test]
fn time_is_bounded_where_steps_are_many() {
    let mut limits = Limits::default();
    limits.operations = u64::MAX;
    limits.time = Duration::from_millis(20);
    let sandbox = Sandbox::new(limits, NoHost);
    for source in ["|| loop {}", "|| [1].map(|x| loop {})"] {
        let error = sandbox.compile(&Script::new(source)).unwrap().call([]).unwrap_err();
        assert!(matches!(error, ScriptError::Exceeded { bound: Bound::Time, .. }), "{error:?}");
    }
}

/// Serves scripts that call scripts.
struct Nested(gleis_script::Program);

impl Host for Nested {
    fn grants(&self) -> Vec<Grant> {
        vec![Grant::new("inner", 0)]
    }

    fn call(&self, _: &str, _: Vec<Value>) -> Result<Value, HostError> {
        self.0.call([]).map_err(|it| HostError::new(it.to_string()))
    }
}

#[test]
fn a_script_that_calls_another_has_one_time_for_both() {
    let mut limits = Limits::default();
    limits.operations = u64::MAX;
    limits.time = Duration::from_secs(3_600);
    let inner = Sandbox::new(limits, NoHost).compile(&Script::new("|| loop {}")).unwrap();
    limits.time = Duration::from_millis(20);
    let outer = Sandbox::new(limits, Nested(inner));
    let error = outer.compile(&Script::new("|| inner()")).unwrap().call([]).unwrap_err();
    assert!(error.to_string().contains("limit of time"), "{error}");
}

#[test]
fn what_is_nested_as_deep_as_may_be_is_dropped_on_a_small_stack() {
    let source = "|| { let a = []; for i in 0..1000 { a = [a]; } 1 }";
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let answer = small.spawn(move || run(source, [])).unwrap().join().unwrap();
    assert_eq!(answer.unwrap(), Value::I64(1));
}
