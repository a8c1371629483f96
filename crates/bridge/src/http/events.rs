//! Server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use crate::cursor::Cursor;
use crate::http::answer::Problem;
use crate::http::query::{Format, Wish, missed};
use crate::log::{Behind, Filter};
use crate::state::{State, count};

/// So many messages are taken from the log at a time: what a reader that does not read costs.
const MOST: usize = 16;
/// How long nothing may be said, so that whoever is between does not take the line for dead.
const QUIET: Duration = Duration::from_secs(15);
/// How soon a browser comes back.
const RETRY: Duration = Duration::from_millis(1_000);

/// A reader of the log.
struct Reader {
    at: Cursor,
    filter: Filter,
    format: Format,
    is_first: bool,
    _place: OwnedSemaphorePermit,
    ready: VecDeque<Event>,
    state: Arc<State>,
}

pub(crate) async fn events(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wish = Wish::read_again(&uri, &headers)?;
    let _place = state.place()?;
    let end = state.log.end();
    // Of another log, so that it is a gap.
    let nowhere = Cursor { epoch: end.epoch.wrapping_add(1), number: 0 };
    let at = wish.after.unwrap_or(if wish.is_lost { nowhere } else { end });
    let Wish { filter, format, .. } = wish;
    let (is_first, ready) = (true, VecDeque::new());
    let reader = Reader { at, filter, format, is_first, _place, ready, state };
    let stream = unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(QUIET)).into_response())
}

impl Reader {
    /// The next event; `None` once the bridge is being closed.
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.is_first) {
            // Where it begins, so that even a reader that got nothing yet comes back there.
            let is_here = self.at.epoch == self.state.log.end().epoch;
            let hello = Event::default().retry(RETRY).comment("gleis");
            return Some(
                if is_here { hello.id(self.at.to_string()).data("") } else { hello }.event("hello"),
            );
        }
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let before = self.at;
            self.take();
            if self.ready.is_empty() && self.at == before {
                tokio::select! {
                    () = self.state.log.wait(self.at) => (),
                    () = self.state.closed() => return None,
                }
            }
        }
    }

    fn take(&mut self) {
        let Behind { cursor, messages, missed: gone } =
            self.state.log.behind(self.at, MOST, &self.filter);
        if let Some(gone) = missed(gone) {
            count(&self.state.books.gaps);
            let data = json!({"missed": gone}).to_string();
            self.ready.push_back(Event::default().event("gap").data(data));
        }
        let message = |(cursor, message): &(Cursor, _)| {
            let data = match self.format.write(message) {
                serde_json::Value::String(text) => text,
                value => value.to_string(),
            };
            // A carriage return ends a line of an event, too, and JSON takes it for a blank.
            Event::default().id(cursor.to_string()).data(data.replace('\r', " "))
        };
        self.ready.extend(messages.iter().map(message));
        self.at = cursor;
    }
}
