//! `gleis logs` and `gleis dead-letters`: what nodes keep, once or as it comes.
//!
//! Nodes are read, and nothing there is changed: whichever way this ends, agents log where they did before.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::pin::pin;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use gleis_agent::{
    CallError, DeadLetter, LogLevel, LogLine, NameServerProxy, NodeProxy, ProxyPlace, Tail,
};
use gleis_core::{Endpoint, Name};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::agents::{connect, failure, find};
use crate::args::{DeadLetters, Logs, NameServer, OneAgent, Reading};
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::stop::Stop;

/// How often it is seen whether there are new nodes.
const LOOK: Duration = Duration::from_millis(500);

/// How long nodes have for their last words when the name server is no more.
const LAST: Duration = Duration::from_secs(5);

/// How many lines of one node are printed at once: as many as it keeps.
const KEPT: usize = 10_000;

pub(crate) async fn logs(command: Logs, output: Output, timeout: Duration) -> Outcome {
    let Logs { reading, level } = command;
    let name = named(&reading)?;
    let open = |node: &NodeProxy| {
        let tail = node.log().least(level);
        match name.clone() {
            Some(it) => tail.of(it),
            None => tail,
        }
    };
    run(&reading, open, output, timeout).await
}

pub(crate) async fn dead_letters(
    command: DeadLetters,
    output: Output,
    timeout: Duration,
) -> Outcome {
    let DeadLetters { reading } = command;
    let name = named(&reading)?;
    let open = |node: &NodeProxy| {
        let tail = node.dead_letters();
        match name.clone() {
            Some(it) => tail.of(it),
            None => tail,
        }
    };
    run(&reading, open, output, timeout).await
}

fn named(reading: &Reading) -> Outcome<Option<Name>> {
    let name = reading.name.as_ref().map(|it| Name::new(it.as_str())).transpose();
    name.map_err(|it| Failure::usage(it.to_string()).hint("gleis agent list"))
}

/// Something that nodes keep.
trait Line: Send + Sized + 'static {
    /// When it was, if that is known.
    fn time(&self) -> f64;
    fn text(&self, in_colour: bool) -> String;
    fn json(&self) -> Value;
}

impl Line for LogLine {
    fn time(&self) -> f64 {
        self.time
    }

    fn text(&self, in_colour: bool) -> String {
        let (level, reset) = match self.level {
            LogLevel::Error if in_colour => ("\x1b[31m", "\x1b[0m"),
            LogLevel::Warning if in_colour => ("\x1b[33m", "\x1b[0m"),
            _ => ("", ""),
        };
        let text = harmless(&self.text);
        let (time, name) = (clock(self.time), harmless(&self.agent));
        format!("{time} {level}{:7}{reset} {name}: {text}", self.level.as_str())
    }

    fn json(&self) -> Value {
        json!(self)
    }
}

impl Line for DeadLetter {
    fn time(&self) -> f64 {
        0.0
    }

    fn text(&self, _: bool) -> String {
        harmless(&self.to_string())
    }

    fn json(&self) -> Value {
        json!({"agent": self.agent, "what": self.what, "reason": self.reason.to_string()})
    }
}

async fn run<T: Line>(
    reading: &Reading,
    open: impl Fn(&NodeProxy) -> Tail<T>,
    output: Output,
    timeout: Duration,
) -> Outcome {
    let mut stop = Stop::new()?;
    let work = async {
        let ns = connect(&reading.at, timeout).await?;
        let mut tails = Tails { all: BTreeMap::new(), lines: Lines::new(output) };
        let (n_lines, problem) = tails.catch_up(&ns, &open, timeout).await?;
        match problem {
            Some(problem) if !reading.follow => return Err(problem),
            _ => (),
        }
        if let Some(name) = &reading.name
            && n_lines == 0
        {
            // Nobody of this name has said anything: is there one?
            let at = NameServer { ns: reading.at.ns.clone() };
            find(&OneAgent { name: name.clone(), at }, timeout).await?;
        }
        match reading.follow {
            true => tails.follow(&ns, open, timeout).await,
            false => Ok(()),
        }
    };
    tokio::select! {
        done = work => done,
        res = stop.asked() => res,
    }
}

/// The nodes that are read, by their address.
struct Tails<T> {
    all: BTreeMap<Endpoint, Tail<T>>,
    lines: Lines,
}

/// A node that is waited for, and what came of it.
type Wait<T> = BoxFuture<'static, (Endpoint, Tail<T>, Result<Option<Vec<T>>, CallError>)>;

impl<T: Line> Tails<T> {
    /// Prints what there is by now, in the order of time; how many lines that are, and what is the matter with a node
    /// that did not tell.
    async fn catch_up(
        &mut self,
        ns: &NameServerProxy,
        open: impl Fn(&NodeProxy) -> Tail<T>,
        timeout: Duration,
    ) -> Outcome<(usize, Option<Failure>)> {
        let nodes = ns.nodes().await.map_err(|it| Failure::unreachable(&it))?;
        let (mut kept, mut problem) = (Vec::new(), None);
        for node in nodes {
            let mut tail = open(&node.within(timeout));
            let begun = kept.len();
            // Some write faster than others read.
            while kept.len() - begun < KEPT {
                match tail.read().await {
                    Ok(page) if page.is_empty() => break,
                    Ok(page) => kept.extend(page),
                    Err(error) => {
                        // The others are read all the same.
                        problem = Some(failure(&error));
                        break;
                    }
                }
            }
            self.lines.missed(node.endpoint(), tail.missed())?;
            self.all.insert(node.endpoint().clone(), tail);
        }
        kept.sort_by(|a, b| a.time().total_cmp(&b.time()));
        for line in &kept {
            self.lines.print(line)?;
        }
        Ok((kept.len(), problem))
    }

    /// Prints what comes, of nodes that come later too, until the name server is no more.
    async fn follow(
        mut self,
        ns: &NameServerProxy,
        open: impl Fn(&NodeProxy) -> Tail<T>,
        timeout: Duration,
    ) -> Outcome {
        let mut waits = FuturesUnordered::<Wait<T>>::new();
        let (mut reads, mut troubled) = (BTreeSet::new(), BTreeSet::new());
        for (at, tail) in std::mem::take(&mut self.all) {
            reads.insert(at.clone());
            waits.push(wait(at, tail));
        }
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut gone, mut end) = (None, pin!(sleep(LAST)));
        while gone.is_none() || !waits.is_empty() {
            tokio::select! {
                Some((at, tail, page)) = waits.next() => {
                    self.lines.missed(&at, tail.missed())?;
                    match page {
                        Ok(Some(page)) => {
                            troubled.remove(&at);
                            for line in &page {
                                self.lines.print(line)?;
                            }
                            waits.push(wait(at, tail));
                        }
                        // If it is there again, or another one in its place, it is read on.
                        Ok(None) => self.set_aside(at, tail, &mut reads),
                        Err(error) => {
                            // Once, however often it is tried again.
                            if troubled.insert(at.clone()) {
                                self.lines.problem(&at, &error)?;
                            }
                            self.set_aside(at, tail, &mut reads);
                        }
                    }
                }
                _ = ticks.tick(), if gone.is_none() => match ns.places().await {
                    Ok(places) => {
                        let there: BTreeSet<_> = places.iter().map(|it| it.endpoint.clone()).collect();
                        self.all.retain(|at, _| there.contains(at));
                        troubled.retain(|at| there.contains(at));
                        for place in places {
                            let at = place.endpoint.clone();
                            if reads.insert(at.clone()) {
                                let tail = match self.all.remove(&at) {
                                    Some(tail) => tail,
                                    None => open(&node_of(&place, timeout).await?),
                                };
                                waits.push(wait(at, tail));
                            }
                        }
                    }
                    Err(error) => {
                        gone = Some(Failure::unreachable(&error));
                        end.as_mut().reset(Instant::now() + timeout.min(LAST));
                    }
                },
                // Those who are left have had the time for their last words.
                () = &mut end, if gone.is_some() => break,
            }
        }
        gone.map_or(Ok(()), Err)
    }

    fn set_aside(&mut self, at: Endpoint, tail: Tail<T>, reads: &mut BTreeSet<Endpoint>) {
        reads.remove(&at);
        self.all.insert(at, tail);
    }
}

async fn node_of(place: &ProxyPlace, timeout: Duration) -> Outcome<NodeProxy> {
    let proxy = place.proxy().await.map_err(|it| Failure::unreachable(&it))?;
    Ok(proxy.within(timeout).node())
}

fn wait<T: Line>(at: Endpoint, mut tail: Tail<T>) -> Wait<T> {
    async move {
        let page = tail.wait().await;
        (at, tail, page)
    }
    .boxed()
}

/// How lines are printed.
struct Lines {
    in_colour: bool,
    /// How many were missed, as it was said, of each node.
    missed: BTreeMap<Endpoint, u64>,
    output: Output,
}

impl Lines {
    fn new(output: Output) -> Self {
        let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
        let in_colour = is_wanted && std::io::stdout().is_terminal();
        Self { in_colour, missed: BTreeMap::new(), output }
    }

    fn print(&self, line: &impl Line) -> Outcome {
        self.output.line(&line.text(self.in_colour), &line.json())
    }

    fn missed(&mut self, at: &Endpoint, n: u64) -> Outcome {
        let known = self.missed.insert(at.clone(), n).unwrap_or_default();
        match n.saturating_sub(known) {
            0 => Ok(()),
            n => self.output.line(&format!("(missed {n})"), &json!({"missed": n})),
        }
    }

    fn problem(&self, at: &Endpoint, error: &CallError) -> Outcome {
        let (at, error) = (at.to_string(), error.to_string());
        self.output.line(&format!("({at}: {error})"), &json!({"node": at, "error": error}))
    }
}

/// The time of day, UTC.
fn clock(time: f64) -> String {
    // A time before 1970 or far away is not worth an error.
    let millis = (time.max(0.0) * 1e3) as u64 % 86_400_000;
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Without what would be an order to a terminal.
fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for it in text.chars() {
        match it.is_control() {
            true => safe.extend(it.escape_default()),
            false => safe.push(it),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: LogLevel, text: &str) -> LogLine {
        LogLine { agent: "Al".to_owned(), level, text: text.to_owned(), time: 90_061.25 }
    }

    #[test]
    fn a_line_is_in_colour_where_that_is_seen_and_gives_no_orders() {
        let plain = line(LogLevel::Warning, "a\x1b[2J\nb ä").text(false);
        assert_eq!(plain, "01:01:01.250 WARNING Al: a\\u{1b}[2J\\nb ä");
        let colours = line(LogLevel::Error, "no").text(true);
        assert_eq!(colours, "01:01:01.250 \x1b[31mERROR  \x1b[0m Al: no");
        assert_eq!(line(LogLevel::Info, "yes").text(true), "01:01:01.250 INFO    Al: yes");
    }

    #[test]
    fn odd_times_are_times_all_the_same() {
        for (time, expect) in
            [(-1.0, "00:00:00.000"), (f64::NAN, "00:00:00.000"), (0.999_9, "00:00:00.999")]
        {
            assert_eq!(clock(time), expect);
        }
        assert_eq!(clock(f64::INFINITY).len(), 12);
    }
}
