//! An application whose handler gets all messages, its own included.
//!
//! ```text
//! cargo run --release --example hub_generic
//! ```
//!
//! The generic client of Braviz. It prints
//!
//! ```text
//! handler: ready
//! handler: subject
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;

use gleis::broker::{GenericMessageClient, Json, MessageClient, MessageHandler, MessageServer};
use serde_json::json;
use tokio::sync::mpsc;

struct Printer {
    done: mpsc::Sender<()>,
}

impl MessageHandler for Printer {
    async fn handle_new_message(&mut self, message: Json) {
        println!("handler: {}", message.kind().unwrap_or("no type"));
        // Whoever waits may have gone.
        let _ = self.done.send(()).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hub = MessageServer::bind().await?;
    let (done, mut handled) = mpsc::channel(1);
    let generic = GenericMessageClient::connect(Printer { done }, &hub).await?;
    let other = MessageClient::connect(&hub).await?;

    // It bounces: a handler that answers each message with another would never end.
    generic.send_json_message(r#"{"type": "ready", "source_pid": 1, "source_id": "me"}"#).await?;
    handled.recv().await;
    other.send_message(&json!({"type": "subject", "subject": "119"})).await?;
    handled.recv().await;
    Ok(())
}
