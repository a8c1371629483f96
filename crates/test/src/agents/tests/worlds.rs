//! Whole systems on virtual time, and what befalls them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use gleis_agent::{Node, Result, run_nameserver};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{SECOND, run_clicker, run_counter};
use crate::agents::{Faults, World, search, simulate};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn seconds(range: std::ops::RangeInclusive<u64>) -> std::ops::RangeInclusive<Duration> {
    Duration::from_secs(*range.start())..=Duration::from_secs(*range.end())
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_a_system_over_inproc_is_over_in_a_moment() {
    let (real, start) = (std::time::Instant::now(), Instant::now());
    let names = run_nameserver().at("inproc://names-of-an-hour").await.unwrap();
    let at = names.endpoint();
    let here = Node::connect(at).listen("inproc://hour-here").await.unwrap();
    let there = Node::connect(at).listen("inproc://hour-there").await.unwrap();
    let disk = Arc::default();
    run_counter(&here, &disk).await.unwrap();
    run_clicker(&there, "clicker").await.unwrap();
    // Not synchronisation: what passes is what is tested.
    tokio::time::sleep(HOUR + SECOND / 2).await;
    assert_eq!(*disk.lock(), 3_601);
    assert!(HOUR <= start.elapsed());
    // No bound on time: it is one that nobody could miss who waited for real.
    assert!(real.elapsed() < HOUR / 2);
    names.shutdown(10 * SECOND).await.unwrap();
}

#[test]
fn an_hour_of_a_world_is_over_in_a_moment() {
    simulate(1, async |world: World| -> Result {
        let disk = Arc::new(Mutex::new(0));
        let kept = disk.clone();
        let boot = move |node: Arc<Node>| {
            let kept = kept.clone();
            async move { run_counter(&node, &kept).await.map(drop) }
        };
        world.machine("here", boot).await?;
        world.machine("there", async |node| run_clicker(&node, "clicker").await).await?;
        world.pass(HOUR).await;
        assert!((3_590..=3_601).contains(&*disk.lock()), "{disk:?}");
        let counter = world.proxy("counter", SECOND).await?;
        assert_eq!(counter.call::<u64>("add", (0,)).await?, *disk.lock());
        Ok(())
    });
}

#[test]
fn a_machine_that_crashes_loses_its_agents_and_boots_again_with_its_disk() {
    simulate(20, async |world: World| -> Result {
        let disk = Arc::new(Mutex::new(0));
        let kept = disk.clone();
        let boot = move |node: Arc<Node>| {
            let kept = kept.clone();
            async move { run_counter(&node, &kept).await.map(drop) }
        };
        let machine = world.machine("here", boot).await?;
        let counter = world.proxy("counter", SECOND).await?.within(SECOND);
        assert_eq!(counter.call::<u64>("add", (1,)).await?, 1);
        let node = machine.node().ok_or("it is up")?;
        assert!(machine.crash(5 * SECOND));
        assert!(!machine.crash(HOUR), "it is down already");
        assert!(machine.node().is_none() && node.agents().is_empty());
        assert!(counter.call::<u64>("add", (1,)).await.is_err());
        machine.up().await;
        assert_eq!(machine.n_crashes(), 1);
        let counter = world.proxy("counter", 10 * SECOND).await?;
        assert_eq!(counter.call::<u64>("add", (1,)).await?, 2);
        Ok(())
    });
}

#[test]
fn a_machine_that_does_not_boot_the_first_time_is_an_error_and_later_tries_again() {
    simulate(1, async |world: World| -> Result {
        let never = world.machine("never", async |_| Err("no disk".into())).await;
        assert_eq!(never.unwrap_err().to_string(), "no disk");
        let n_boots = Arc::new(AtomicU32::new(0));
        let counted = n_boots.clone();
        let boot = move |_: Arc<Node>| {
            let n = counted.fetch_add(1, Ordering::Relaxed);
            async move { if (1..4).contains(&n) { Err("not yet".into()) } else { Ok(()) } }
        };
        let machine = world.machine("never", boot).await?;
        let start = Instant::now();
        machine.crash(SECOND);
        world.pass(SECOND + SECOND / 2).await;
        assert!(format!("{machine:?}").contains("not yet"));
        world.calm().await;
        assert_eq!((n_boots.load(Ordering::Relaxed), start.elapsed().as_secs()), (5, 4));
        Ok(())
    });
}

#[test]
fn a_machine_that_crashes_while_it_boots_boots_again() {
    simulate(5, async |world: World| -> Result {
        let is_slow = Arc::new(AtomicBool::new(false));
        let slow = is_slow.clone();
        let boot = move |_: Arc<Node>| {
            let slow = slow.clone();
            async move {
                if slow.swap(false, Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
                Ok(())
            }
        };
        let machine = world.machine("here", boot).await?;
        is_slow.store(true, Ordering::Relaxed);
        machine.crash(SECOND);
        world.pass(10 * SECOND).await;
        assert!(machine.node().is_none());
        assert!(machine.crash(SECOND));
        machine.up().await;
        assert_eq!(machine.n_crashes(), 2);
        Ok(())
    });
}

#[test]
fn all_that_is_to_befall_a_world_does_and_it_is_whole_afterwards() {
    simulate(4, async |world: World| -> Result {
        let disk = Arc::new(Mutex::new(0));
        let kept = disk.clone();
        let boot = move |node: Arc<Node>| {
            let kept = kept.clone();
            async move { run_counter(&node, &kept).await.map(drop) }
        };
        let safe = world.machine("safe", boot).await?;
        for name in ["left", "right"] {
            let boot = move |node: Arc<Node>| async move { run_clicker(&node, name).await };
            world.machine(name, boot).await?;
        }
        let faults = Faults::none()
            .crashes(seconds(5..=60), seconds(1..=10))
            .spare(["safe"])
            .cuts(seconds(5..=60), seconds(1..=10))
            .resets(seconds(5..=60))
            .kills(seconds(5..=60), ["left", "right"]);
        world.faults(faults);
        world.pass(HOUR / 6).await;
        world.calm().await;
        let trace = world.sim().trace().to_string();
        for part in ["left crashes", "right is up", "reset ", "cut ", "heal ", " is killed"] {
            assert!(trace.contains(part), "no {part} in\n{trace}");
        }
        assert_eq!(safe.n_crashes(), 0);
        assert!(world.machines().iter().all(|it| it.node().is_some()));
        let before = *disk.lock();
        assert_ne!(before, 0);
        // Those that were killed have nobody who would start them again but the next crash.
        for machine in world.machines().iter().skip_while(|it| it.name() == "safe") {
            machine.crash(SECOND);
        }
        world.calm().await;
        world.pass(HOUR / 60).await;
        assert!(before + 10 < *disk.lock());
        Ok(())
    });
}

#[test]
fn the_first_run_that_fails_is_told_with_its_seed() {
    let failure = search(10, async |world: World| -> Result {
        match world.seed() {
            4 => Err("four".into()),
            _ => Ok(()),
        }
    });
    let failure = failure.unwrap();
    assert_eq!(failure.seed, 4);
    assert!(failure.text.starts_with("four\n"), "{failure}");
    assert!(failure.replay.starts_with("GLEIS_SIM_SEED=4 cargo test -p gleis-test"), "{failure}");
}

#[test]
#[should_panic = "there is a machine `names` already"]
fn two_machines_of_one_name_are_a_mistake() {
    simulate(1, async |world: World| drop(world.machine("names", async |_| Ok(())).await));
}
