//! Who talks to whom: agents, their sockets, and how these are connected.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Endpoint, Name, Status};

/// Agents and how they are connected, at one moment.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Topology {
    /// The agents, by name.
    pub agents: Vec<AgentInfo>,
    /// Which of their sockets are connected: see [`Topology::new`].
    pub links: Vec<SocketLink>,
}

/// An agent and its sockets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AgentInfo {
    /// Its name.
    pub name: Name,
    /// The process in which it runs, if that is known.
    pub process: Option<u64>,
    /// Its sockets, by alias.
    pub sockets: Vec<SocketInfo>,
    /// Where it is in its life, or why that is not known.
    pub state: String,
    /// What it does, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// A socket, and what became of its messages since it was opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SocketInfo {
    /// What its agent calls it.
    pub alias: String,
    /// How its messages are encoded.
    pub codec: String,
    /// Where it is bound, or what it is connected to.
    pub endpoint: Endpoint,
    /// True if others connect to it.
    pub is_bound: bool,
    /// True if messages, or the first word of a conversation, go out of it.
    pub is_source: bool,
    /// What it does, such as `PUSH`.
    pub kind: String,
    /// How many peers it has now, if that is known.
    pub peers: Option<u64>,
    /// What came.
    pub received: Traffic,
    /// What went.
    pub sent: Traffic,
}

/// One direction of a socket.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Traffic {
    /// Messages that were given up.
    pub dropped: u64,
    /// Messages that went on: to the system, or to whoever receives.
    pub passed: u64,
    /// Messages that wait.
    pub waiting: u64,
}

/// Two sockets that are connected, in the direction in which messages, or the first word, go.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SocketLink {
    /// Where they come from.
    pub from: SocketName,
    /// Where they go.
    pub to: SocketName,
}

/// A socket of an agent.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SocketName {
    /// Its agent.
    pub agent: Name,
    /// What that calls it.
    pub alias: String,
}

impl Topology {
    /// Agents, with a link for each socket that is connected to where another one is bound. Endpoints are
    /// compared as they are told: one that is only good on one machine, or within one process
    /// (`inproc`), is taken for the same everywhere on that machine, or in that process.
    pub fn new(mut agents: Vec<AgentInfo>) -> Self {
        agents.sort_by(|a, b| a.name.cmp(&b.name));
        let all =
            || agents.iter().flat_map(|agent| agent.sockets.iter().map(move |it| (agent, it)));
        let mut bound: HashMap<_, Vec<_>> = HashMap::new();
        for (agent, socket) in all().filter(|(_, it)| it.is_bound) {
            bound.entry(place(agent, socket)).or_default().push(name(agent, socket));
        }
        let mut links = Vec::new();
        for (agent, socket) in all().filter(|(_, it)| !it.is_bound) {
            for other in bound.get(&place(agent, socket)).into_iter().flatten() {
                let (this, other) = (name(agent, socket), other.clone());
                links.push(match socket.is_source {
                    true => SocketLink { from: this, to: other },
                    false => SocketLink { from: other, to: this },
                });
            }
        }
        links.sort();
        Self { agents, links }
    }
}

/// Where a socket is, or what it is connected to, and in which process if that matters.
fn place<'a>(agent: &AgentInfo, socket: &'a SocketInfo) -> (&'a Endpoint, Option<u64>) {
    let is_here = matches!(socket.endpoint, Endpoint::Inproc(_));
    (&socket.endpoint, agent.process.filter(|_| is_here))
}

fn name(agent: &AgentInfo, socket: &SocketInfo) -> SocketName {
    SocketName { agent: agent.name.clone(), alias: socket.alias.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str, process: u64, sockets: &[(&str, bool, bool)]) -> AgentInfo {
        let socket = |&(at, is_bound, is_source): &(&str, bool, bool)| SocketInfo {
            alias: "main".to_owned(),
            codec: "json".to_owned(),
            endpoint: at.parse().unwrap(),
            is_bound,
            is_source,
            kind: if is_source { "PUSH" } else { "PULL" }.to_owned(),
            peers: Some(1),
            received: Traffic::default(),
            sent: Traffic::default(),
        };
        AgentInfo {
            name: Name::new(name).unwrap(),
            process: Some(process),
            sockets: sockets.iter().map(socket).collect(),
            state: "running".to_owned(),
            status: None,
        }
    }

    fn links(agents: Vec<AgentInfo>) -> Vec<String> {
        let links = Topology::new(agents).links;
        links.iter().map(|it| format!("{} > {}", it.from.agent, it.to.agent)).collect()
    }

    #[test]
    fn a_link_goes_where_its_messages_go() {
        let at = "tcp://127.0.0.1:7000";
        let bound_source =
            [agent("b", 1, &[(at, true, true)]), agent("a", 2, &[(at, false, false)])];
        assert_eq!(links(bound_source.into()), ["b > a"]);
        let bound_sink = [agent("b", 1, &[(at, true, false)]), agent("a", 2, &[(at, false, true)])];
        assert_eq!(links(bound_sink.into()), ["a > b"]);
    }

    #[test]
    fn only_what_is_connected_to_something_bound_is_a_link() {
        let (here, there) = ("tcp://127.0.0.1:7000", "tcp://127.0.0.1:7001");
        let agents = vec![
            agent("a", 1, &[(here, false, true)]),
            agent("b", 1, &[(here, false, false), (there, true, false)]),
        ];
        assert!(links(agents).is_empty());
    }

    #[test]
    fn what_is_in_process_is_connected_only_there() {
        let agents = |other| {
            vec![
                agent("a", 1, &[("inproc://x", true, true)]),
                agent("b", other, &[("inproc://x", false, false)]),
            ]
        };
        assert_eq!(links(agents(1)), ["a > b"]);
        assert!(links(agents(2)).is_empty());
    }
}
