//! Messages go where their paths lead.
//!
//! ```text
//! cargo run --release --example paths
//! cargo run --release --example paths server zmq://127.0.0.1:7050/rep
//! cargo run --release --example paths client zmq://127.0.0.1:7050/req
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

use gleis::rpc::{Guard, Link, Message, Received, Url};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let (server, _guards) = serve("zmq://127.0.0.1:0/rep".parse()?).await?;
            send(server.url("main").ok_or("the link has no wire")?.twin()).await
        }
        ["server", url] => {
            let _server = serve(url.parse()?).await?;
            Ok(tokio::signal::ctrl_c().await?)
        }
        ["client", url] => send(url.parse()?).await,
        _ => Err("usage: paths [server URL | client URL]".into()),
    }
}

async fn serve(url: Url) -> Result<(Link, [Guard; 2]), Box<dyn Error>> {
    let link = Link::listen(url).await?;
    let person = link.on("receive_person", async |it| arrived("PERSON", &it));
    let address = link.on("receive_address", async |it| arrived("ADDRESS", &it));
    println!("Server running!");
    Ok((link, [person, address]))
}

async fn send(url: Url) -> Result<(), Box<dyn Error>> {
    let client = Link::connect(url).await?;
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
