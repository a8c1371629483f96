//! What the sockets of agents do in a second: the difference between two looks.

use std::collections::HashMap;
use std::time::Duration;

use gleis_agent::NameServerProxy;
use gleis_core::{AgentInfo, SocketInfo, SocketLink, SocketName, Topology};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::failure::{Failure, Outcome};

/// A system as it was at a moment, and what it did since the look before.
#[derive(Debug)]
pub(crate) struct Seen {
    at: Instant,
    pub(crate) topology: Topology,
    rates: HashMap<SocketName, Rate>,
}

/// Messages a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) received: f64,
    pub(crate) sent: f64,
}

impl Seen {
    /// A first look, or one after `before`.
    pub(crate) async fn look(
        ns: &NameServerProxy,
        within: Duration,
        before: Option<&Self>,
    ) -> Outcome<Self> {
        let topology = ns.topology(within).await.map_err(|it| Failure::unreachable(&it))?;
        Ok(Self::new(topology, Instant::now(), before))
    }

    pub(crate) fn new(topology: Topology, at: Instant, before: Option<&Self>) -> Self {
        let mut rates = HashMap::new();
        if let Some(before) = before {
            let seconds = at.duration_since(before.at).as_secs_f64().max(1e-3);
            let passed: HashMap<_, _> =
                sockets(&before.topology).map(|(name, it)| (name, passed(it))).collect();
            for (name, socket) in sockets(&topology) {
                // One that is new has no rate yet, one that was opened anew counts from nothing.
                if let Some(before) = passed.get(&name) {
                    let [received, sent] = [0, 1].map(|way: usize| {
                        passed_since(before[way], self::passed(socket)[way]) / seconds
                    });
                    rates.insert(name, Rate { received, sent });
                }
            }
        }
        Self { at, topology, rates }
    }

    /// What a socket did in a second; `None` if it was not there before.
    pub(crate) fn rate(&self, name: &SocketName) -> Option<Rate> {
        self.rates.get(name).copied()
    }

    /// What went along a link in a second: what the end did that is connected, since that has no other.
    pub(crate) fn link_rate(&self, link: &SocketLink) -> Option<f64> {
        match self.socket(&link.to)?.is_bound {
            true => self.rate(&link.from).map(|it| it.sent),
            false => self.rate(&link.to).map(|it| it.received),
        }
    }

    pub(crate) fn socket(&self, name: &SocketName) -> Option<&SocketInfo> {
        let agents = &self.topology.agents;
        let agent = agents.iter().find(|it| it.name == name.agent)?;
        agent.sockets.iter().find(|it| it.alias == name.alias)
    }

    /// The system in one value.
    pub(crate) fn to_json(&self) -> Value {
        let agents: Vec<_> = self.topology.agents.iter().map(|it| self.agent_json(it)).collect();
        let links = self
            .topology
            .links
            .iter()
            .map(|it| json!({"from": it.from, "to": it.to, "rate": self.link_rate(it)}));
        json!({"agents": agents, "links": links.collect::<Vec<_>>()})
    }

    fn agent_json(&self, agent: &AgentInfo) -> Value {
        let socket = |it: &SocketInfo| {
            let rate = self.rate(&name(agent, it));
            let mut value = json!(it);
            value["sent"]["rate"] = json!(rate.map(|it| it.sent));
            value["received"]["rate"] = json!(rate.map(|it| it.received));
            value
        };
        let sockets: Vec<_> = agent.sockets.iter().map(socket).collect();
        let mut value = json!({
            "name": agent.name, "process": agent.process, "sockets": sockets, "state": agent.state,
        });
        if let Some(status) = &agent.status {
            value["status"] = json!(status);
        }
        value
    }
}

/// A socket as it is named among all.
pub(crate) fn name(agent: &AgentInfo, socket: &SocketInfo) -> SocketName {
    SocketName { agent: agent.name.clone(), alias: socket.alias.clone() }
}

/// A rate in few characters; nothing if it is not known.
pub(crate) fn short(rate: Option<f64>) -> String {
    match rate {
        None => String::new(),
        Some(n) if n >= 1e6 => format!("{:.1} M", n / 1e6),
        Some(n) if n >= 1e4 => format!("{:.0} k", n / 1e3),
        Some(n) if n >= 100.0 || n == 0.0 => format!("{n:.0}"),
        Some(n) => format!("{n:.1}"),
    }
}

fn sockets(topology: &Topology) -> impl Iterator<Item = (SocketName, &SocketInfo)> {
    let agents = topology.agents.iter();
    agents.flat_map(|agent| agent.sockets.iter().map(move |it| (name(agent, it), it)))
}

fn passed(socket: &SocketInfo) -> [u64; 2] {
    [socket.received.passed, socket.sent.passed]
}

fn passed_since(before: u64, now: u64) -> f64 {
    now.checked_sub(before).unwrap_or(now) as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use gleis_core::{AgentInfo, Name, SocketInfo, SocketName, Topology, Traffic};
    use serde_json::json;
    use tokio::time::Instant;

    use super::{Rate, Seen, short};

    /// Two agents, one of which has sent so many messages to the other; three more were dropped.
    pub(crate) fn topology(n_sent: u64) -> Topology {
        let agent =
            |name: &str, state: &str, is_source, sent: Traffic, received: Traffic| AgentInfo {
                name: Name::new(name).unwrap(),
                process: Some(7),
                sockets: vec![SocketInfo {
                    alias: "main".to_owned(),
                    codec: "bincode".to_owned(),
                    endpoint: "tcp://127.0.0.1:7000".parse().unwrap(),
                    is_bound: is_source,
                    is_source,
                    kind: if is_source { "PUSH" } else { "PULL" }.to_owned(),
                    peers: Some(1),
                    received,
                    sent,
                }],
                state: state.to_owned(),
                status: None,
            };
        let nothing = Traffic::default();
        let sent = Traffic { dropped: 3, passed: n_sent, waiting: 2 };
        let came = Traffic { passed: n_sent, ..nothing };
        Topology::new(vec![
            agent("camera", "running", true, sent, nothing),
            agent("archive", "failed: the disk is full", false, nothing, came),
        ])
    }

    /// What is seen when it sends so many in two seconds.
    pub(crate) fn seen(n_sent: u64) -> Seen {
        let start = Instant::now();
        let before = Seen::new(topology(100), start, None);
        Seen::new(topology(100 + n_sent), start + Duration::from_secs(2), Some(&before))
    }

    fn camera() -> SocketName {
        SocketName { agent: Name::new("camera").unwrap(), alias: "main".to_owned() }
    }

    #[test]
    fn rates_are_what_came_and_went_between_two_looks() {
        assert_eq!(seen(50).rate(&camera()), Some(Rate { received: 0.0, sent: 25.0 }));
        assert_eq!(Seen::new(topology(7), Instant::now(), None).rate(&camera()), None);
    }

    #[test]
    fn a_socket_that_was_opened_anew_counts_from_nothing() {
        let start = Instant::now();
        let before = Seen::new(topology(100), start, None);
        let seen = Seen::new(topology(30), start + Duration::from_secs(1), Some(&before));
        assert_eq!(seen.rate(&camera()).unwrap().sent, 30.0);
    }

    #[test]
    fn rates_are_told_in_few_characters() {
        for (rate, text) in [
            (None, ""),
            (Some(0.0), "0"),
            (Some(0.25), "0.2"),
            (Some(12.34), "12.3"),
            (Some(1234.4), "1234"),
            (Some(12_345.0), "12 k"),
            (Some(1_234_567.0), "1.2 M"),
        ] {
            assert_eq!(short(rate), text);
        }
    }

    #[test]
    fn the_system_is_one_value() {
        let value = seen(50).to_json();
        assert_eq!(value["agents"][1]["sockets"][0]["sent"]["rate"], 25.0);
        assert_eq!(value["links"][0]["rate"], 25.0);
        assert_eq!(value["links"][0]["to"], json!({"agent": "archive", "alias": "main"}));
    }
}
