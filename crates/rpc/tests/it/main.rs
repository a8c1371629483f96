//! Links and calls, over real sockets.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod calls;
mod chains;
mod commands;
mod deadlines;
mod hostile;
mod messaging;
mod places;
mod recorded;
mod services;
mod stream_ends;
mod streams;
mod two_way;
mod typed_widgets;
mod widgets;

use gleis_rpc::Link;

/// A link that listens as `kind`, and one that is connected to it.
async fn pair(kind: &str) -> (Link, Link) {
    let server = Link::listen(format!("zmq://127.0.0.1:0/{kind}")).await.unwrap();
    let client = Link::connect(server.url("main").unwrap().twin()).await.unwrap();
    (server, client)
}
