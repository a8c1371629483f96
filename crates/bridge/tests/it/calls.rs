//! Calls by HTTP.

use async_trait::async_trait;
use gleis_bridge::{Argument, Bridge, CallArgs, CallError, Callee, Method};
use serde_json::{Value, json};

use crate::support::Http;

struct Calculator;

#[async_trait]
impl Callee for Calculator {
    async fn describe(&self) -> Vec<Method> {
        let number = |name: &str, default: Option<i64>| Argument {
            default: default.map(Value::from),
            name: name.into(),
            r#type: "integer".into(),
        };
        vec![Method {
            arguments: vec![number("a", None), number("b", Some(1))],
            docs: "Multiplies.\nAny two numbers.".into(),
            name: "mul".into(),
            target: "calc".into(),
        }]
    }

    async fn call(&self, target: &str, method: &str, args: CallArgs) -> Result<Value, CallError> {
        let args = match args {
            CallArgs::Named(it) => vec![it["a"].clone(), it.get("b").cloned().unwrap_or(1.into())],
            CallArgs::Positional(it) => it,
        };
        match (target, method, &args[..]) {
            ("calc", "mul", [a, b]) => match (a.as_i64(), b.as_i64()) {
                (Some(a), Some(b)) => Ok((a * b).into()),
                _ => Err(CallError::Arguments("a and b are integers".into())),
            },
            ("calc", "mul", _) => Err(CallError::Arguments("mul takes a and b".into())),
            ("calc", "fail", _) => {
                Err(CallError::Failed { kind: "Overflow".into(), text: "too much".into() })
            }
            ("calc", "slow", _) => Err(CallError::TimedOut),
            ("gone", ..) => Err(CallError::Unreachable("gone is gone".into())),
            _ => Err(CallError::NotFound(format!("there is no {target}.{method}"))),
        }
    }
}

#[tokio::test]
async fn methods_are_called_and_their_errors_told_apart() {
    let bridge = Bridge::without_hub().callee(Calculator).await.unwrap();
    let http = Http(bridge.local_addr());
    const JSON: &str = "application/json";
    for (path, media_type, body, status, says) in [
        ("/call/calc/mul", JSON, "[6, 7]", 200, json!({"result": 42})),
        ("/call/calc/mul", JSON, "{\"a\": 6}", 200, json!({"result": 6})),
        ("/call/calc/mul", "", "", 400, json!({"error": "mul takes a and b"})),
        ("/call/calc/mul", JSON, "[\"x\", 1]", 400, json!({"error": "a and b are integers"})),
        ("/call/calc/mul", JSON, "3", 400, json!({"error": "arguments are a list or an object"})),
        ("/call/calc/mul", "text/plain", "[1]", 415, json!({"error": "application/json"})),
        ("/call/calc/fail", "", "", 502, json!({"error": "too much", "kind": "Overflow"})),
        ("/call/calc/slow", "", "", 504, json!({"error": "no answer in time"})),
        ("/call/gone/x", "", "", 503, json!({"error": "gone is gone"})),
        ("/call/calc/%2e%2e%2fx", "", "", 404, json!({"error": "there is no calc.../x"})),
    ] {
        let answer = http.post(path, media_type, body).await;
        assert_eq!((answer.status, answer.json()), (status, says), "{path} {body}");
    }
    assert_eq!(http.post("/call/calc/mul", JSON, "{").await.status, 400);
    assert_eq!(http.get("/call/calc/mul").await.status, 405);
}

#[tokio::test]
async fn what_can_be_called_is_described() {
    let bridge = Bridge::without_hub().callee(Calculator).await.unwrap();
    let document = Http(bridge.local_addr()).get("/openapi.json").await.json();
    let operation = &document["paths"]["/call/calc/mul"]["post"];
    assert_eq!(operation["summary"], "Multiplies.");
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["required"], json!(["a"]));
    assert_eq!(schema["properties"]["b"], json!({"type": "integer", "default": 1}));
    // Without anything that can be called it is empty.
    let bridge = Bridge::without_hub().await.unwrap();
    let http = Http(bridge.local_addr());
    assert_eq!(http.get("/openapi.json").await.json()["paths"], json!({}));
    assert_eq!(http.post("/call/a/b", "", "").await.status, 404);
}
