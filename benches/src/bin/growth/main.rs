//! Cost against work: what a message, a connection and a subscription cost as there are more of them.
//!
//! Run it by `cargo xtask growth`. Ctrl-C ends it early; what was measured is told and judged all the
//! same.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod args;
mod bounds;
mod connections;
mod curve;
mod effort;
mod figures;
mod pushes;
mod report;
mod rest;
mod sides;
mod subscribers;
mod subscriptions;

use std::error::Error;
use std::pin::pin;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::args::Args;
use crate::curve::{Curve, Measured};
use crate::effort::Effort;
use crate::report::Report;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|it| it == sides::FLAG) {
        return sides::run(&words[1..]);
    }
    match Args::parse(&words) {
        Ok(None) => {
            println!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Ok(Some(args)) => measure(&args),
        Err(fault) => {
            eprintln!("growth: {fault}\n{}", args::HELP);
            ExitCode::from(2)
        }
    }
}

fn measure(args: &Args) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(Into::into).and_then(|it| it.block_on(run(args)));
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("growth: {error}");
            ExitCode::FAILURE
        }
    }
}

/// False if a bound is exceeded or a point failed.
async fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    let mut report = Report::default();
    let (mut told, measuring) = begin(args.curves.clone(), args.effort);
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let is_whole = loop {
        tokio::select! {
            next = told.recv() => match next {
                Some(Told::Figures(curve, x, figures)) => report.note(curve, x, figures),
                Some(Told::Progress(line)) => eprintln!("{line}"),
                None => break true,
            },
            heard = &mut interrupted => {
                heard?;
                eprintln!("growth: interrupted; what was measured is told");
                break false;
            }
        }
    };
    if let Some(file) = &args.json {
        std::fs::write(file, serde_json::to_string_pretty(&report.json())? + "\n")?;
    }
    if let Some(folder) = &args.svg {
        report.draw(folder)?;
    }
    let is_well = report.end();
    // A panic has said what it is about.
    Ok(is_well && (!is_whole || measuring.join().is_ok()))
}

/// What is heard while it is measured.
enum Told {
    /// How much there was of what grows, and the figures or why there are none.
    Figures(&'static Curve, u64, Measured),
    Progress(String),
}

/// Measures point by point on a thread of its own, so that Ctrl-C is heard meanwhile. The thread ends
/// with the process.
fn begin(curves: Vec<&'static Curve>, effort: Effort) -> (mpsc::Receiver<Told>, JoinHandle<()>) {
    let (tell, told) = mpsc::channel(2);
    let measuring = std::thread::spawn(move || {
        // Whoever does not listen any more is about to end the process.
        let say = |it| drop(tell.blocking_send(it));
        let (start, most) = (Instant::now(), gleis_benches::process::raise_files());
        let points = || curves.iter().flat_map(|it| effort.points(it).map(|x| (*it, x)));
        let n_points = points().count();
        for (at, (curve, x)) in points().enumerate() {
            let (name, needed) = (curve.name, (curve.files)(x));
            if most < needed {
                say(Told::Progress(format!(
                    "growth: {name} {x} is skipped: a process needs {needed} open files, and the \
                     system allows {most}"
                )));
                continue;
            }
            let (at, seconds) = (at + 1, start.elapsed().as_secs());
            say(Told::Progress(format!("growth: {name} {x} ({at} of {n_points}, {seconds} s)")));
            say(Told::Figures(curve, x, (curve.measure)(x, &effort)));
        }
    });
    (told, measuring)
}
