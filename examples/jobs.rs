//! One socket hands out jobs, another takes them.
//!
//! ```text
//! cargo run --release --example jobs
//! ```
//!
//! It prints `got Job { id: 1 }` and ends.

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin jobs
use gleis::patterns::{Pull, Push};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Job {
    id: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pull = Pull::<Job>::bind("tcp://127.0.0.1:0").await?;
    let push = Push::<Job>::connect(pull.endpoint()).await?;
    push.send(&Job { id: 1 }).await?;
    println!("got {:?}", pull.recv().await?);
    Ok(())
}
// README: end jobs
