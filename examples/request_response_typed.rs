//! Typed requests and responses: what does not fit is a value that the responder answers with.
//!
//! ```text
//! cargo run --release --example request_response_typed
//! ```
//!
//! It prints
//!
//! ```text
//! 7 add 35 = 42
//! 7 mul 35 = 245
//! 7 pow 35: Unknown operation: pow
//! a request without b: missing field `b`
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;
use std::time::Duration;

use gleis::channels::{
    Content, CorrelatedChannel, PassthroughChannel, ReadChannel, request_via_channel,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct ComputeRequest {
    a: f64,
    b: f64,
    #[serde(default = "addition")]
    operation: String,
}

fn addition() -> String {
    "add".to_owned()
}

#[derive(Deserialize, Serialize)]
struct ComputeResponse {
    result: f64,
    error: Option<String>,
}

type Failure = Box<dyn Error + Send + Sync>;

fn compute(content: &Content) -> Result<f64, Failure> {
    let request: ComputeRequest = content.read()?;
    match request.operation.as_str() {
        "add" => Ok(request.a + request.b),
        "mul" => Ok(request.a * request.b),
        other => Err(format!("Unknown operation: {other}").into()),
    }
}

async fn responder(
    request_ch: PassthroughChannel,
    response_ch: PassthroughChannel,
) -> Result<(), Failure> {
    loop {
        for request in request_ch.next("compute-service", 10).await? {
            let response = match compute(&request.content) {
                Ok(result) => ComputeResponse { result, error: None },
                Err(error) => ComputeResponse { result: 0.0, error: Some(error.to_string()) },
            };
            response_ch.write(request.reply("compute-service", Content::new(&response)?))?;
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let request_ch = PassthroughChannel::new("compute-request", "Compute Request").start();
    let response_ch = PassthroughChannel::new("compute-response", "Compute Response").start();
    let responder_task = tokio::spawn(responder(request_ch.clone(), response_ch.clone()));
    let ask = async |content: Content| {
        let timeout = Duration::from_secs(5);
        let reply = request_via_channel(&request_ch, &response_ch, "client", content, timeout);
        reply
            .await?
            .ok_or("Request timed out")?
            .content
            .read::<ComputeResponse>()
            .map_err(Failure::from)
    };

    for operation in ["add", "mul", "pow"] {
        let request = ComputeRequest { a: 7.0, b: 35.0, operation: operation.to_owned() };
        match ask(Content::new(&request)?).await? {
            ComputeResponse { error: Some(error), .. } => println!("7 {operation} 35: {error}"),
            ComputeResponse { result, .. } => println!("7 {operation} 35 = {result}"),
        }
    }
    let incomplete = Content::new(&std::collections::BTreeMap::from([("a", 7.0)]))?;
    let response = ask(incomplete).await?;
    println!("a request without b: {}", response.error.unwrap_or_default());
    responder_task.abort();
    Ok(())
}
