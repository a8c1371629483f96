//! Bob waits no longer than half a second, and says what happens then.
//!
//! ```text
//! cargo run --release --example async_rep_timeout
//! ```
//!
//! Alice replies too late; her reply is ignored, and counted. Without `on_error` a warning is logged. It
//! prints
//!
//! ```text
//! Bob: I am done!
//! Bob: No reply received! (deadline exceeded)
//! Alice: he waited 500 ms at most
//! Bob: ignored 1 late reply
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;
use std::time::Duration;

use gleis::channels::{AsyncReplier, AsyncRequester, RequestError};
use tokio::sync::oneshot;

const WAIT: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let alice = AsyncReplier::<String, String>::bind("tcp://127.0.0.1:0").await?;
    let bob = AsyncRequester::<String, String>::connect(alice.endpoint());
    let bob = bob.handler(async |reply| println!("Bob: Processed reply: {reply}")).await?;

    let (tell, told) = oneshot::channel();
    let no_reply_in_time = async move |error: RequestError| {
        println!("Bob: No reply received! ({error})");
        let _ = tell.send(());
    };
    bob.request("Hello, Alice!".to_owned())?.within(WAIT).on_error(no_reply_in_time).send()?;
    println!("Bob: I am done!");

    // The deadline has travelled with the request.
    let (_message, reply) = alice.recv().await?;
    let left = reply.remaining().unwrap_or_default();
    told.await?;
    reply.cancelled().await;
    assert!(left <= WAIT);
    println!("Alice: he waited {} ms at most", WAIT.as_millis());
    reply.send("Hello, Bob!".to_owned()).await?;
    while bob.stats().late == 0 {
        tokio::task::yield_now().await;
    }
    println!("Bob: ignored {} late reply", bob.stats().late);
    Ok(())
}
