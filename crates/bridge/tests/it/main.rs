//! The bridge, by real connections.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod calls;
mod closing;
mod events;
mod hostile;
mod keeping;
mod matrix;
mod reading;
mod socket;
mod support;
mod topology;

use gleis_bridge::Bridge;
use gleis_broker::{MessageClient, MessageServer};
use serde_json::{Value, json};

/// A hub, an application, and a bridge.
struct World {
    application: MessageClient,
    bridge: Bridge,
    hub: MessageServer,
}

impl World {
    async fn new() -> Self {
        let hub = MessageServer::bind().await.unwrap();
        let bridge = Bridge::to(&hub).await.unwrap();
        Self::with(hub, bridge).await
    }

    async fn with(hub: MessageServer, bridge: Bridge) -> Self {
        let application = MessageClient::connect(&hub).await.unwrap();
        Self { application, bridge, hub }
    }

    /// Has the application send messages of these numbers, and waits until the bridge has `count`.
    async fn send(&self, numbers: impl IntoIterator<Item = u64>, count: u64) {
        for n in numbers {
            self.application.send_message(&message(n)).await.unwrap();
        }
        let http = self.http();
        let there = async {
            while http.get("/messages").await.json()["count"] != count {
                tokio::task::yield_now().await;
            }
        };
        gleis_test::wait::within(there).await;
    }

    fn http(&self) -> support::Http {
        support::Http(self.bridge.local_addr())
    }
}

fn message(n: u64) -> Value {
    json!({"type": "n", "n": n})
}

/// The text of [`message`], as it travels.
fn text(n: u64) -> String {
    message(n).to_string()
}
