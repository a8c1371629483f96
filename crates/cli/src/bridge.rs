//! `gleis bridge`

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use gleis_agent::NameServerProxy;
use gleis_bridge::{Bridge, BridgeError, Observer};
use gleis_broker::{Addresses, MessageServer};
use gleis_core::{Endpoint, Topology};
use gleis_rpc::Client;
use serde_json::json;

use crate::agents;
use crate::args::{self, BridgeRun, Named};
use crate::callee::Offered;
use crate::failure::{Failure, Outcome};
use crate::hub;
use crate::output::Output;
use crate::stop::Stop;

/// How long an agent that does not answer may hold up the page.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn run(command: args::Bridge, output: Output, timeout: Duration) -> Outcome {
    let args::Bridge::Run(command) = command;
    let mut stop = Stop::new()?;
    let BridgeRun { listen, hub, token, allow_origin, allow_host, log, ns, rpc } = command;
    let (own, addresses) = match hub.as_deref() {
        Some([broadcast, receive]) => (None, (broadcast.clone(), receive.clone()).into()),
        _ => {
            let own = MessageServer::bind().await.map_err(|it| Failure::local(&it))?;
            hub::tell_addresses(&own, output)?;
            let addresses = Addresses::from(&own);
            (Some(own), addresses)
        }
    };
    let mut bridge = Bridge::to(addresses).listen(listen);
    bridge = token.into_iter().fold(bridge, gleis_bridge::BridgeBuilder::token);
    bridge = allow_origin.into_iter().fold(bridge, gleis_bridge::BridgeBuilder::allow_origin);
    bridge = allow_host.into_iter().fold(bridge, gleis_bridge::BridgeBuilder::allow_host);
    if let Some(path) = log {
        bridge = bridge.keep_log(path);
    }
    if let Some(at) = &ns {
        let agents = agents::connect(&args::NameServer { ns: at.clone() }, timeout).await?;
        bridge = bridge.observe(Agents { agents, within: timeout.min(PATIENCE) });
    }
    if let Some(callee) = offered(ns, rpc, timeout).await? {
        bridge = bridge.callee(callee);
    }
    let bridge = bridge.await.map_err(|error| match error {
        BridgeError::Hub(_) => Failure::unreachable(&error).hint("gleis hub run"),
        _ => Failure::local(&error),
    })?;
    let url = format!("http://{}", bridge.local_addr());
    output.line(&url, &json!({"url": url}))?;
    stop.asked().await?;
    stop.orderly(bridge.shutdown(timeout)).await?;
    drop(own);
    Ok(())
}

/// The agents of a name server, as the page shows them.
struct Agents {
    agents: NameServerProxy,
    within: Duration,
}

#[async_trait]
impl Observer for Agents {
    async fn topology(&self) -> Result<Topology, String> {
        self.agents.topology(self.within).await.map_err(|it| it.to_string())
    }
}

/// What can be called there.
async fn offered(
    ns: Option<Endpoint>,
    rpc: Vec<Named>,
    within: Duration,
) -> Outcome<Option<Offered>> {
    if ns.is_none() && rpc.is_empty() {
        return Ok(None);
    }
    let agents = match ns {
        Some(ns) => Some(agents::connect(&args::NameServer { ns }, within).await?),
        None => None,
    };
    let mut servers = BTreeMap::new();
    for Named { name, url } in rpc {
        let client = Client::connect(&*url).await.map_err(|it| Failure::usage(it.to_string()))?;
        if servers.insert(name.clone(), client.within(within)).is_some() {
            return Err(Failure::usage(format!("two servers are called {name}")));
        }
    }
    Ok(Some(Offered { agents, servers, within }))
}
