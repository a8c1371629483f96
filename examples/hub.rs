//! A hub and three applications: what one of them sends, the others get.
//!
//! ```text
//! cargo run --release --example hub
//! ```
//!
//! The message broker of Braviz and its clients. It prints
//!
//! ```text
//! hub: publishes and listens on two ports of 127.0.0.1
//! Bob: subject 119
//! Carol: subject 119
//! hub: heard subject
//! Alice: nothing of her own, but sample [1,2,3]
//! hub: ignored 1 while paused
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin hub
use std::error::Error;

use gleis::broker::{BravizMessage, MessageClient, MessageServer};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hub = MessageServer::bind().await?;
    println!("hub: publishes and listens on two ports of 127.0.0.1");
    let mut heard = hub.messages();

    let alice = MessageClient::connect(&hub).await?;
    let bob = MessageClient::connect(&hub).await?;
    let carol = MessageClient::connect(&hub).await?;
    alice.send_message(&json!({"type": "subject", "subject": "119"})).await?;
    for (name, client) in [("Bob", &bob), ("Carol", &carol)] {
        if let BravizMessage::Subject { subject } = (&client.recv().await?).try_into()? {
            println!("{name}: subject {subject}");
        }
    }
    println!("hub: heard {}", heard.recv().await?.kind().unwrap_or("nothing"));

    let sample = BravizMessage::Sample { sample: vec![1.into(), 2.into(), 3.into()], target: None };
    bob.send_message(&sample).await?;
    let message = alice.recv().await?;
    println!("Alice: nothing of her own, but sample {}", message.value()["sample"]);
    // README: end hub

    hub.pause(true);
    bob.send_message(&json!({"type": "subject", "subject": "120"})).await?;
    while hub.stats().ignored == 0 {
        tokio::task::yield_now().await;
    }
    println!("hub: ignored {} while paused", hub.stats().ignored);
    Ok(())
}
