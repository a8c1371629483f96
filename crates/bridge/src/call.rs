//! What can be called by HTTP.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// Offers methods to callers by HTTP: services, agents, whatever the program has.
#[async_trait]
pub trait Callee: Send + Sync + 'static {
    /// All that can be called now.
    async fn describe(&self) -> Vec<Method>;

    /// Calls a method.
    ///
    /// # Errors
    /// [`CallError`]
    async fn call(&self, target: &str, method: &str, args: CallArgs) -> Result<Value, CallError>;
}

/// A method, as a caller sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Method {
    /// What it takes.
    pub arguments: Vec<Argument>,
    /// What it does.
    pub docs: String,
    /// Its name.
    pub name: String,
    /// Whose it is: a service or an agent.
    pub target: String,
}

/// What a method takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Argument {
    /// Taken if it is not given; without one it has to be given.
    pub default: Option<Value>,
    /// Its name.
    pub name: String,
    /// Its type, as JSON Schema names it (`string`, `integer`, ..); empty for any.
    pub r#type: String,
}

/// The arguments of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum CallArgs {
    /// By name.
    Named(Map<String, Value>),
    /// In order.
    Positional(Vec<Value>),
}

/// Why a call has no result.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// Arguments are missing, too many, or of a wrong type.
    #[error("{0}")]
    Arguments(String),
    /// The method failed.
    #[error("{text}")]
    Failed {
        /// The kind of error, as the other side names it.
        kind: String,
        /// What it says.
        text: String,
    },
    /// There is no such target, or no such method of it.
    #[error("{0}")]
    NotFound(String),
    /// No answer came in time.
    #[error("no answer in time")]
    TimedOut,
    /// It cannot be reached now.
    #[error("{0}")]
    Unreachable(String),
}

/// What can be called, as an OpenAPI document.
pub(crate) fn openapi(methods: &[Method]) -> Value {
    let mut paths = Map::new();
    for Method { arguments, docs, name, target } in methods {
        let schema = |it: &Argument| {
            let mut schema = Map::new();
            if !it.r#type.is_empty() {
                schema.insert("type".into(), it.r#type.clone().into());
            }
            schema.extend(it.default.clone().map(|default| ("default".to_owned(), default)));
            Value::Object(schema)
        };
        let properties: Map<_, _> =
            arguments.iter().map(|it| (it.name.clone(), schema(it))).collect();
        let required = arguments.iter().filter(|it| it.default.is_none()).map(|it| &it.name);
        let body = json!({"type": "object", "properties": properties,
            "required": required.collect::<Vec<_>>(), "additionalProperties": false});
        let answer = |text: &str| json!({"description": text});
        let operation = json!({"post": {
            "operationId": format!("{target}.{name}"),
            "summary": docs.lines().next().unwrap_or_default(),
            "description": docs,
            "tags": [target],
            "requestBody": {"content": {"application/json": {"schema": body}}},
            "responses": {
                "200": {"description": "the result", "content": {"application/json": {"schema":
                    {"type": "object", "properties": {"result": {}}}}}},
                "400": answer("the arguments do not fit"),
                "404": answer("there is no such method"),
                "502": answer("the method failed"),
                "503": answer("it cannot be reached now"),
                "504": answer("no answer in time"),
            },
        }});
        paths.insert(format!("/call/{target}/{name}"), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "gleis", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
    })
}
