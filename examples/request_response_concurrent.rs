//! Ten requests at once, of one sender: each gets its own response, in whatever order they are answered.
//!
//! ```text
//! cargo run --release --example request_response_concurrent
//! ```
//!
//! It prints `0 + 0 = 0`, `1 + 2 = 3` and so on, up to `9 + 18 = 27`.

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;
use std::time::Duration;

use gleis::channels::{
    Content, CorrelatedChannel, PassthroughChannel, ReadChannel, request_via_channel,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Numbers {
    a: u64,
    b: u64,
}

const N_REQUESTS: usize = 10;

/// Waits for all requests and answers the last one first.
async fn responder(
    request_ch: PassthroughChannel,
    response_ch: PassthroughChannel,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut requests = Vec::new();
    while requests.len() < N_REQUESTS {
        requests.extend(request_ch.next("compute-service", N_REQUESTS).await?);
    }
    for request in requests.iter().rev() {
        let Numbers { a, b } = request.content.read()?;
        response_ch.write(request.reply("compute-service", a + b))?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let request_ch = PassthroughChannel::new("compute-request", "Compute Request").start();
    let response_ch = PassthroughChannel::new("compute-response", "Compute Response").start();
    let responder_task = tokio::spawn(responder(request_ch.clone(), response_ch.clone()));

    let mut tasks = Vec::new();
    for i in 0..N_REQUESTS as u64 {
        let (request_ch, response_ch) = (request_ch.clone(), response_ch.clone());
        let data = Content::new(&Numbers { a: i, b: 2 * i })?;
        tasks.push(tokio::spawn(async move {
            let timeout = Duration::from_secs(5);
            request_via_channel(&request_ch, &response_ch, "client", data, timeout).await
        }));
    }
    for (i, task) in tasks.into_iter().enumerate() {
        let response = task.await??.ok_or("Request timed out")?;
        println!("{i} + {} = {}", 2 * i, response.content.read::<u64>()?);
    }
    responder_task.await?.map_err(|it| it.to_string())?;
    Ok(())
}
