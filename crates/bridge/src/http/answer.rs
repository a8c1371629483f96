//! Answers, and bodies that are read.

use axum::Json as Answer;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

use crate::state::State;

/// An error that says what is wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    text: String,
}

pub(crate) fn problem(status: StatusCode, text: impl Into<String>) -> Problem {
    Problem { status, text: text.into() }
}

impl Problem {
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        problem(StatusCode::BAD_REQUEST, text)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, text } = self;
        let mut response = (status, Answer(json!({"error": text}))).into_response();
        let is_for_now = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
        let headers = response.headers_mut();
        if is_for_now.contains(&status) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Reads a body, within the limits.
pub(crate) async fn body(state: &State, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let limit = state.limits.body;
    let too_large = || {
        let text = format!("a body has no more than {limit} bytes here");
        problem(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    if announced.is_some_and(|it: u64| (limit as u64) < it) {
        return Err(too_large());
    }
    match tokio::time::timeout(state.limits.body_time, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}

/// The type of a body, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
