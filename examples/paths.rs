//! Messages go where their paths lead.
//!
//! ```text
//! cargo run --release --example paths
//! ```
//!
//! The paths of xbahn: who handles `address` gets `address.usa` as well. It prints
//!
//! ```text
//! Server running!
//! Message arrived PERSON John Smith person
//! Message arrived ADDRESS Some Street, 123 address
//! Message arrived ADDRESS Another Street, 123 address.usa
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;

use gleis::rpc::{Link, Message, Received};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Link::listen("zmq://127.0.0.1:0/rep").await?;
    let _person = server.on("receive_person", async |it| arrived("PERSON", &it));
    let _address = server.on("receive_address", async |it| arrived("ADDRESS", &it));
    println!("Server running!");

    let url = server.url("main").ok_or("the link has no wire")?;
    let client = Link::connect(url.twin()).await?;
    // Nobody answers: the client gets the null answer, and goes on.
    client.send("person", Message::new("John Smith")).await?;
    client.send("address", Message::new("Some Street, 123")).await?;
    client.send("address.usa", Message::new("Another Street, 123")).await?;
    Ok(())
}

fn arrived(what: &str, received: &Received) {
    let message = &received.message;
    let data = message.data.as_str().unwrap_or_default();
    println!("Message arrived {what} {data} {}", message.path());
}
