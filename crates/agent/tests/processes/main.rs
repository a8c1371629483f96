//! Agents in processes of their own: called, ended, killed, and gone with their parent.
//!
//! A program of its own, which its agents start again; it prints what `cargo test` does.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod storm;

use std::time::{Duration, Instant};

use gleis_agent::{
    AnyCodec, CallError, Condition, Context, Ended, ErrorPolicy, Kind, NameServerHandle,
    NameServerProxy, Proxy, Result, RunError, Status, agent, processes, run_agent,
    run_agent_process, run_nameserver,
};
use gleis_test::wait::{eventually, within};
use serde::{Deserialize, Serialize};

use storm::{Clerk, three_processes_are_killed_and_begin_again_and_nothing_is_lost_or_stuck};

/// Counts, binds and never ends, as it is told.
#[derive(Deserialize, Serialize)]
struct Counter {
    n: u64,
}

#[agent(attributes(n))]
impl Counter {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        if self.n == 13 {
            Err("it does not like the number")?;
        }
        if self.n == NEVER {
            std::future::pending::<()>().await;
        }
        cx.function("triple", |_: &mut Self, n: u64| n * 3)?;
        Ok(())
    }

    async fn fail(&mut self, _: &Context<Self>) -> Result {
        Err("as it should".into())
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

    /// Asks the next one of these, which asks the next one, and so on.
    #[method]
    async fn pass(&mut self, names: Vec<String>) -> Result<String> {
        let Some((next, rest)) = names.split_first() else {
            return Ok("passed".to_owned());
        };
        let next = NameServerProxy::found()?.await?.proxy(next).await?;
        match next.call("pass", (rest,)).await {
            Err(CallError::WouldDeadlock { path }) => {
                Ok(path.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(" -> "))
            }
            answer => Ok(answer?),
        }
    }

    #[method]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }

    /// Blocks its thread for ever.
    #[method]
    fn block(&mut self) {
        let (_held, never) = std::sync::mpsc::channel::<()>();
        let _ = never.recv();
    }

    /// Runs another one, of which this process is the parent.
    #[method]
    async fn run_child(&mut self, name: String) -> Result<u32> {
        let child = run_agent_process(name, Self { n: 1 }).await?;
        Ok(child.id().unwrap_or_default())
    }

    /// Runs another one in this process.
    #[method]
    async fn run_sibling(&mut self, name: String) -> Result<u64> {
        Ok(run_agent(name, Self { n: 1 }).await?.add(1).await?)
    }

    #[method]
    async fn fail_soon(&mut self, cx: &Context<Self>) -> Result {
        cx.after(Duration::ZERO, Self::fail)?;
        Ok(())
    }
}

/// The number of a counter that never begins.
const NEVER: u64 = 14;

/// Not among the types of `processes!`.
#[derive(Deserialize, Serialize)]
struct Stranger;

#[agent]
impl Stranger {}

fn main() {
    processes![Counter, Clerk];
    for (argument, part) in [(DETACHING, detaching as fn()), (INTERRUPTED, interrupted)] {
        if std::env::args().any(|it| it == argument) {
            return part();
        }
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
        a_process_that_is_killed_by_others_is_noticed_within_two_heartbeats,
        agt41_ns25_a_process_goes_with_its_parent,
        a_process_goes_with_its_parent_also_if_it_blocks,
        agents_of_three_processes_that_wait_in_a_circle_hear_of_it,
        a_name_server_ends_the_agents_of_all_processes,
        ns13_a_shutdown_ends_processes_that_hang_block_and_die_in_time_and_names_them,
        a_process_runs_its_agent_as_it_is_told,
        a_process_whose_agent_does_not_begin_ends_when_nobody_waits_for_it,
        ns18_prx03_trn07_a_name_server_is_found_by_variable_and_a_detached_process_goes_on,
        ctrl_c_ends_all_in_order_and_once_more_in_a_hurry,
        three_processes_are_killed_and_begin_again_and_nothing_is_lost_or_stuck,
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
        assert!(report.stayed.is_empty(), "{report:?}");
        assert_eq!(report.forced.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["busy"]);
    });
}

async fn ctrl_c_ends_all_in_order_and_once_more_in_a_hurry() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.arg(INTERRUPTED).env("GLEIS_TEST_READY", &ready).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    within(eventually(|| ready.exists())).await;
    let pid = child.id().unwrap();
    signal(pid, "-INT").await;
    // Half of ten minutes would be for the one that hangs.
    let first = tokio::time::timeout(Duration::from_millis(300), child.wait()).await;
    assert!(first.is_err());
    signal(pid, "-INT").await;
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
    let proxy = counter.proxy().within(Duration::from_secs(1));
    let status = within(async {
        loop {
            let status = proxy.status().await.unwrap();
            if status.handler.is_some() {
                return status;
            }
        }
    });
    assert_eq!(status.await.handler.as_deref(), Some("method `hang`"));
    let (ended, status) =
        within(futures::future::join(proxy.ended(), counter.kill_process())).await;
    assert!(!status.unwrap().success());
    assert_eq!(ended.unwrap(), Ended::Lost);
    assert_eq!(within(proxy.status()).await.unwrap(), Status::of(Condition::Gone));
    assert!(!file.exists());
    gone_from(&ns, "counter").await;
    let again = within(run_agent_process("counter", Counter { n: 0 }).into_future());
    within(again.await.unwrap().kill_process()).await.unwrap();
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn agents_of_three_processes_that_wait_in_a_circle_hear_of_it() {
    let ns = run_nameserver().await.unwrap();
    let mut processes = Vec::new();
    for name in ["a", "b", "c"] {
        let process = within(run_agent_process(name, Counter { n: 0 }).into_future());
        processes.push(process.await.unwrap());
    }
    let a = ns.proxy("a").await.unwrap();
    for (names, expect) in [
        (&["b", "c", "a"][..], "a -> b -> c -> a"),
        (&["b", "a"], "a -> b -> a"),
        (&["b", "c", "b"], "b -> c -> b"),
        (&["a"], "a -> a"),
        (&["b", "c"], "passed"),
    ] {
        let said: String = within(a.call("pass", (names,))).await.unwrap();
        assert_eq!(said, expect);
    }
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn agt41_ns25_a_process_goes_with_its_parent() {
    let ns = run_nameserver().await.unwrap();
    let parent = within(run_agent_process("parent", Counter { n: 0 }).into_future());
    let parent = parent.await.unwrap();
    let sum: u64 = within(parent.proxy().call("run_sibling", ("sibling",))).await.unwrap();
    assert_eq!(sum, 2);
    let child: u32 = within(parent.proxy().call("run_child", ("child",))).await.unwrap();
    assert!(lives(child));
    assert_eq!(ns.proxy("child").await.unwrap().call::<u64>("add", (1,)).await.unwrap(), 2);
    within(parent.kill_process()).await.unwrap();
    gone_from(&ns, "child").await;
    gone_from(&ns, "sibling").await;
    within(eventually(|| !lives(child))).await;
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn a_process_goes_with_its_parent_also_if_it_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("child.sock");
    let ns = run_nameserver().await.unwrap();
    let parent = within(run_agent_process("parent", Counter { n: 0 }).into_future());
    let parent = parent.await.unwrap();
    let child: u32 = within(parent.proxy().call("run_child", ("child",))).await.unwrap();
    let proxy = ns.proxy("child").await.unwrap();
    proxy.call::<()>("file", (format!("ipc://{}", file.display()),)).await.unwrap();
    proxy.tell("block", ()).await.unwrap();
    within(parent.kill_process()).await.unwrap();
    within(eventually(|| !lives(child))).await;
    assert!(!file.exists());
    gone_from(&ns, "child").await;
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

/// Whether a process does something still: one that nobody has asked for its end does not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|it| !matches!(it.trim_start().chars().next(), None | Some('Z')))
}

/// The processes that this one has started.
fn children() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|it| it.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|it| it.split_whitespace().nth(1));
        parent == Some(&std::process::id().to_string()) && lives(*pid)
    };
    pids.filter(is_child).collect()
}

async fn signal(pid: u32, signal: &str) {
    let pid = pid.to_string();
    let kill = tokio::process::Command::new("kill").args([signal, &pid]).status();
    assert!(within(kill).await.unwrap().success());
}

async fn a_process_that_is_killed_by_others_is_noticed_within_two_heartbeats() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counter.sock");
    let ns = run_nameserver().await.unwrap();
    let counter = within(run_agent_process("counter", Counter { n: 0 }).into_future());
    let counter = counter.await.unwrap();
    let at = format!("ipc://{}", file.display());
    counter.proxy().call::<()>("file", (at,)).await.unwrap();
    let begun = Instant::now();
    signal(counter.id().unwrap(), "-KILL").await;
    gone_from(&ns, "counter").await;
    // A heartbeat is 5 s.
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(!within(counter.wait()).await.unwrap().success());
    assert!(!file.exists());
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn ns13_a_shutdown_ends_processes_that_hang_block_and_die_in_time_and_names_them() {
    let ns = run_nameserver().await.unwrap();
    let run = async |name: &str| {
        within(run_agent_process(name, Counter { n: 0 }).into_future()).await.unwrap()
    };
    let (polite, hangs) = (run("polite").await, run("hangs").await);
    let (blocks, dies) = (run("blocks").await, run("dies").await);
    hangs.proxy().tell("hang", ()).await.unwrap();
    blocks.proxy().tell("block", ()).await.unwrap();
    let timeout = Duration::from_secs(6);
    let begun = Instant::now();
    let (report, ()) =
        tokio::join!(ns.shutdown_report(timeout), signal(dies.id().unwrap(), "-KILL"));
    assert!(begun.elapsed() < timeout + Duration::from_secs(2));
    let mut forced: Vec<_> = report.forced.iter().map(ToString::to_string).collect();
    forced.sort();
    // Who dies before it could say that it ends is named, too.
    forced.retain(|it| it != "dies");
    assert_eq!(
        (report.stayed, forced),
        (Vec::new(), vec!["blocks".to_owned(), "hangs".to_owned()])
    );
    assert!(within(polite.wait()).await.unwrap().success());
    assert!(within(hangs.wait()).await.unwrap().success());
    assert!(!within(blocks.wait()).await.unwrap().success());
    within(dies.wait()).await.unwrap();
}

async fn a_process_runs_its_agent_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let ns = run_nameserver().await.unwrap();
    let at = format!("ipc://{}", folder.path().join("calls").display());
    let run = run_agent_process("counter", Counter { n: 0 })
        .attribute("n", 40)
        .attribute("color", "red")
        .at("ipc://*")
        .codec(&AnyCodec::Json)
        .listen(at.as_str())
        .mailbox(7)
        .on_error(ErrorPolicy::Log);
    let counter = within(run.into_future()).await.unwrap();
    let proxy: &Proxy = counter.proxy();
    assert_eq!(proxy.place().endpoint.to_string(), at);
    assert_eq!(proxy.call::<u64>("add", (2,)).await.unwrap(), 42);
    assert_eq!(proxy.get_attr::<String>("color").await.unwrap(), "red");
    let addr = proxy.bind(Kind::Push, "out").await.unwrap();
    assert!(addr.endpoint.to_string().starts_with("ipc://"), "{addr}");
    assert_eq!(addr.codec, "json");
    proxy.call::<()>("fail_soon", ()).await.unwrap();
    assert!(proxy.is_running().await.unwrap());
    // Its type has registered a function, which others may give it as a method.
    proxy.set_method("times_three", "triple").await.unwrap();
    assert_eq!(proxy.call::<u64>("times_three", (14,)).await.unwrap(), 42);
    let error = proxy.set_method("x", "tripel").await.unwrap_err();
    assert!(matches!(error, CallError::UnknownFunction { .. }), "{error}");
    // By type, too.
    let typed = ns.typed_proxy::<Counter>("counter").await.unwrap();
    assert_eq!(typed.add(8).await.unwrap(), 50);

    let run = run_agent_process("bad", Counter { n: 0 }).attribute("n", 1).attribute("n", 2);
    let error = within(run.into_future()).await.unwrap_err();
    assert!(matches!(error, RunError::Process { .. }), "{error}");
    let run = run_agent_process("bad", Counter { n: 0 }).at("tpc://x").listen("x");
    let error = within(run.into_future()).await.unwrap_err();
    assert!(matches!(error, RunError::Node(_)), "{error}");
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn a_process_whose_agent_does_not_begin_ends_when_nobody_waits_for_it() {
    let ns = run_nameserver().await.unwrap();
    for is_detached in [false, true] {
        let mut run = run_agent_process("never", Counter { n: NEVER });
        if is_detached {
            run = run.detached();
        }
        let mut run = run.into_future();
        let registered = async {
            while ns.agents().await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut run => panic!("it never begins"),
            () = within(registered) => (),
        }
        assert_eq!(children().len(), 1);
        drop(run);
        within(eventually(|| children().is_empty())).await;
        gone_from(&ns, "never").await;
    }
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

/// The argument of a program that starts a detached process, and ends.
const DETACHING: &str = "--detaching";

fn detaching() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        // Whoever names none finds it by variable: `GLEIS_NAMESERVER`.
        let ns = NameServerProxy::found().unwrap().await.unwrap();
        let here = run_agent("here", Counter { n: 1 }).await.unwrap();
        assert_eq!(ns.proxy("here").await.unwrap().call::<u64>("add", (1,)).await.unwrap(), 2);
        within(run_agent_process("attached", Counter { n: 0 }).into_future()).await.unwrap();
        within(run_agent_process("detached", Counter { n: 0 }).detached().into_future())
            .await
            .unwrap();
        here.shutdown().await.unwrap();
    });
}

async fn ns18_prx03_trn07_a_name_server_is_found_by_variable_and_a_detached_process_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let ns = run_nameserver().await.unwrap();
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.arg(DETACHING).env("GLEIS_NAMESERVER", ns.endpoint().to_string()).kill_on_drop(true);
    let ended = within(command.current_dir(folder.path()).status()).await.unwrap();
    assert!(ended.success());
    let proxy = ns.proxy("detached").await.unwrap();
    let pid = proxy.pid().await.unwrap();
    // Its sibling has heard by now that their parent is gone.
    gone_from(&ns, "attached").await;
    assert!(lives(pid));
    assert_eq!(proxy.call::<u64>("add", (1,)).await.unwrap(), 1);
    // Its folder is another one, and it tells where its socket is nevertheless.
    let bind = proxy.bind(Kind::Pull, "in").at("ipc://in.sock").codec("json").method("add");
    let addr = bind.await.unwrap();
    assert!(folder.path().join("in.sock").exists());
    let here = run_agent("here", Counter { n: 0 }).await.unwrap();
    here.connect_as(addr, "out").await.unwrap();
    here.send("out", 6_u64).await.unwrap();
    within(async { while proxy.get_attr::<u64>("n").await.unwrap() < 7 {} }).await;
    let bind = proxy.bind(Kind::Pull, "any").at("ipc://*").codec("json").method("add");
    here.connect_as(bind.await.unwrap(), "any").await.unwrap();
    here.send("any", 1_u64).await.unwrap();
    within(async { while proxy.get_attr::<u64>("n").await.unwrap() < 8 {} }).await;
    within(proxy.shutdown()).await.unwrap();
    within(eventually(|| !lives(pid))).await;
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}

async fn a_name_server_ends_the_agents_of_all_processes() {
    let ns = run_nameserver().await.unwrap();
    let polite = within(run_agent_process("polite", Counter { n: 0 }).into_future()).await.unwrap();
    let hangs = within(run_agent_process("hangs", Counter { n: 0 }).into_future()).await.unwrap();
    hangs.proxy().tell("hang", ()).await.unwrap();
    within(ns.shutdown(Duration::from_secs(4))).await.unwrap();
    for process in [polite, hangs] {
        assert!(within(process.wait()).await.unwrap().success());
    }
}
