//! A handler for one reply, instead of the one that was given when Bob connected.
//!
//! ```text
//! cargo run --release --example async_rep_handler
//! ```
//!
//! It prints
//!
//! ```text
//! Bob: I am done!
//! Bob: I am deaf...
//! Bob: Processed reply: Hello, Bob!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;

use gleis::channels::{AsyncReplier, AsyncRequester, State};
use tokio::sync::mpsc;

/// Handlers may be methods: of one Bob, one at a time.
struct Bob {
    heard: mpsc::Sender<()>,
}

impl Bob {
    async fn process_reply(&mut self, reply: String) -> Result<(), mpsc::error::SendError<()>> {
        println!("Bob: Processed reply: {reply}");
        self.heard.send(()).await
    }

    async fn deaf(&mut self, _reply: String) -> Result<(), mpsc::error::SendError<()>> {
        println!("Bob: I am deaf...");
        self.heard.send(()).await
    }
}

async fn reply_late(_message: String) -> String {
    "Hello, Bob!".to_owned()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let alice = AsyncReplier::<String, String>::bind("tcp://127.0.0.1:0").await?;
    let alice = alice.serve(reply_late);

    let (heard, mut hearing) = mpsc::channel(1);
    let state = State::new(Bob { heard });
    let bob = AsyncRequester::<String, String>::connect(alice.endpoint());
    let bob = bob.handler_on(&state, Bob::process_reply).await?;

    let asleep = state.lock().await;
    bob.request("Hello, Alice!".to_owned())?.handler_on(&state, Bob::deaf).send()?;
    println!("Bob: I am done!");
    drop(asleep);
    hearing.recv().await;

    bob.send("Hello, Alice!".to_owned())?;
    hearing.recv().await;
    Ok(())
}
