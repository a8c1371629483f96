//! Who talks to whom, and what became of the messages.

use std::time::Duration;

use gleis_agent::{Context, Kind, Result, agent, run_agent, run_nameserver};
use gleis_core::{Name, Traffic};
use gleis_naming::{Directory, NameClient, Record};
use gleis_test::wait::within;

const LONG: Duration = Duration::from_secs(10);

/// Says something to whoever listens.
struct Source;

#[agent]
impl Source {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, "out").await?;
        cx.bind(Kind::SyncPub, "news").handler(|_: &mut Self, n: u32| n).await?;
        Ok(())
    }

    #[method]
    async fn say(&mut self, cx: &Context<Self>, n: u32) -> Result {
        for n in 0..n {
            cx.send("out", n).await?;
        }
        Ok(())
    }

    #[method]
    async fn hang(&mut self) {
        std::future::pending::<()>().await;
    }
}

#[derive(Default)]
struct Sink(u32);

#[agent]
impl Sink {
    fn take(&mut self, _: u32) {
        self.0 += 1;
    }
}

#[tokio::test]
async fn the_topology_tells_who_is_connected_to_whom_and_what_went_there() {
    let ns = run_nameserver().await.unwrap();
    let at = || ns.endpoint().clone();
    let source = run_agent("source", Source).nameserver(at()).await.unwrap();
    let sink = run_agent("sink", Sink::default()).nameserver(at()).await.unwrap();
    let out = source.addr("out").await.unwrap();
    sink.connect_as(out.clone(), "in").handler(Sink::take).ready(LONG).await.unwrap();
    source.say(10).await.unwrap();
    let all = async { while sink.with(|it, _| it.0).await.unwrap() < 10 {} };
    within(all).await;

    let seen = ns.topology(LONG).await.unwrap();
    let names: Vec<_> = seen.agents.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["sink", "source"]);
    let [sink_seen, source_seen] = &seen.agents[..] else { panic!("two agents") };
    assert_eq!(source_seen.process, Some(std::process::id().into()));
    assert_eq!(sink_seen.state, "running");
    let [into] = &sink_seen.sockets[..] else { panic!("one socket") };
    let came = Traffic { dropped: 0, passed: 10, waiting: 0 };
    assert_eq!((into.received, into.is_bound, &into.kind[..]), (came, false, "PULL"));
    let [news, from] = &source_seen.sockets[..] else { panic!("two sockets") };
    assert_eq!((from.sent, from.is_bound, from.peers), (came, true, Some(1)));
    assert_eq!((&news.kind[..], news.peers, news.sent), ("SYNC_PUB", Some(0), Traffic::default()));
    let [link] = &seen.links[..] else { panic!("one link") };
    let ends = [&link.from, &link.to].map(|it| (it.agent.as_str(), &it.alias[..]));
    assert_eq!(ends, [("source", "out"), ("sink", "in")]);
    ns.shutdown(LONG).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_works_is_seen_and_one_that_is_out_of_reach_is_named() {
    let ns = run_nameserver().await.unwrap();
    let busy = run_agent("busy", Source).nameserver(ns.endpoint().clone()).await.unwrap();
    busy.oneway().hang().await.unwrap();
    // Nobody is where this one is said to be, as after a crash.
    let names = NameClient::connect(ns.endpoint().clone()).await.unwrap();
    let record = Record::new("tcp://127.0.0.1:1".parse().unwrap());
    names.register(&Name::new("gone").unwrap(), record).await.unwrap();
    let seen = ns.topology(Duration::from_millis(300)).await.unwrap();
    let [busy_seen, gone] = &seen.agents[..] else { panic!("two agents") };
    assert_eq!((&busy_seen.state[..], busy_seen.sockets.len()), ("running", 2));
    assert!(gone.state != "running" && gone.sockets.is_empty() && gone.process.is_none());
    busy.kill().await;
    assert_eq!(ns.topology(Duration::from_millis(300)).await.unwrap().agents.len(), 1);
}
