//! Many agents at once: all of them, the first to answer, and each in its turn.
//!
//! ```text
//! cargo run --release --example pool
//! ```
//!
//! It prints
//!
//! ```text
//! all answer: 2, 4, 6
//! a quorum of 3: 2 answers
//! one after the other: worker-1, worker-2, worker-3, worker-1
//! the key "Alice" always is with the same one: true
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Group, Result, agent, run_agent, run_nameserver};

struct Worker {
    factor: u32,
}

#[agent]
impl Worker {
    #[method]
    async fn times(&mut self, n: u32) -> u32 {
        n * self.factor
    }
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let mut workers = Vec::new();
    for factor in 1..=3 {
        let name = format!("worker-{factor}");
        run_agent(&name, Worker { factor }).await?;
        workers.push(ns.proxy(&name).await?);
    }
    let group = Group::new(workers);

    let answers = group.call_all::<u32>("times", (2,)).await;
    let answers: Vec<_> = answers.into_iter().map(|(_, it)| it).collect::<Result<_, _>>()?;
    let answers: Vec<_> = answers.iter().map(ToString::to_string).collect();
    println!("all answer: {}", answers.join(", "));

    let quorum = group.len() / 2 + 1;
    let answers = group.first::<u32>(quorum, "times", (2,)).await?;
    println!("a quorum of {}: {} answers", group.len(), answers.len());

    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(group.next()?.name().to_string());
    }
    println!("one after the other: {}", turns.join(", "));

    let is_same = group.by_key("Alice")?.name() == group.by_key("Alice")?.name();
    println!("the key \"Alice\" always is with the same one: {is_same}");
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
