//! Server-sent events.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use futures::stream::empty;
use parking_lot::Mutex;

use crate::cursor::Cursor;
use crate::http::answer::Problem;
use crate::http::query::Wish;
use crate::http::reader::Reader;
use crate::state::State;

pub(crate) async fn events(
    Shared(state): Shared<Arc<State>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wish = Wish::read_again(&uri, &headers)?;
    let place = state.place()?;
    let end = state.log.end();
    // Of another log, so that it is a gap.
    let nowhere = Cursor { epoch: end.epoch.wrapping_add(1), number: 0 };
    let at = wish.after.unwrap_or(if wish.is_lost { nowhere } else { end });
    let head = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    // Of a length that nobody knows.
    let body = Body::from_stream(empty::<Result<bytes::Bytes, std::convert::Infallible>>());
    let mut response = (head, body).into_response();
    if method != Method::HEAD {
        let reader = Reader::new(at, wish, place, state);
        response.extensions_mut().insert(Handover(Arc::new(Mutex::new(Some(reader)))));
    }
    Ok(response)
}

/// A reader, with an answer: whoever sends that hands the connection over to it.
#[derive(Clone)]
pub(crate) struct Handover(Arc<Mutex<Option<Reader>>>);

impl Handover {
    /// The reader, once.
    pub(crate) fn take(self) -> Option<Reader> {
        self.0.lock().take()
    }
}
