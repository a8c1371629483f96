//! The routes.

mod answer;
mod calls;
mod events;
mod health;
mod messages;
mod page;
mod query;
mod reader;
mod socket;
mod topology;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

pub(crate) use crate::http::answer::{Problem, problem};
pub(crate) use crate::http::events::Handover;
pub(crate) use crate::http::reader::{PATIENCE, Reader};
use crate::state::{State, count};

pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .route("/topology.js", get(page::topology))
        .route("/messages", get(messages::last).post(messages::send))
        .route("/messages/next", get(messages::next))
        .route("/events", get(events::events))
        .route("/ws", get(socket::socket))
        .route("/call/{target}/{method}", post(calls::call))
        .route("/openapi.json", get(calls::openapi))
        .route("/topology", get(topology::topology))
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .fallback(async || problem(StatusCode::NOT_FOUND, "there is nothing here"))
        .method_not_allowed_fallback(async || {
            problem(StatusCode::METHOD_NOT_ALLOWED, "this cannot be done here")
        })
        .layer(from_fn_with_state(state.clone(), guard))
        .with_state(state)
}

/// Lets in whoever may come in, and says to browsers who may read.
async fn guard(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let origin = match state.access.check(request.headers(), request.uri(), is_preflight) {
        Ok(origin) => origin,
        Err((status, text)) => {
            count(&state.books.refused);
            return problem(status, text).into_response();
        }
    };
    let mut response = match is_preflight {
        true => (StatusCode::NO_CONTENT, Body::empty()).into_response(),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin.and_then(|it| HeaderValue::try_from(it).ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Retry-After"));
        if is_preflight {
            let methods = HeaderValue::from_static("GET, POST");
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            let allowed = HeaderValue::from_static("Authorization, Content-Type, Last-Event-ID");
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
    }
    response
}
