//! A publisher, two subscribers, and a request of one of them: its reply is among the publications.
//!
//! ```text
//! cargo run --release --example sync_pub
//! ```
//!
//! The synced publish-subscribe channel of osBrain. Both clients read all publications; only Client-A, who
//! asked, sees the reply, exactly where it was given. It prints
//!
//! ```text
//! Client-A: Read: "Publication..."
//! Client-A: Publisher replied with: "Received Request from A!"
//! Client-A: Read: "Publication..."
//! Client-B: Read: "Publication..."
//! Client-B: Read: "Publication..."
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;
use std::time::Duration;

use gleis::channels::{Event, SyncPublisher, SyncSubscriber};

const READY: Duration = Duration::from_secs(10);

type Client = SyncSubscriber<String, String, String>;

/// Prints what comes next.
async fn print_next(name: &str, client: &Client) -> Result<(), Box<dyn Error>> {
    match client.recv().await? {
        Event::Publication { message, .. } => println!("{name}: Read: {message:?}"),
        Event::Reply { message, .. } => println!("{name}: Publisher replied with: {message:?}"),
        Event::Failed { error, .. } => println!("{name}: No reply: {error}"),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let publisher = SyncPublisher::<String, String, String>::bind("tcp://127.0.0.1:0").await?;
    let client_a = Client::connect(publisher.endpoint()).subscribe("").ready(READY).await?;
    let client_b = Client::connect(publisher.endpoint()).subscribe("").ready(READY).await?;

    publisher.send("Publication...".to_owned()).await?;
    client_a.ask("Request from A!".to_owned())?;
    // By hand, to have it between these two; `publisher.serve(handler)` answers whenever it is asked.
    let (message, reply) = publisher.recv().await?;
    reply.send(format!("Received {message}")).await?;
    publisher.send("Publication...".to_owned()).await?;

    for _ in 0..3 {
        print_next("Client-A", &client_a).await?;
    }
    for _ in 0..2 {
        print_next("Client-B", &client_b).await?;
    }
    Ok(())
}
