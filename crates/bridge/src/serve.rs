//! Connections: taking them, and what is done on each.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::task::{JoinError, JoinSet};

use crate::desk::{Bell, Desk, Taken};
use crate::http::{self, Handover};
use crate::listener::{Connection, Limited};
use crate::state::State;

/// Serves until the bridge is being closed, and then until what is being answered is answered.
pub(crate) async fn serve(listener: Limited, state: Arc<State>) {
    let router = http::router(state.clone());
    // Dropping it ends them all.
    let mut connections = JoinSet::new();
    let mut closed = pin!(state.closed());
    loop {
        tokio::select! {
            () = &mut closed => break,
            connection = listener.accept() => {
                connections.spawn(attend(connection, router.clone(), state.clone()));
            }
            Some(ended) = connections.join_next() => tell(ended),
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        tell(ended);
    }
}

fn tell(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(target: "gleis::bridge", %error, "a connection was given up");
    }
}

/// One connection. Each part is in a box, so that what a request needs is given back before somebody
/// reads events for hours.
async fn attend(connection: Connection, router: Router, state: Arc<State>) {
    let taken = Box::pin(answer(connection, router, state)).await;
    if let Some(Taken { connection, head, reader }) = taken {
        Box::pin(reader.read(head, connection)).await;
    }
}

/// Answers requests until the connection ends, or somebody wants to read events on it.
async fn answer(connection: Connection, router: Router, state: Arc<State>) -> Option<Taken> {
    let desk = Desk::new(connection);
    let bell = desk.bell();
    let router = TowerToHyperService::new(router);
    let service =
        service_fn(move |request: Request<Incoming>| hand(router.call(request), bell.clone()));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(state.limits.head_time);
    let talk = http.serve_connection(TokioIo::new(desk.lend()), service).with_upgrades();
    let (mut talk, mut closed) = (pin!(talk), pin!(state.closed()));
    let mut is_closed = false;
    poll_fn(|cx| {
        if !is_closed && closed.as_mut().poll(cx).is_ready() {
            is_closed = true;
            talk.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(ended) = talk.as_mut().poll(cx) {
            if let Err(error) = ended {
                tracing::debug!(target: "gleis::bridge", %error, "a connection broke");
            }
            return Poll::Ready(None);
        }
        // The answer that is handed over never comes, so hyper has just been asked and waits.
        desk.take().map_or(Poll::Pending, |it| Poll::Ready(Some(it)))
    })
    .await
}

/// Gives hyper the answer, unless that is a reader, who wants the connection.
async fn hand<E>(
    answer: impl Future<Output = Result<Response, E>>,
    bell: Bell,
) -> Result<Response, E> {
    let mut response = answer.await?;
    let Some(reader) = response.extensions_mut().remove::<Handover>().and_then(Handover::take)
    else {
        return Ok(response);
    };
    bell.ring(head(&response), reader);
    pending().await
}

/// The head of an answer whose end is the end of the connection.
fn head(response: &Response) -> Bytes {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 200 OK\r\nconnection: close\r\ndate: ");
    head.extend_from_slice(httpdate::fmt_http_date(std::time::SystemTime::now()).as_bytes());
    for (name, value) in response.headers() {
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(name.as_ref());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
    }
    head.extend_from_slice(b"\r\n\r\n");
    head.into()
}
