//! The last message, the next one, and sending.

use std::sync::Arc;

use axum::Json as Answer;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gleis_broker::ClientError;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use crate::http::answer::{Problem, body, media_type, problem};
use crate::http::query::{Wish, missed};
use crate::log::{Behind, Entry, Missed};
use crate::state::{State, count};

/// So many messages are given at once.
const MOST: usize = 1_000;

/// The last message and how many there were, or what is behind a cursor.
pub(crate) async fn last(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
) -> Result<Answer<Value>, Problem> {
    let Wish { after, filter, format, .. } = Wish::read(&uri)?;
    let Some(after) = after else {
        let (count, cursor, message) = state.log.last();
        let message = message.map(|it| format.write(&it));
        let answer = json!({"count": count, "message": message, "cursor": cursor.to_string()});
        return Ok(Answer(answer));
    };
    let Behind { cursor, messages, missed: gone, .. } = state.log.behind(after, MOST, &filter);
    let one = |it: &Arc<Entry>| json!({"cursor": it.cursor.to_string(), "message": format.write(&it.message)});
    let messages: Vec<_> = messages.iter().map(one).collect();
    let mut answer = Map::new();
    answer.insert("messages".into(), messages.into());
    answer.insert("cursor".into(), cursor.to_string().into());
    if let Some(gone) = missed(gone) {
        count(&state.books.gaps);
        answer.insert("missed".into(), gone);
    }
    Ok(Answer(Value::Object(answer)))
}

/// Waits for the next message.
pub(crate) async fn next(Shared(state): Shared<Arc<State>>, uri: Uri) -> Result<Response, Problem> {
    let wish = Wish::read(&uri)?;
    let _place = state.place()?;
    let within = wish.timeout.unwrap_or(state.limits.poll).min(state.limits.poll);
    let until = Instant::now() + within;
    let mut at = wish.after.unwrap_or_else(|| state.log.end());
    let mut gone = Missed::Nothing;
    loop {
        let Behind { cursor, messages, missed: now, .. } = state.log.behind(at, 1, &wish.filter);
        gone = gone.and(now);
        if let Some(it) = messages.first() {
            let mut answer = Map::new();
            answer.insert("message".into(), wish.format.write(&it.message));
            answer.insert("cursor".into(), it.cursor.to_string().into());
            if let Some(gone) = missed(gone) {
                count(&state.books.gaps);
                answer.insert("missed".into(), gone);
            }
            return Ok(Answer(Value::Object(answer)).into_response());
        }
        let is_new = cursor != at;
        at = cursor;
        if is_new {
            continue;
        }
        let waiting = timeout_at(until, state.log.wait(at));
        tokio::select! {
            waited = waiting => if waited.is_err() {
                return Ok(StatusCode::NO_CONTENT.into_response());
            },
            () = state.closed() => {
                let text = "the bridge is being closed";
                return Err(problem(StatusCode::SERVICE_UNAVAILABLE, text));
            }
        }
    }
}

/// Sends a message to the hub.
pub(crate) async fn send(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    content: Body,
) -> Result<(StatusCode, &'static str), Problem> {
    state.pace()?;
    let content = body(&state, &headers, content).await?;
    let text = message(&headers, &content)?;
    match forward(&state, text).await {
        Ok(()) => Ok((StatusCode::ACCEPTED, "Message sent")),
        Err(error @ ClientError::Invalid(_)) => Err(Problem::bad(whole(&error))),
        Err(error) => Err(problem(StatusCode::SERVICE_UNAVAILABLE, whole(&error))),
    }
}

/// Has the hub take a message, soon or not at all.
pub(crate) async fn forward(state: &State, text: String) -> Result<(), ClientError> {
    let hub = state.hub.as_ref().ok_or(ClientError::NoReceiveAddress)?;
    let within = state.limits.send;
    let sent = timeout(within, hub.send_json_message(text)).await;
    let sent = sent.unwrap_or(Err(ClientError::TimedOut(within)));
    count(if sent.is_ok() { &state.books.sent } else { &state.books.unsent });
    sent
}

/// The text in the field `message`.
fn message(headers: &HeaderMap, content: &Bytes) -> Result<String, Problem> {
    let bad = |text: &str| Err(Problem::bad(text));
    match &*media_type(headers) {
        "application/x-www-form-urlencoded" => {
            let mut fields = form_urlencoded::parse(content);
            match fields.find(|it| it.0 == "message") {
                Some((_, text)) => Ok(text.into_owned()),
                None => bad("the field \"message\" is missing"),
            }
        }
        "application/json" => {
            let Ok(Value::Object(mut fields)) = serde_json::from_slice(content) else {
                return bad("the body is no JSON object");
            };
            match fields.remove("message") {
                Some(Value::String(text)) => Ok(text),
                Some(value) => Ok(value.to_string()),
                None => bad("the field \"message\" is missing"),
            }
        }
        _ => {
            let text = "a form (application/x-www-form-urlencoded) or application/json";
            Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        }
    }
}

/// An error with its causes.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
