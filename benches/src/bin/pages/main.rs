//! The bridge beside a bare axum handler, and beside bare sockets.
//!
//! ```text
//! cargo run --profile bench -p gleis-benches --bin pages [--smoke]
//! ```
//!
//! Each line says what was measured, the ratio or the bytes, and the goal. Both sides of a comparison
//! take turns within one run; the median counts. Only the memory is measured in another process.

#![expect(clippy::print_stdout, reason = "it is asked for figures")]

mod fan_out;
mod get;
mod idle;

use gleis_benches::rig::Outcome;

/// How much is done.
#[derive(Clone, Copy, Debug)]
struct Effort {
    idle: usize,
    messages: usize,
    readers: usize,
    requests: usize,
    rounds: usize,
}

const FULL: Effort =
    Effort { idle: 5_000, messages: 50, readers: 1_000, requests: 20_000, rounds: 7 };
const SMOKE: Effort = Effort { idle: 20, messages: 3, readers: 10, requests: 50, rounds: 1 };

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let effort = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => FULL,
        ["--smoke"] => SMOKE,
        [idle::SERVE] => return run(idle::serve()),
        _ => return Err("takes --smoke or nothing".into()),
    };
    gleis_benches::process::raise_files();
    run(measure(effort))
}

async fn measure(effort: Effort) -> Outcome {
    let ratio = get::ratio(effort).await?;
    println!("pages: GET of the last message, beside a bare axum handler: {ratio:.2} (goal 1.30)");
    let ratio = fan_out::ratio(effort).await?;
    let n = effort.readers;
    println!(
        "pages: one message to {n} readers of events, beside bare sockets: {ratio:.2} (goal 2.00)"
    );
    let bytes = idle::bytes(effort).await?;
    let n = effort.idle;
    println!("pages: one of {n} idle readers of events: {bytes:.0} bytes (goal 16384)");
    Ok(())
}

fn run(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// On a thread of its own; whoever waits for it finds its end.
fn beside(work: impl Future<Output = Outcome>) {
    if let Err(error) = run(work) {
        println!("pages: {error}");
    }
}

/// The one in the middle.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
