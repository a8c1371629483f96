//! A call and its reply through two channels, with the helper.
//!
//! ```text
//! cargo run --release --example request_response
//! ```
//!
//! It prints
//!
//! ```text
//! 7 + 35 = 42
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;
use std::time::Duration;

use gleis::channels::{
    ChannelMessage, Content, CorrelatedChannel, PassthroughChannel, ReadChannel,
    request_via_channel,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Numbers {
    a: i64,
    b: i64,
}

#[derive(Deserialize, Serialize)]
struct Sum {
    result: i64,
}

/// Answers one request after the other.
async fn responder(
    request_ch: PassthroughChannel,
    response_ch: PassthroughChannel,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    loop {
        for request in request_ch.next("compute-service", 10).await? {
            let Numbers { a, b } = request.content.read()?;
            // The reply has the correlation id of its request.
            let reply: ChannelMessage =
                request.reply("compute-service", Content::new(&Sum { result: a + b })?);
            response_ch.write(reply)?;
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let request_ch = PassthroughChannel::new("compute-request", "Compute Request").start();
    let response_ch = PassthroughChannel::new("compute-response", "Compute Response").start();
    let responder_task = tokio::spawn(responder(request_ch.clone(), response_ch.clone()));

    let data = Content::new(&Numbers { a: 7, b: 35 })?;
    let timeout = Duration::from_secs(5);
    let response =
        request_via_channel(&request_ch, &response_ch, "client-a", data, timeout).await?;
    match response {
        Some(response) => println!("7 + 35 = {}", response.content.read::<Sum>()?.result),
        None => println!("Request timed out"),
    }
    responder_task.abort();
    Ok(())
}
