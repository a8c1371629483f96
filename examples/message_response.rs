//! Whoever sends a message hears of its answer.
//!
//! ```text
//! cargo run --release --example message_response
//! cargo run --release --example message_response server zmq://127.0.0.1:7050/rep
//! cargo run --release --example message_response client zmq://127.0.0.1:7050/req
//! ```
//!
//! The events of xbahn's messages. It prints
//!
//! ```text
//! Server running!
//! Message received response: Message 'Test message!' received!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;

use gleis::rpc::{Guard, Link, Message, Url};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let (server, _guard) = serve("zmq://127.0.0.1:0/rep".parse()?).await?;
            send(server.url("main").ok_or("the link has no wire")?.twin()).await
        }
        ["server", url] => {
            let _server = serve(url.parse()?).await?;
            Ok(tokio::signal::ctrl_c().await?)
        }
        ["client", url] => send(url.parse()?).await,
        _ => Err("usage: message_response [server URL | client URL]".into()),
    }
}

async fn serve(url: Url) -> Result<(Link, Guard), Box<dyn Error>> {
    let link = Link::listen(url).await?;
    let guard = link.on("receive", async |received| {
        let text = received.message.data.as_str().unwrap_or_default();
        let answer = Message::new(format!("Message '{text}' received!"));
        if let Err(error) = received.respond(answer).await {
            println!("{error}");
        }
    });
    println!("Server running!");
    Ok((link, guard))
}

async fn send(url: Url) -> Result<(), Box<dyn Error>> {
    let client = Link::connect(url).await?;
    let message = Message::new("Test message!");
    // The answer to this very message.
    let _guard = client.on_response(&message, async |received| {
        let text = received.message.data.as_str().unwrap_or_default();
        println!("Message received response: {text}");
    });
    client.send_and_wait("test", message).await?;
    Ok(())
}
