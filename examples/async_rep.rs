//! Bob asks Alice and goes on: when her reply comes, a handler takes it.
//!
//! ```text
//! cargo run --release --example async_rep
//! ```
//!
//! The asynchronous request-reply channel of osBrain; both talk over tcp, on one connection. It prints
//!
//! ```text
//! Bob: I am done!
//! Bob: Waiting for Alice to reply...
//! Bob: Processed reply: Hello, Bob!
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin async_rep
use std::error::Error;
use std::sync::Arc;

use gleis::channels::{AsyncReplier, AsyncRequester, Reply};
use tokio::sync::Notify;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Alice is slow: she replies when Bob has said all that he has to say.
    let (said, heard) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let waiting = said.clone();
    let alice = AsyncReplier::<String, String>::bind("tcp://127.0.0.1:0").await?;
    let alice = alice.serve_asked(move |_message, reply: Reply<String>| {
        let waiting = waiting.clone();
        async move {
            waiting.notified().await;
            reply.send("Hello, Bob!".to_owned()).await
        }
    });

    let done = heard.clone();
    let bob = AsyncRequester::connect(alice.endpoint()).handler(move |reply: String| {
        println!("Bob: Processed reply: {reply}");
        done.notify_one();
        async {}
    });
    let bob = bob.await?;

    bob.send("Hello, Alice!".to_owned())?;
    println!("Bob: I am done!");

    println!("Bob: Waiting for Alice to reply...");
    said.notify_one();
    heard.notified().await;
    Ok(())
}
// README: end async_rep
