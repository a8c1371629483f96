//! Whether and how it works.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json as Answer;
use axum::extract::State as Shared;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::state::State;

pub(crate) async fn health(Shared(state): Shared<Arc<State>>) -> Response {
    let hub = match &state.hub {
        None => "none",
        Some(hub) if hub.is_connected() => "connected",
        Some(_) => "lost",
    };
    let log = match &state.keeping {
        None => "memory",
        Some(books) if books.is_failing.load(Ordering::Relaxed) => "failing",
        Some(_) => "file",
    };
    let status = if hub == "lost" || log == "failing" { "degraded" } else { "ok" };
    let count = state.log.count();
    let answer = json!({"status": status, "hub": hub, "log": log, "count": count,
        "waiters": n_waiters(&state), "version": env!("CARGO_PKG_VERSION")});
    Answer(answer).into_response()
}

pub(crate) async fn metrics(Shared(state): Shared<Arc<State>>) -> Response {
    let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
    let books = &state.books;
    let connected =
        state.hub.as_ref().is_some_and(gleis_broker::GenericMessageClient::is_connected);
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "# HELP gleis_bridge_{name} {help}\n# TYPE gleis_bridge_{name} {kind}\ngleis_bridge_{name} {value}"
        );
    };
    tell("messages_total", "counter", "Messages of the hub.", state.log.count());
    tell("sent_total", "counter", "Messages that the hub took.", read(&books.sent));
    tell("unsent_total", "counter", "Messages that the hub did not take.", read(&books.unsent));
    tell("calls_total", "counter", "Calls.", read(&books.calls));
    tell("gaps_total", "counter", "Gaps that readers were told of.", read(&books.gaps));
    tell("refused_total", "counter", "Requests of whoever may not ask.", read(&books.refused));
    tell("waiters", "gauge", "Who waits for messages.", n_waiters(&state));
    tell("hub_connected", "gauge", "Whether the hub is there.", connected.into());
    if let Some(books) = &state.keeping {
        let failing = books.is_failing.load(Ordering::Relaxed);
        tell("log_kept_total", "counter", "Messages written to the file.", read(&books.kept));
        tell("log_lost_total", "counter", "Messages that the file lacks.", read(&books.lost));
        tell("log_failing", "gauge", "Whether the file cannot be written.", failing.into());
    }
    if let Some(hub) = &state.hub {
        for (way, flow) in hub.flows() {
            for (what, n) in [
                ("offered", flow.offered),
                ("delivered", flow.delivered),
                ("dropped", flow.dropped.total()),
                ("queued", flow.queued),
                ("in_flight", flow.in_flight),
            ] {
                let labels = format!("way=\"{way}\",what=\"{what}\"");
                let _ = writeln!(text, "gleis_bridge_ledger{{{labels}}} {n}");
            }
        }
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

fn n_waiters(state: &State) -> u64 {
    (state.limits.waiters.saturating_sub(state.waiters.available_permits())) as u64
}
