//! A server and a client that send each other messages.
//!
//! ```text
//! cargo run --release --example messaging
//! ```
//!
//! The messaging of xbahn. It prints
//!
//! ```text
//! Server running!
//! Test
//! ["an arg"]
//! {"extra":"something"}
//! Message 'Test' received!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;

use gleis::rpc::{Link, Message};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Link::listen("zmq://127.0.0.1:0/rep").await?;
    let _incoming = server.on("receive", async |received| {
        let message = &received.message;
        println!("{}", message.data.as_str().unwrap_or_default());
        println!("{}", json!(message.args));
        println!("{}", json!(message.kwargs));
        let text = format!("Message '{}' received!", message.data.as_str().unwrap_or_default());
        if let Err(error) = received.respond(Message::new(text)).await {
            println!("{error}");
        }
    });
    println!("Server running!");

    let url = server.url("main").ok_or("the link has no wire")?;
    let client = Link::connect(url.twin()).await?;
    // Whatever comes back from the other end.
    let _response = client.on("receive", async |received| {
        println!("{}", received.message.data.as_str().unwrap_or_default());
    });
    let message = Message::new("Test").arg("an arg").kwarg("extra", "something");
    client.send_and_wait("test", message).await?;
    Ok(())
}
