//! Agents in processes of their own: called, ended, killed, and gone with their parent.
//!
//! A program of its own, which its agents start again; it prints what `cargo test` does.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::path::Path;
use std::time::Duration;

use gleis_agent::{
    Context, Kind, NameServerHandle, Result, RunError, agent, processes, run_agent,
    run_agent_process, run_nameserver,
};
use gleis_test::wait::within;
use serde::{Deserialize, Serialize};

/// Counts, binds and never ends, as it is told.
#[derive(Deserialize, Serialize)]
struct Counter {
    n: u64,
}

#[agent(attributes(n))]
impl Counter {
    async fn on_init(&mut self) -> Result {
        if self.n == 13 {
            Err("it does not like the number")?;
        }
        Ok(())
    }

    #[method]
    fn add(&mut self, more: u64) -> u64 {
        self.n += more;
        self.n
    }

    #[method]
    async fn file(&mut self, cx: &Context<Self>, at: String) -> Result {
        cx.bind(Kind::Push, "file").at(at.as_str()).await?;
        Ok(())
    }

    #[method]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }

    /// Runs another one, of which this process is the parent.
    #[method]
    async fn run_child(&mut self, ns: String, name: String) -> Result<u32> {
        let child = run_agent_process(name, Self { n: 1 }).nameserver(ns.as_str()).await?;
        Ok(child.id().unwrap_or_default())
    }
}

/// Not among the types of `processes!`.
#[derive(Deserialize, Serialize)]
struct Stranger;

#[agent]
impl Stranger {}

fn main() {
    processes![Counter];
    if std::env::args().any(|it| it == INTERRUPTED) {
        return interrupted();
    }
    // As `cargo test NAME` does it, without the rest.
    let filter = std::env::args().skip(1).find(|it| !it.starts_with('-'));
    if std::env::args().any(|it| it == "--list") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    macro_rules! run {
        ($($test:ident),* $(,)?) => {
            $(
                if filter.as_ref().is_none_or(|it| stringify!($test).contains(it.as_str())) {
                    runtime.block_on($test());
                    println!("test {} ... ok", stringify!($test));
                }
            )*
        };
    }
    run![
        an_agent_in_a_process_is_called_and_ended,
        a_process_that_does_not_start_says_why,
        a_killed_process_is_noticed_its_name_is_free_and_its_files_are_gone,
        a_process_goes_with_its_parent,
        a_name_server_ends_the_agents_of_all_processes,
        ctrl_c_ends_all_in_order_and_once_more_at_once,
    ];
}

/// The argument of a program that runs agents until it is interrupted.
const INTERRUPTED: &str = "--until-interrupted";

fn interrupted() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ns = run_nameserver().await.unwrap();
        let busy = run_agent("busy", Counter { n: 0 }).await.unwrap();
        run_agent("polite", Counter { n: 0 }).await.unwrap();
        busy.tell("hang", ()).await.unwrap();
        let waiting = ns.until_interrupted(Duration::from_secs(600));
        // Whoever interrupts it sees that it waits, and it does before that is told.
        let tell = async { std::fs::write(std::env::var("GLEIS_TEST_READY").unwrap(), "") };
        let (report, told) = tokio::join!(biased; waiting, tell);
        told.unwrap();
        let report = report.unwrap();
        assert!(report.stayed.iter().all(|it| it.as_str() == "busy"));
    });
}

async fn ctrl_c_ends_all_in_order_and_once_more_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.arg(INTERRUPTED).env("GLEIS_TEST_READY", &ready).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    within(gleis_test::wait::eventually(|| ready.exists())).await;
    let pid = child.id().unwrap().to_string();
    let interrupt = async || {
        let kill = tokio::process::Command::new("kill").args(["-INT", &pid]).status();
        assert!(within(kill).await.unwrap().success());
    };
    interrupt().await;
    // Half of ten minutes would be for the one that hangs.
    let first = tokio::time::timeout(Duration::from_millis(300), child.wait()).await;
    assert!(first.is_err());
    interrupt().await;
    assert!(within(child.wait()).await.unwrap().success());
}

async fn gone_from(ns: &NameServerHandle, name: &str) {
    within(async {
        while ns.proxy(name).await.is_ok() {
            // Not synchronisation: only keeps the asking from burning a core.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

async fn an_agent_in_a_process_is_called_and_ended() {
    let ns = run_nameserver().await.unwrap();
    let counter = within(run_agent_process("counter", Counter { n: 40 }).into_future());
    let counter = counter.await.unwrap();
    assert_ne!(counter.id().unwrap(), std::process::id());
    let proxy = counter.proxy();
    assert_eq!(proxy.pid().await.unwrap(), counter.id().unwrap());
    assert_eq!(proxy.call::<u64>("add", (2,)).await.unwrap(), 42);
    assert_eq!(proxy.get_attr::<u64>("n").await.unwrap(), 42);
    let here = run_agent("here", Counter { n: 0 }).await.unwrap();
    let addr = proxy.bind(Kind::Pull, "in").codec("json").method("add").await.unwrap();
    here.connect_as(addr, "out").await.unwrap();
    here.send("out", 8_u64).await.unwrap();
    within(async { while proxy.get_attr::<u64>("n").await.unwrap() < 50 {} }).await;
    within(proxy.shutdown()).await.unwrap();
    assert!(within(counter.wait()).await.unwrap().success());
    assert!(ns.proxy("counter").await.is_err());
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn a_process_that_does_not_start_says_why() {
    let ns = run_nameserver().await.unwrap();
    let says = |error: RunError| error.to_string();
    let error = within(run_agent_process("x", Counter { n: 13 }).into_future()).await.unwrap_err();
    assert_eq!(says(error), "`x` has no process: `x` did not start: it does not like the number");
    let error = within(run_agent_process("x", Stranger).into_future()).await.unwrap_err();
    assert!(says(error).contains("Stranger` is not among the types of `processes!`"));
    run_agent("x", Counter { n: 1 }).await.unwrap();
    let error = within(run_agent_process("x", Counter { n: 1 }).into_future()).await.unwrap_err();
    assert!(says(error).contains("the name `x` is taken"));
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn a_killed_process_is_noticed_its_name_is_free_and_its_files_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counter.sock");
    let ns = run_nameserver().await.unwrap();
    let counter = within(run_agent_process("counter", Counter { n: 0 }).into_future());
    let counter = counter.await.unwrap();
    let at = format!("ipc://{}", file.display());
    counter.proxy().call::<()>("file", (at,)).await.unwrap();
    assert!(file.exists());
    // It is in the middle of something.
    counter.proxy().tell("hang", ()).await.unwrap();
    let status = within(counter.kill_process()).await.unwrap();
    assert!(!status.success());
    assert!(!file.exists());
    gone_from(&ns, "counter").await;
    let again = within(run_agent_process("counter", Counter { n: 0 }).into_future());
    within(again.await.unwrap().kill_process()).await.unwrap();
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn a_process_goes_with_its_parent() {
    let ns = run_nameserver().await.unwrap();
    let at = ns.endpoint().to_string();
    let parent = within(run_agent_process("parent", Counter { n: 0 }).into_future());
    let parent = parent.await.unwrap();
    let child: u32 = within(parent.proxy().call("run_child", (at, "child"))).await.unwrap();
    assert!(Path::new(&format!("/proc/{child}")).exists());
    assert_eq!(ns.proxy("child").await.unwrap().call::<u64>("add", (1,)).await.unwrap(), 2);
    within(parent.kill_process()).await.unwrap();
    gone_from(&ns, "child").await;
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn a_name_server_ends_the_agents_of_all_processes() {
    let ns = run_nameserver().await.unwrap();
    let polite = within(run_agent_process("polite", Counter { n: 0 }).into_future()).await.unwrap();
    let hangs = within(run_agent_process("hangs", Counter { n: 0 }).into_future()).await.unwrap();
    hangs.proxy().tell("hang", ()).await.unwrap();
    within(ns.shutdown(Duration::from_secs(2))).await.unwrap();
    for process in [polite, hangs] {
        assert!(within(process.wait()).await.unwrap().success());
    }
}
