//! What an agent does is seen while it does it.

use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{
    AgentRef, Condition, Context, Kind, NameServerProxy, Node, Result, Status, agent, run_agent,
    run_nameserver,
};
use gleis_test::wait::{eventually, within};
use tokio::sync::Notify;

/// Stays at what it does until it may go on.
#[derive(Default)]
struct Slow {
    go_on: Arc<Notify>,
    slow_start: bool,
}

#[agent]
impl Slow {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Rep, "in").handler(Self::hear).await?;
        if self.slow_start {
            self.go_on.notified().await;
        }
        Ok(())
    }

    async fn hear(&mut self, _: u32) {
        self.go_on.notified().await;
    }

    async fn tick(&mut self) {
        self.go_on.notified().await;
    }

    #[method]
    async fn work(&mut self) {
        self.go_on.notified().await;
    }

    /// Blocks its thread.
    #[method]
    fn block(&mut self, until: Duration) {
        let (_held, never) = std::sync::mpsc::channel::<()>();
        let _ = never.recv_timeout(until);
    }

    #[method]
    async fn ask(&mut self, name_server: String, whom: String) -> Result {
        let ns = NameServerProxy::connect(name_server.as_str()).await?;
        Ok(ns.proxy(whom).await?.call("work", ()).await?)
    }
}

fn is_busy(status: &Status, handler: &str) -> bool {
    status.condition == Condition::Busy && status.handler.as_deref() == Some(handler)
}

/// Waits until it does this, lets it go on, and waits until it is idle again.
async fn check(slow: &AgentRef<Slow>, go_on: &Notify, handler: &str) {
    eventually(|| is_busy(&slow.status(), handler)).await;
    go_on.notify_one();
    eventually(|| slow.status() == Status::of(Condition::Idle)).await;
}

#[tokio::test]
async fn what_is_in_hand_is_seen_whatever_it_is() {
    let (node, go_on) = (Node::local(), Arc::new(Notify::new()));
    let slow = Slow { go_on: go_on.clone(), ..Slow::default() };
    let slow = node.run_agent("slow", slow).await.unwrap();
    assert_eq!(slow.status(), Status::of(Condition::Idle));

    slow.oneway().work().await.unwrap();
    check(&slow, &go_on, "method `work`").await;
    slow.tell("work", ()).await.unwrap();
    check(&slow, &go_on, "method `work`").await;
    slow.after(Duration::ZERO, Slow::tick).await.unwrap();
    let is_timer = || slow.status().handler.is_some_and(|it| it.starts_with("timer "));
    eventually(is_timer).await;
    go_on.notify_one();
    let ticking = slow.context().timer(Slow::tick).alias("tick");
    ticking.after(Duration::ZERO).unwrap();
    check(&slow, &go_on, "timer `tick`").await;

    let other = node.run_agent("other", Slow::default()).await.unwrap();
    other.connect_as(slow.addr("in").await.unwrap(), "out").await.unwrap();
    let asks = other.context().request::<()>("out", 7_u32);
    let seen = check(&slow, &go_on, "a message from `in`");
    let (answer, ()) = within(futures::future::join(asks, seen)).await;
    answer.unwrap();
}

#[tokio::test]
async fn who_is_gone_or_has_stopped_says_so() {
    let node = Node::local();
    let slow = node.run_agent("slow", Slow::default()).await.unwrap();
    slow.stop().await.unwrap();
    assert_eq!(slow.status().condition, Condition::Stopped);
    slow.shutdown().await.unwrap();
    assert_eq!(slow.status(), Status::of(Condition::Gone));
}

#[tokio::test]
async fn the_status_of_a_busy_agent_comes_over_tcp_at_once() {
    let ns = run_nameserver().await.unwrap();
    let go_on = Arc::new(Notify::new());
    let slow = run_agent("slow", Slow { go_on: go_on.clone(), ..Slow::default() }).await.unwrap();
    let asker = run_agent("asker", Slow::default()).await.unwrap();
    let found = NameServerProxy::connect(ns.endpoint().clone()).await.unwrap();
    let proxy = found.proxy("slow").await.unwrap();
    assert_eq!(within(proxy.status()).await.unwrap(), Status::of(Condition::Idle));

    asker.oneway().ask(ns.endpoint().to_string(), "slow".to_owned()).await.unwrap();
    within(async {
        while !is_busy(&proxy.status().await.unwrap(), "method `work`") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..3 {
        slow.oneway().work().await.unwrap();
    }
    assert_eq!(within(proxy.status()).await.unwrap().queued, 3);
    let status = within(found.proxy("asker").await.unwrap().status()).await.unwrap();
    assert!(is_busy(&status, "method `ask`"), "{status}");
    assert_eq!(status.waits_for, [slow.name().clone()]);

    // In all of the system, too.
    let topology = within(found.topology(Duration::from_secs(10))).await.unwrap();
    let seen = topology.agents.iter().find(|it| it.name == *slow.name()).unwrap();
    assert!(is_busy(seen.status.as_ref().unwrap(), "method `work`"), "{seen:?}");
    for _ in 0..4 {
        go_on.notify_one();
        tokio::task::yield_now().await;
    }
    slow.kill().await;
    assert_eq!(within(proxy.status()).await.unwrap().condition, Condition::Gone);
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_blocks_its_thread_is_seen_to_be_busy() {
    let node = Node::local();
    let slow = node.run_agent("slow", Slow::default()).on_thread().await.unwrap();
    let blocks = tokio::spawn({
        let slow = slow.clone();
        async move { slow.block(Duration::from_secs(1)).await }
    });
    eventually(|| is_busy(&slow.status(), "method `block`")).await;
    within(blocks).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_stuck_when_it_has_been_at_the_same_thing_for_too_long() {
    let (node, go_on) = (Node::local(), Arc::new(Notify::new()));
    let slow = Slow { go_on: go_on.clone(), ..Slow::default() };
    let slow = node.run_agent("slow", slow).stuck_after(Duration::from_secs(5)).await.unwrap();
    // Much work is no long work.
    for _ in 0..20 {
        slow.oneway().work().await.unwrap();
        // Not synchronisation: time passes while it is at work.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(slow.status().condition, Condition::Busy);
        go_on.notify_one();
    }
    slow.oneway().work().await.unwrap();
    let (begin, stuck) = (tokio::time::Instant::now(), slow.stuck().await);
    let took = begin.elapsed();
    assert_eq!(
        (stuck.condition, stuck.handler.as_deref()),
        (Condition::Stuck, Some("method `work`"))
    );
    let expect = Duration::from_secs(5)..=Duration::from_millis(5_600);
    assert!(expect.contains(&took), "{took:?}");
    assert!(5_000 <= stuck.for_ms.unwrap());
    go_on.notify_one();
    eventually(|| slow.status().condition == Condition::Idle).await;
    slow.shutdown().await.unwrap();
    assert_eq!(slow.stuck().await.condition, Condition::Gone);
}

#[tokio::test]
async fn an_agent_that_is_about_to_begin_says_with_which_hook() {
    let ns = run_nameserver().await.unwrap();
    let go_on = Arc::new(Notify::new());
    let slow = Slow { go_on: go_on.clone(), slow_start: true };
    let run = tokio::spawn(run_agent("slow", slow).into_future());
    let found = NameServerProxy::connect(ns.endpoint().clone()).await.unwrap();
    // It has its name before it begins.
    let begins = within(async {
        loop {
            if let Ok(proxy) = found.proxy("slow").await
                && is_busy(&proxy.status().await.unwrap(), "hook `on_init`")
            {
                return proxy;
            }
            tokio::task::yield_now().await;
        }
    });
    let proxy = begins.await;
    go_on.notify_one();
    within(run).await.unwrap().unwrap();
    assert_eq!(within(proxy.status()).await.unwrap(), Status::of(Condition::Idle));
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_is_stuck_who_may_take_for_ever() {
    let node = Node::local();
    let run = node.run_agent("slow", Slow::default()).stuck_after(Duration::MAX);
    let slow = run.await.unwrap();
    slow.oneway().work().await.unwrap();
    // Not synchronisation: time passes while it is at work.
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    let status = slow.status();
    assert_eq!(status.condition, Condition::Busy);
    assert!(86_000_000 < status.for_ms.unwrap());
}
