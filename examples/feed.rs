//! A feed whose readers miss nothing in silence: late ones, slow ones, and whoever reads the books.
//!
//! ```text
//! cargo run --release --example feed
//! ```
//!
//! It prints what each reader got, what a slow one missed, and the publisher's books, and ends.

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin feed
use std::time::Duration;

use gleis::patterns::{Filter, Publisher, RecvError, Subscriber};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

const READY: Duration = Duration::from_secs(10);

/// Late, and still up to date; ready means that the publisher knows what is wanted.
async fn late_reader() -> Result {
    let feed = Publisher::<u32>::bind("tcp://127.0.0.1:0").replay_last(100).await?;
    feed.publish("eu.de.level", 1).await?;
    let levels = Filter::path("eu.*.level")?;
    let late = Subscriber::<u32>::connect(feed.endpoint()).subscribe(levels).ready(READY).await?;
    feed.publish("eu.fr.price", 3).await?;
    feed.publish("eu.fr.level", 2).await?;
    println!("late: {}, {}", late.recv().await?.message, late.recv().await?.message);
    Ok(())
}

/// Slow, with room for four: the publisher goes on without it and tells it what it missed.
async fn slow_reader() -> Result {
    let feed = Publisher::<u32>::bind("inproc://feed").await?;
    let slow = Subscriber::<u32>::connect(feed.endpoint()).subscribe("").high_water(4);
    let slow = slow.ready(READY).await?;
    for number in 1..=10 {
        feed.send(number).await?;
    }
    for _ in 0..4 {
        println!("slow: {}", slow.recv().await?.message);
    }
    feed.send(11).await?;
    if let Err(RecvError::Gap { missed, .. }) = slow.recv().await {
        println!("slow: missed {missed}, then {}", slow.recv().await?.message);
    }
    let sent = feed.stats().sent;
    println!(
        "books: {} = {} delivered + {} dropped",
        sent.offered, sent.delivered, sent.dropped.full
    );
    Ok(())
}
// README: end feed

#[tokio::main]
async fn main() -> Result {
    late_reader().await?;
    slow_reader().await
}
