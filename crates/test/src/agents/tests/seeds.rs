//! One seed is one run.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{Child, Context, Kind, Node, Result, Strategy, Supervisor, agent};
use parking_lot::Mutex;

use super::{SECOND, run_clicker, run_counter};
use crate::agents::{Faults, Probe, World, trace_of};
use crate::sim::Weather;

/// Has the test print the trace of a run, for a second process.
const VARIABLE: &str = "GLEIS_TEST_TRACE";

/// Publishes what time it is.
struct Ticker;

#[agent]
impl Ticker {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Pub, "ticks").await?;
        cx.each(Duration::from_millis(700), Self::tick)?;
        Ok(())
    }

    async fn tick(&mut self, cx: &Context<Self>) -> Result {
        Ok(cx.publish("ticks", "tick", fastrand::u32(..)).await?)
    }
}

async fn run_ticker(node: Arc<Node>) -> Result {
    let boss = Supervisor::new(Strategy::OneForOne).child(Child::new("ticker", || Ticker));
    node.run_agent("boss", boss).await?;
    Ok(())
}

async fn run_ears(node: Arc<Node>, world: World) -> Result {
    let probe = Probe::run(&node, "ears").await?;
    let ticks = node.wait_for("ticker", 20 * SECOND).await?.addr("ticks").await?;
    probe.connect::<u32>(ticks, "ticks").await?;
    probe.method("hush", move |text: &String| world.note(text))?;
    Ok(())
}

/// A bit of everything, in a storm.
async fn system(world: World) -> Result {
    let disk = Arc::new(Mutex::new(0));
    let kept = disk.clone();
    let boot = move |node: Arc<Node>| {
        let kept = kept.clone();
        async move { run_counter(&node, &kept).await.map(drop) }
    };
    world.machine("one", boot).await?;
    for name in ["two", "three"] {
        world.machine(name, move |node| async move { run_clicker(&node, name).await }).await?;
    }
    world.machine("four", run_ticker).await?;
    let noted = world.clone();
    world.machine("five", move |node| run_ears(node, noted.clone())).await?;
    let often = SECOND..=20 * SECOND;
    let faults = Faults::none()
        .weather(Weather::stormy(&mut world.rng(), 50_000))
        .crashes(often.clone(), SECOND..=5 * SECOND)
        .cuts(often.clone(), SECOND..=5 * SECOND)
        .resets(often.clone())
        .kills(often, ["ticker", "three"]);
    world.faults(faults);
    for _ in 0..10 {
        world.pass(5 * SECOND).await;
        world.note(*disk.lock());
        if let Ok(ears) = world.proxy("ears", SECOND).await {
            let said =
                ears.within(SECOND).call::<()>("hush", (format!("{:?}", disk.lock()),)).await;
            world.note(said.is_ok());
        }
    }
    world.calm().await;
    Ok(())
}

#[test]
fn one_seed_gives_the_same_run_twice_and_another_seed_another() {
    for seed in 0..6 {
        let trace = trace_of(seed, system);
        assert_eq!(trace.to_string(), trace_of(seed, system).to_string(), "seed {seed}");
        assert_ne!(trace, trace_of(seed + 100, system));
    }
}

#[test]
fn one_seed_gives_the_same_run_in_two_processes() {
    if std::env::var(VARIABLE).is_ok() {
        for seed in 0..5 {
            eprintln!("<{seed}: {:?}>", trace_of(seed, system));
        }
        return;
    }
    let child = || {
        let test = "agents::tests::seeds::one_seed_gives_the_same_run_in_two_processes";
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", test, "--nocapture"]).env(VARIABLE, "1");
        let output = child.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<_> =
            text.lines().filter(|it| it.starts_with('<')).map(str::to_owned).collect();
        assert_eq!(lines.len(), 5, "{text}");
        lines
    };
    assert_eq!(child(), child());
}
