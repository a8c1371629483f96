//! A server and a client that send each other messages.
//!
//! ```text
//! cargo run --release --example messaging
//! cargo run --release --example messaging server zmq://127.0.0.1:7050/rep
//! cargo run --release --example messaging client zmq://127.0.0.1:7050/req
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

use gleis::rpc::{Guard, Link, Message, Url};
use serde_json::json;

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
        _ => Err("usage: messaging [server URL | client URL]".into()),
    }
}

async fn serve(url: Url) -> Result<(Link, Guard), Box<dyn Error>> {
    let link = Link::listen(url).await?;
    let guard = link.on("receive", async |received| {
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
    Ok((link, guard))
}

async fn send(url: Url) -> Result<(), Box<dyn Error>> {
    let client = Link::connect(url).await?;
    // Whatever comes back from the other end.
    let _response = client.on("receive", async |received| {
        println!("{}", received.message.data.as_str().unwrap_or_default());
    });
    let message = Message::new("Test").arg("an arg").kwarg("extra", "something");
    client.send_and_wait("test", message).await?;
    Ok(())
}
