//! An application that looks at the last message now and then.
//!
//! ```text
//! cargo run --release --example hub_passive
//! ```
//!
//! The passive client of Braviz. It prints
//!
//! ```text
//! 0: nothing yet
//! 1: {"subject":"119","type":"subject"}
//! 2: {"subject":"120","type":"subject"}
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;

use gleis::broker::{MessageClient, MessageServer, PassiveMessageClient};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hub = MessageServer::bind().await?;
    let passive = PassiveMessageClient::connect(&hub).await?;
    let active = MessageClient::connect(&hub).await?;

    let (number, last) = passive.get_last_message();
    println!("{number}: {}", last.map_or("nothing yet".to_owned(), |it| it.to_string()));
    for subject in ["119", "120"] {
        // The number grows with every message.
        let (seen, _) = passive.get_last_message();
        active.send_message(&json!({"type": "subject", "subject": subject})).await?;
        if let (number, Some(message)) = passive.after(seen).await {
            println!("{number}: {message}");
        }
    }
    Ok(())
}
