//! Calls.

use std::sync::Arc;

use axum::Json as Answer;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::call::{self, CallArgs, CallError};
use crate::http::answer::{Problem, body, media_type, problem};
use crate::state::{State, count};

pub(crate) async fn call(
    Shared(state): Shared<Arc<State>>,
    Path((target, method)): Path<(String, String)>,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Problem> {
    let nothing = || problem(StatusCode::NOT_FOUND, "nothing can be called here");
    let callee = state.callee.clone().ok_or_else(nothing)?;
    state.pace()?;
    let content = body(&state, &headers, content).await?;
    let args = match &*media_type(&headers) {
        _ if content.is_empty() => CallArgs::Positional(Vec::new()),
        "application/json" => match serde_json::from_slice(&content) {
            Ok(Value::Array(args)) => CallArgs::Positional(args),
            Ok(Value::Object(args)) => CallArgs::Named(args),
            Ok(_) => return Err(Problem::bad("arguments are a list or an object")),
            Err(error) => return Err(Problem::bad(error.to_string())),
        },
        _ => return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/json")),
    };
    count(&state.books.calls);
    match callee.call(&target, &method, args).await {
        Ok(result) => Ok(Answer(json!({"result": result})).into_response()),
        Err(error) => Ok(refused(&error)),
    }
}

fn refused(error: &CallError) -> Response {
    let status = match error {
        CallError::Arguments(_) => StatusCode::BAD_REQUEST,
        CallError::Failed { kind, text } => {
            let answer = json!({"error": text, "kind": kind});
            return (StatusCode::BAD_GATEWAY, Answer(answer)).into_response();
        }
        CallError::NotFound(_) => StatusCode::NOT_FOUND,
        CallError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        CallError::Unreachable(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem(status, error.to_string()).into_response()
}

pub(crate) async fn openapi(Shared(state): Shared<Arc<State>>) -> Result<Response, Problem> {
    // Whoever is described may have to be asked.
    state.pace()?;
    let methods = match &state.callee {
        Some(callee) => callee.describe().await,
        None => Vec::new(),
    };
    Ok(Answer(call::openapi(&methods)).into_response())
}
