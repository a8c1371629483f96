//! Who talks to whom.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::answer::{Problem, problem};
use crate::state::State;

pub(crate) async fn topology(Shared(state): Shared<Arc<State>>) -> Result<Response, Problem> {
    let nothing = || problem(StatusCode::NOT_FOUND, "no agents are observed here");
    let tower = state.watchtower.as_ref().ok_or_else(nothing)?;
    match tower.look().await {
        Ok(topology) => Ok(Answer(&*topology).into_response()),
        Err(text) => Err(problem(StatusCode::SERVICE_UNAVAILABLE, text)),
    }
}
