//! Who talks to whom, by HTTP.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use gleis_bridge::{Bridge, Observer};
use gleis_core::{AgentInfo, Name, SocketInfo, Topology, Traffic};
use serde_json::json;

use crate::support::Http;

/// Sees two agents, the first time.
struct Once(AtomicBool);

#[async_trait]
impl Observer for Once {
    async fn topology(&self) -> Result<Topology, String> {
        if self.0.swap(true, Ordering::Relaxed) {
            return Err("the name server does not answer".to_owned());
        }
        let agent = |name: &str, is_bound| AgentInfo {
            name: Name::new(name).unwrap(),
            process: Some(7),
            sockets: vec![SocketInfo {
                alias: "main".to_owned(),
                codec: "json".to_owned(),
                endpoint: "tcp://127.0.0.1:7000".parse().unwrap(),
                is_bound,
                is_source: is_bound,
                kind: if is_bound { "PUSH" } else { "PULL" }.to_owned(),
                peers: Some(1),
                received: Traffic::default(),
                sent: Traffic { dropped: 1, passed: 2, waiting: 3 },
            }],
            state: "running".to_owned(),
            status: None,
        };
        Ok(Topology::new(vec![agent("b", false), agent("a", true)]))
    }
}

#[tokio::test]
async fn agents_and_their_connections_are_shown() {
    let bridge = Bridge::without_hub().observe(Once(false.into())).await.unwrap();
    let seen = Http(bridge.local_addr()).get("/topology").await;
    assert_eq!(seen.status, 200);
    let seen = seen.json();
    assert_eq!(seen["agents"][0]["name"], "a");
    assert_eq!(
        seen["agents"][0]["sockets"][0]["sent"],
        json!({"dropped": 1, "passed": 2, "waiting": 3})
    );
    let ends =
        json!([{"from": {"agent": "a", "alias": "main"}, "to": {"agent": "b", "alias": "main"}}]);
    assert_eq!(seen["links"], ends);
}

#[tokio::test]
async fn without_an_observer_there_is_no_topology_and_a_blind_one_says_so() {
    let bridge = Bridge::without_hub().await.unwrap();
    assert_eq!(Http(bridge.local_addr()).get("/topology").await.status, 404);
    let bridge = Bridge::without_hub().observe(Once(true.into())).await.unwrap();
    let answer = Http(bridge.local_addr()).get("/topology").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json(), json!({"error": "the name server does not answer"}));
}
