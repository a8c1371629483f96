//! Those who wait for each other, by name and with a deadline: nobody goes on before all are there.
//!
//! ```text
//! cargo run --release --example barrier
//! ```
//!
//! It prints
//!
//! ```text
//! round 0: 3 are there, 1 of them last
//! round 1: 3 are there, 1 of them last
//! 2 of 3 came within 200ms
//! the barrier is broken: somebody waited in vain
//! round 3: 3 are there, 1 of them last
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use futures::future::join_all;
use gleis::agent::{BarrierAgent, BarrierError, Result, TypedProxy, run_barrier, run_nameserver};

/// How long each waits for the others.
const PATIENCE: Duration = Duration::from_secs(10);

/// All three come; in programs of their own they would do the same.
async fn meet(barrier: &TypedProxy<BarrierAgent>) -> Result {
    let arrivals = join_all((0..3).map(|_| barrier.wait(PATIENCE))).await;
    let arrivals = arrivals.into_iter().collect::<Result<Vec<_>, _>>()?;
    let n_last = arrivals.iter().filter(|it| it.is_last).count();
    println!("round {}: {} are there, {n_last} of them last", arrivals[0].round, arrivals.len());
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    run_barrier("start", 3).await?;
    let barrier = ns.typed_proxy::<BarrierAgent>("start").await?;
    meet(&barrier).await?;
    meet(&barrier).await?;

    // One of them does not come: who waits in vain breaks the barrier, and the others hear of it at once.
    let (patient, hasty) =
        tokio::join!(barrier.wait(PATIENCE), barrier.wait(Duration::from_millis(200)));
    for error in [hasty, patient].into_iter().filter_map(Result::err) {
        match error {
            BarrierError::Call(error) => return Err(error.into()),
            told => println!("{told}"),
        }
    }
    barrier.proxy().call::<()>("reset", ()).await?;
    meet(&barrier).await?;
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
