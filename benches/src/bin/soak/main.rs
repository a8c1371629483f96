//! Hours of faults in minutes: all patterns at once over links that break, stall and come back, then a
//! look at the books, the memory, the tasks and the files.
//!
//! `cargo xtask soak [SECONDS]`, or `cargo run --release -p gleis-benches --bin soak -- --help`.
//! Ctrl-C ends it early; what was run is checked all the same.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod books;
mod cable;
mod calls;
mod exchange;
mod feed;
mod life;
mod pipeline;
mod turnover;
mod weather;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::life::Life;
use crate::weather::Weather;

const HELP: &str = "\
usage: soak [SECONDS] [--seed N] [--json]

Runs every pattern over links that break and stall, for SECONDS (default 60), and checks at the end
that every message is accounted for and that memory, tasks and files are what they were.

  --seed N   the faults' seed (default: from the clock; it is printed)
  --json     one JSON object on stdout instead of the table
exit: 0 nothing found, 1 something found, 2 usage";

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(5);

struct Args {
    json: bool,
    seconds: u64,
    seed: u64,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [role, at] = &words[..]
        && role == "--child"
    {
        return turnover::child(at);
    }
    if words.iter().any(|it| it == "--help" || it == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let args = match parse(&words) {
        Ok(args) => args,
        Err(fault) => {
            eprintln!("soak: {fault}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: &[String]) -> Result<Args, String> {
    let mut args = Args { json: false, seconds: 60, seed: fastrand::u64(..) };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let number = |it: &str| it.parse().map_err(|_| format!("`{it}` is no number"));
        match word.as_str() {
            "--json" => args.json = true,
            "--seed" => args.seed = number(words.next().ok_or("--seed wants a number")?)?,
            seconds => args.seconds = number(seconds)?,
        }
    }
    Ok(args)
}

async fn run(args: &Args) -> ExitCode {
    eprintln!("soak: {} s with --seed {}", args.seconds, args.seed);
    let weather = Arc::new(Weather::new(args.seed));
    let mut life = Life::begin();
    let scenarios = [
        tokio::spawn(pipeline::run(weather.clone())),
        tokio::spawn(feed::run(weather.clone())),
        tokio::spawn(calls::run(weather.clone())),
        tokio::spawn(exchange::run(weather.clone())),
        tokio::spawn(turnover::processes(weather.clone())),
        tokio::spawn(turnover::sockets(weather.clone())),
    ];
    wait(args, &weather, &mut life).await;
    weather.clear_up();
    eprintln!("soak: the weather clears up; every message is looked for");
    let mut findings = Vec::new();
    let mut lines = Vec::new();
    for ended in join_all(scenarios).await {
        match ended {
            Ok(Ok(summary)) => lines.push(summary),
            Ok(Err(finding)) => findings.push(finding),
            Err(error) => findings.push(format!("a scenario panicked: {error}")),
        }
    }
    drop(weather);
    findings.extend(life.end().await);
    report(args, &lines, &life, &findings);
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn wait(args: &Args, weather: &Weather, life: &mut Life) {
    let start = Instant::now();
    let length = Duration::from_secs(args.seconds);
    while start.elapsed() < length {
        let rest = length.saturating_sub(start.elapsed()).min(PROGRESS);
        tokio::select! {
            () = tokio::time::sleep(rest) => (),
            _ = tokio::signal::ctrl_c() => {
                eprintln!("soak: interrupted; what ran so far is checked");
                return;
            }
        }
        life.sample();
        let (seconds, faults) = (start.elapsed().as_secs(), weather.n_faults());
        eprintln!("soak: {seconds:>5} s, {faults} faults, {}", life.now());
    }
}

fn report(args: &Args, lines: &[books::Summary], life: &Life, findings: &[String]) {
    if args.json {
        let scenarios: Vec<_> = lines.iter().map(books::Summary::json).collect();
        let text = serde_json::json!({
            "seed": args.seed, "scenarios": scenarios, "memory": life.json(), "findings": findings,
        });
        return println!("{text}");
    }
    for line in lines {
        println!("{line}");
    }
    println!("{}", life.now());
    for finding in findings {
        println!("FOUND: {finding} (again with --seed {})", args.seed);
    }
    if findings.is_empty() {
        println!("nothing found");
    }
}
