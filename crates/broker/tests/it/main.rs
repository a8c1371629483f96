//! The hub and its clients, over real sockets.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod clients;
mod foreign;
mod matrix;
mod server;

use gleis_broker::{Json, MessageServer};
use serde_json::{Value, json};

async fn server() -> MessageServer {
    MessageServer::bind().await.unwrap()
}

/// A message that differs from others by its number.
fn message(n: u64) -> Value {
    json!({"type": "subject", "subject": n.to_string()})
}

fn sent(n: u64) -> Json {
    Json::new(&message(n)).unwrap()
}
