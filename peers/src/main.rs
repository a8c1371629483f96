//! gleis beside other systems doing the same work, in one run: they take turns, and only ratios of
//! neighbouring turns count.
//!
//! Run it by `cargo xtask peers`.

mod actors;
mod agents;
mod gleis;
mod idle;
mod latency;
mod libzmq;
mod overhead;
mod picture;
mod python;
mod raw;
mod rpc;
mod std_raw;
mod table;
mod tarpc;
mod zeromq;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gleis_benches::Rig;
use serde_json::{Value, json};

use crate::idle::Actors;
use crate::picture::{Bar, Block};
use crate::table::{Goal, Shows, WORK, Work};

/// Rounds that count, beside a first one that only warms up.
const ROUNDS: usize = 9;
const QUICK: usize = 3;

/// gleis beside other systems doing the same work.
#[derive(Debug, Parser)]
#[command(name = "peers", bin_name = "cargo xtask peers")]
struct Args {
    /// Writes every turn of every contestant, in seconds a message.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Three rounds instead of nine.
    #[arg(long)]
    quick: bool,
    /// Starts actors that do nothing and prints what they hold: a part of this program's work.
    #[arg(long, value_name = "WHOSE", hide = true)]
    idle: Option<Actors>,
    /// How many of them.
    #[arg(long, value_name = "N", hide = true, default_value_t = 1_000)]
    many: u64,
    /// Only work whose name contains this.
    #[arg(long, value_name = "PATTERN")]
    rows: Option<String>,
    /// Draws the rates and times of all rows.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::from(2)
        }
    }
}

/// False if gleis falls short of a goal.
fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    if let Some(whose) = args.idle {
        idle::hold(whose, args.many)?;
        return Ok(true);
    }
    let pattern = args.rows.as_deref().unwrap_or_default();
    let chosen: Vec<&Work> = WORK.iter().filter(|it| it.name.contains(pattern)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = WORK.iter().map(|it| it.name).collect();
        return Err(format!("no row contains {pattern:?}; there are: {}", names.join("; ")).into());
    }
    let n_rounds = if args.quick { QUICK } else { ROUNDS };
    let (mut verdicts, mut all, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
    for (at, work) in chosen.iter().enumerate() {
        eprintln!("peers: {} ({} of {})", work.name, at + 1, chosen.len());
        let turns = measure(work, n_rounds);
        let bars = bars(work, &turns);
        show(work, &bars);
        verdicts.extend(work.goals.iter().map(|it| verdict(work, *it, &turns)));
        all.push(as_json(work, &turns));
        blocks.push(Block { title: work.name, unit: unit(work), bars });
    }
    if let Some(path) = &args.svg {
        picture::write(&blocks, path)?;
    }
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    println!();
    verdicts.iter().for_each(|(line, _)| println!("{line}"));
    Ok(verdicts.iter().all(|(_, enough)| *enough))
}

/// Seconds a message, of each contestant in each round.
fn measure(work: &Work, n_rounds: usize) -> Vec<Vec<f64>> {
    let mut rigs: Vec<Rig> = work.contestants.iter().map(|(_, build)| build()).collect();
    let mut turns = vec![Vec::new(); rigs.len()];
    for round in 0..=n_rounds {
        for (rig, turns) in rigs.iter_mut().zip(&mut turns) {
            let time = rig.turn(work.n).as_secs_f64() / work.n as f64;
            if 0 < round {
                turns.push(time);
            }
        }
    }
    turns
}

fn unit(work: &Work) -> &'static str {
    match work.shows {
        Shows::Bytes => "bytes",
        Shows::Rate => "messages a second",
        Shows::Time => "us",
    }
}

/// What each contestant reached.
fn bars(work: &Work, turns: &[Vec<f64>]) -> Vec<Bar> {
    let bar = |((name, _), times): (&(&'static str, _), &Vec<f64>)| {
        let seconds = median(times.clone());
        let (value, text) = match work.shows {
            Shows::Bytes => (seconds, format!("{seconds:.0}")),
            Shows::Rate => (1.0 / seconds, rate(work.counts as f64 / seconds)),
            Shows::Time => (seconds, format!("{:.2}", seconds * 1e6)),
        };
        Bar { name, text, value }
    };
    work.contestants.iter().zip(turns).map(bar).collect()
}

fn show(work: &Work, bars: &[Bar]) {
    println!("\n| {} | {} |\n|---|---|", work.name, unit(work));
    bars.iter().for_each(|it| println!("| {} | {} |", it.name, it.text));
}

fn rate(a_second: f64) -> String {
    match a_second {
        _ if 1e6 <= a_second => format!("{:.2} M", a_second / 1e6),
        _ => format!("{:.1} k", a_second / 1e3),
    }
}

fn verdict(work: &Work, goal: Goal, turns: &[Vec<f64>]) -> (String, bool) {
    let (reached, enough) = match goal.other() {
        None => goal.judge(median(turns[0].clone()), 1.0),
        Some(other) => {
            let other = work.contestants.iter().position(|it| it.0 == other);
            let other = other.expect("a goal names a contestant of its work");
            // Neighbours in time are compared: what else the machine does meets both.
            let ratios = turns[0].iter().zip(&turns[other]).map(|(a, b)| a / b).collect();
            goal.judge(median(ratios), 1.0)
        }
    };
    let beside = goal.other().map(|it| format!(", beside {it}")).unwrap_or_default();
    let word = if enough { "ok" } else { "short" };
    (format!("peers: {}{beside} {} {word}", work.name, goal.show(reached)), enough)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn as_json(work: &Work, turns: &[Vec<f64>]) -> Value {
    let names = work.contestants.iter().map(|it| it.0.to_owned());
    let cells = names.zip(turns.iter().map(|it| json!(it))).collect::<serde_json::Map<_, _>>();
    json!({ "work": work.name, "seconds_a_message": cells })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_names_a_contestant_and_gleis_comes_first() {
        for work in WORK {
            assert_eq!(work.contestants[0].0, "gleis");
            for goal in work.goals {
                let is_known = |other| work.contestants.iter().any(|it| it.0 == other);
                assert!(goal.other().is_none_or(is_known), "{}", work.name);
            }
        }
    }

    #[test]
    fn a_goal_of_rate_is_met_from_its_bound_on() {
        let goal = Goal::Rate("libzmq", 2.0);
        assert_eq!(goal.judge(1.0, 2.0), (2.0, true));
        assert_eq!(goal.judge(1.0, 1.0), (1.0, false));
        assert_eq!(Goal::Time("libzmq", 0.5).judge(1.0, 2.0), (0.5, true));
    }
}
