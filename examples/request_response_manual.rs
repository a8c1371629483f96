//! What the helper does, by hand: a request with a correlation id, and reading until its reply is there.
//!
//! ```text
//! cargo run --release --example request_response_manual
//! ```
//!
//! The channels are served over tcp and used as another process would. It prints
//!
//! ```text
//! 7 + 35 = 42
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;
use std::time::Duration;

use gleis::channels::{
    ChannelMessage, Content, CorrelatedChannel, PassthroughChannel, ReadChannel, RemoteChannel,
    ServedChannel,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Deserialize, Serialize)]
struct Numbers {
    a: i64,
    b: i64,
}

/// Asks, and reads until the reply is there; `None` if it does not come in time.
async fn call(
    request_ch: &RemoteChannel,
    response_ch: &RemoteChannel,
    sender: &str,
    payload: Content,
) -> Result<Option<Content>> {
    let corr_id = "request 1";
    let request =
        ChannelMessage::new(sender, payload).correlation_id(corr_id).reply_to(response_ch.id());
    request_ch.write(request).await?;
    let reading = async {
        loop {
            // Each reader has a cursor of its own, so nothing is read twice.
            for message in response_ch.next(sender, 20).await? {
                if message.correlation_id.as_deref() == Some(corr_id) {
                    return Ok(message.content);
                }
            }
        }
    };
    timeout(PATIENCE, reading).await.ok().transpose()
}

/// Answers one request after the other.
async fn responder(request_ch: PassthroughChannel, response_ch: PassthroughChannel) -> Result<()> {
    loop {
        for request in request_ch.next("compute-service", 10).await? {
            let Numbers { a, b } = request.content.read()?;
            let reply = ChannelMessage::new("compute-service", a + b);
            let corr_id = request.correlation_id.as_deref().unwrap_or_default();
            response_ch.write(reply.correlation_id(corr_id))?;
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let request_ch = PassthroughChannel::new("compute-request", "Compute Request").start();
    let response_ch = PassthroughChannel::new("compute-response", "Compute Response").start();
    let responder_task = tokio::spawn(responder(request_ch.clone(), response_ch.clone()));

    let requests = ServedChannel::bind("tcp://127.0.0.1:0", &request_ch).await?;
    let responses = ServedChannel::bind("tcp://127.0.0.1:0", &response_ch).await?;
    let request_ch = RemoteChannel::connect(requests.endpoint().clone()).await?;
    let response_ch = RemoteChannel::connect(responses.endpoint().clone()).await?;
    let data = Content::new(&Numbers { a: 7, b: 35 })?;
    match call(&request_ch, &response_ch, "client-a", data).await? {
        Some(content) => println!("7 + 35 = {}", content.read::<i64>()?),
        None => println!("Request timed out"),
    }
    responder_task.abort();
    Ok(())
}
