//! A hub's messages for web pages.
//!
//! ```text
//! cargo run --release --example bridge
//! cargo run --release --example bridge serve 127.0.0.1:8080
//! ```
//!
//! Without arguments it starts a hub and a bridge, has an application send a message, reads it by HTTP and
//! sends one back. It prints
//!
//! ```text
//! page: {"count":1,"message":{"subject":"119","type":"subject"}}
//! page: 202 Accepted
//! application: {"type": "sample", "sample": [1, 2]}
//! ```
//!
//! With `serve` it goes on until Ctrl-C, for a browser. A page script needs no more than this:
//!
//! ```js
//! const source = new EventSource("http://127.0.0.1:8080/events");
//! source.onmessage = ({ data, lastEventId }) => {
//!   const message = JSON.parse(data);
//!   if (message.type === "subject") document.title = message.subject;
//!   console.log(lastEventId, message);
//! };
//! source.addEventListener("gap", ({ data }) => {
//!   // Too much came while we were away: begin anew.
//!   console.log("missed", JSON.parse(data).missed);
//!   location.reload();
//! });
//! source.onerror = () => console.log("lost; the browser tries again");
//! const send = (message) => fetch("http://127.0.0.1:8080/messages", {
//!   method: "POST",
//!   headers: { "Content-Type": "application/json" },
//!   body: JSON.stringify({ message }),
//! });
//! send({ type: "ready", source_pid: 0, source_id: "page" })
//!   .then((answer) => console.log(answer.status));
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;
use std::time::Duration;

use gleis::bridge::Bridge;
use gleis::broker::{MessageClient, MessageServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => all().await,
        ["serve", at] => serve(at).await,
        _ => Err("usage: bridge [serve ADDRESS]".into()),
    }
}

async fn all() -> Result<(), Box<dyn Error>> {
    let hub = MessageServer::bind().await?;
    let bridge = Bridge::to(&hub).await?;
    let application = MessageClient::connect(&hub).await?;
    application.send_message(&json!({"type": "subject", "subject": "119"})).await?;

    // A long poll: it waits until there is a message behind the beginning.
    ask(&bridge, "GET /messages/next?after=0:0&timeout=10", "").await?;
    let answer = ask(&bridge, "GET /messages?format=json", "").await?;
    let mut last: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap_or("{}"))?;
    if let Some(last) = last.as_object_mut() {
        // Another one in each run.
        last.remove("cursor");
    }
    println!("page: {last}");

    let message = "message={\"type\": \"sample\", \"sample\": [1, 2]}";
    let answer = ask(&bridge, "POST /messages", message).await?;
    println!("page: {}", answer.lines().next().unwrap_or_default().replace("HTTP/1.1 ", ""));
    println!("application: {}", application.recv().await?);

    bridge.shutdown(Duration::from_secs(10)).await;
    Ok(())
}

/// One request, and its answer.
async fn ask(bridge: &Bridge, what: &str, form: &str) -> Result<String, Box<dyn Error>> {
    let at = bridge.local_addr();
    let mut stream = TcpStream::connect(at).await?;
    let request = format!(
        "{what} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn serve(at: &str) -> Result<(), Box<dyn Error>> {
    let hub = MessageServer::bind().await?;
    let bridge = Bridge::to(&hub).listen(at.parse()?).await?;
    println!("http://{} shows the messages of this hub:", bridge.local_addr());
    println!("applications send to {}", hub.receive_address());
    println!("and listen at {}", hub.broadcast_address());
    tokio::signal::ctrl_c().await?;
    bridge.shutdown(Duration::from_secs(10)).await;
    Ok(())
}
