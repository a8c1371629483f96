//! What `gleis bridge` lets others call.

use gleis_agent::{agent, run_agent, run_nameserver};
use gleis_rpc::{Server, service};
use serde_json::{Value, json};

use crate::hub::ask;
use crate::{Running, gleis};

struct Greeter;

#[agent]
impl Greeter {
    /// Says hello.
    #[method]
    async fn greet(&mut self, name: String, times: u32) -> String {
        vec![format!("hello {name}"); times as usize].join(", ")
    }
}

/// Adds numbers.
#[service]
trait Calculator {
    /// The sum of two.
    async fn add(&self, a: i64, #[default(1)] b: i64) -> Result<i64, String>;
}

struct Adder;

impl Calculator for Adder {
    async fn add(&self, a: i64, b: i64) -> Result<i64, String> {
        a.checked_add(b).ok_or_else(|| "too much".to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_and_servers_of_calls_are_described_and_called_by_http() {
    let ns = run_nameserver().await.unwrap();
    let at = ns.endpoint().to_string();
    let _agent = run_agent("greeter", Greeter).nameserver(&at[..]).await.unwrap();
    let server = Server::new().service(CalculatorService(Adder));
    let server = server.listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let rpc = format!("calc={}", server.url().twin());
    let mut bridge = Running::new(&["bridge", "run", "--ns", &at, "--rpc", &rpc]);
    bridge.next().await;
    let url = bridge.field("url").await;

    let answer = ask(&url, "GET", "/openapi.json", "").await;
    let document: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let operation = |path: &str| document["paths"][path]["post"].clone();
    let schema = |path: &str| {
        operation(path)["requestBody"]["content"]["application/json"]["schema"].clone()
    };
    assert_eq!(operation("/call/greeter/greet")["summary"], "Says hello.");
    assert_eq!(
        schema("/call/greeter/greet")["properties"],
        json!({"name": {"type": "string"}, "times": {"type": "integer"}})
    );
    assert_eq!(schema("/call/greeter/greet")["required"], json!(["name", "times"]));
    assert_eq!(operation("/call/calc/add")["summary"], "The sum of two.");
    assert_eq!(schema("/call/calc/add")["required"], json!(["a"]));
    assert_eq!(
        schema("/call/calc/add")["properties"]["b"],
        json!({"type": "integer", "default": 1})
    );

    for (path, body, expected) in [
        ("/call/greeter/greet", "[\"Bob\", 2]", "{\"result\":\"hello Bob, hello Bob\"}"),
        ("/call/greeter/greet", "{\"times\": 1, \"name\": \"Bob\"}", "{\"result\":\"hello Bob\"}"),
        ("/call/greeter/greet", "{\"times\": 1}", "HTTP/1.1 400"),
        ("/call/calc/add", "[6, 7]", "{\"result\":13}"),
        ("/call/calc/add", "{\"a\": 6}", "{\"result\":7}"),
        ("/call/calc/add", "[9223372036854775807, 1]", "HTTP/1.1 502"),
        ("/call/calc/sub", "[6, 7]", "HTTP/1.1 404"),
        ("/call/nobody/sub", "[6, 7]", "HTTP/1.1 404"),
        // What servers and clients say to each other is no method.
        ("/call/calc/cancel_call", "[\"x\"]", "HTTP/1.1 404"),
    ] {
        let answer = ask(&url, "POST", path, body).await;
        assert!(answer.contains(expected), "{path} {body}: {answer}");
    }
    let seen = ask(&url, "GET", "/topology", "").await;
    assert!(seen.contains("\"name\":\"greeter\"") && seen.contains("\"running\""), "{seen}");
    drop(server);
    // Whoever is gone is missed, and nothing else.
    let short = ["bridge", "run", "--ns", &at, "--rpc", &rpc, "--timeout", "0.5"];
    let mut other = Running::new(&short);
    other.next().await;
    let url = other.field("url").await;
    let answer = ask(&url, "POST", "/call/calc/add", "[6, 7]").await;
    assert!(answer.starts_with("HTTP/1.1 50"), "{answer}");
    let answer = ask(&url, "GET", "/openapi.json", "").await;
    assert!(answer.contains("/call/greeter/greet") && !answer.contains("calc"), "{answer}");
    assert_eq!(other.interrupt().await, 0);
    assert_eq!(bridge.interrupt().await, 0);
}

#[tokio::test]
async fn servers_that_cannot_be_called_are_wrong_usage() {
    for (args, says) in [
        (&["calc"][..], "it is NAME=URL"),
        (&["a/b=zmq://127.0.0.1:1/req"], "it is NAME=URL"),
        (&["calc=http://127.0.0.1:1"], "not a known scheme"),
        (&["a=zmq://127.0.0.1:1/req", "a=zmq://127.0.0.1:1/req"], "two servers are called a"),
    ] {
        let rpc = args.iter().flat_map(|it| ["--rpc", it]);
        let args: Vec<_> = ["bridge", "run"].into_iter().chain(rpc).collect();
        let (exit, _, err) = gleis(&args).await;
        assert_eq!(exit, 2, "{err}");
        assert!(err.contains(says), "{err}");
    }
}
