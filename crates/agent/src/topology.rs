//! Looks at all agents of a name server.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use gleis_core::{AgentInfo, Endpoint, Name, Topology};
use gleis_naming::{Directory, NamingError};
use gleis_transport::Network;
use tokio::time::timeout;

use crate::{CallError, Proxy, text::chain};

/// How many agents are asked at a time.
const AT_ONCE: usize = 64;

/// All agents, their sockets, and who is connected to whom. An agent that does not answer within the time is
/// there, without sockets and with what is the matter as its state.
pub(crate) async fn look(
    directory: &dyn Directory,
    network: Option<&Arc<dyn Network>>,
    within: Duration,
) -> Result<Topology, NamingError> {
    let agents = directory.list().await?.into_iter();
    let looks = agents.map(|(name, record)| look_at(name, record.endpoint, network, within));
    let agents = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    Ok(Topology::new(agents))
}

async fn look_at(
    name: Name,
    at: Endpoint,
    network: Option<&Arc<dyn Network>>,
    within: Duration,
) -> AgentInfo {
    let nothing = |state| AgentInfo {
        name: name.clone(),
        process: None,
        sockets: Vec::new(),
        state,
        status: None,
    };
    let proxy = match timeout(within, Proxy::open(name.clone(), &at, network)).await {
        Ok(Ok(proxy)) => proxy.within(within),
        Ok(Err(error)) => return nothing(chain(&error)),
        Err(_) => return nothing("no answer".to_owned()),
    };
    match ask(&proxy).await {
        Ok(info) => info,
        Err(error) => nothing(chain(&error)),
    }
}

async fn ask(proxy: &Proxy) -> Result<AgentInfo, CallError> {
    let (name, state) = (proxy.name().clone(), proxy.state().await?.to_string());
    let status = Some(proxy.status().await?);
    let process = Some(u64::from(proxy.pid().await?));
    Ok(AgentInfo { name, process, sockets: proxy.ledger().await?, state, status })
}
