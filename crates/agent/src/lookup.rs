//! Agents by name, as a directory knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use gleis_core::{Endpoint, Name};
use gleis_naming::{Change, Directory, NamingError, Record};
use gleis_transport::Network;
use tokio::time::{Instant, timeout};

use crate::{CallError, NodeProxy, Proxy, ProxyError, ProxyPlace, ShutdownError};

/// How many agents are told to end at a time.
const AT_A_TIME: usize = 1_000;

/// A proxy for the agent of this name.
pub(crate) async fn proxy(
    directory: &dyn Directory,
    network: Option<&Arc<dyn Network>>,
    name: &str,
) -> Result<Proxy, ProxyError> {
    let name = read(name)?;
    let record = directory.resolve(&name).await?;
    Proxy::open(name, &record.endpoint, network).await
}

/// The same, once there is such an agent and it has started.
pub(crate) async fn wait_for(
    directory: &dyn Directory,
    network: Option<&Arc<dyn Network>>,
    name: &str,
    patience: Duration,
) -> Result<Proxy, ProxyError> {
    let name = read(name)?;
    let begun = Instant::now();
    let record = match timeout(patience, registered(directory, &name)).await {
        Ok(record) => record?,
        // The error says who looks alike.
        Err(_) => directory.resolve(&name).await?,
    };
    let proxy = Proxy::open(name, &record.endpoint, network).await?;
    // The answer comes when it has started.
    proxy.within(patience.saturating_sub(begun.elapsed())).pid().await?;
    Ok(proxy)
}

async fn registered(directory: &dyn Directory, name: &Name) -> Result<Record, NamingError> {
    let mut watch = directory.watch().await?;
    while let Some(change) = watch.next().await {
        if let Change::Registered { name: it, record } = change
            && it == *name
        {
            return Ok(record);
        }
    }
    Err(NamingError::Closed)
}

/// The names of all agents.
pub(crate) async fn names(directory: &dyn Directory) -> Result<Vec<Name>, NamingError> {
    Ok(directory.list().await?.into_iter().map(|(name, _)| name).collect())
}

/// Where all agents are called.
pub(crate) async fn places(directory: &dyn Directory) -> Result<Vec<ProxyPlace>, NamingError> {
    let all = directory.list().await?.into_iter();
    Ok(all.map(|(name, record)| ProxyPlace { name, endpoint: record.endpoint }).collect())
}

/// The nodes of all agents, each over one connection.
pub(crate) async fn nodes(
    directory: &dyn Directory,
    network: Option<&Arc<dyn Network>>,
) -> Result<Vec<NodeProxy>, ProxyError> {
    let mut nodes = Vec::new();
    for (endpoint, mut names) in by_node(directory.list().await?) {
        if let Some(name) = names.pop() {
            nodes.push(Proxy::open(name, &endpoint, network).await?.node());
        }
    }
    Ok(nodes)
}

/// Who is called where.
fn by_node(agents: Vec<(Name, Record)>) -> BTreeMap<Endpoint, Vec<Name>> {
    let mut nodes = BTreeMap::new();
    for (name, record) in agents {
        nodes.entry(record.endpoint).or_insert_with(Vec::new).push(name);
    }
    nodes
}

/// Ends all agents that are registered now.
pub(crate) async fn shutdown_agents(
    directory: &dyn Directory,
    network: Option<&Arc<dyn Network>>,
    patience: Duration,
) -> Result<(), ShutdownError> {
    let begun = Instant::now();
    let agents = directory.list().await?;
    let told: BTreeSet<_> = agents.iter().map(|(name, _)| name.clone()).collect();
    // All agents of a node are told over one connection.
    let mut proxies = Vec::new();
    for (endpoint, names) in by_node(agents) {
        let mut names = names.into_iter();
        let Some(first) = names.next() else {
            continue;
        };
        // Who cannot be reached stays, and is named.
        if let Ok(proxy) = Proxy::open(first, &endpoint, network).await {
            proxies.extend(names.map(|it| proxy.beside(it)));
            proxies.push(proxy);
        }
    }
    let ends = proxies.into_iter().map(|it| async move {
        let name = it.name().clone();
        (name, it.within(patience).shutdown().await)
    });
    let mut ends = stream::iter(ends).buffer_unordered(AT_A_TIME);
    let mut gone = BTreeSet::new();
    // Each is told for so long, but there may be many.
    let _ = timeout(patience, async {
        while let Some((name, end)) = ends.next().await {
            match end {
                Ok(()) | Err(CallError::Gone { .. }) => drop(gone.insert(name)),
                Err(error) => {
                    tracing::debug!(target: "gleis::agent", %error, "an agent was not told to end");
                }
            }
        }
    })
    .await;
    // Whoever is gone may be about to leave its name.
    let _ = timeout(patience.saturating_sub(begun.elapsed()), unregistered(directory, &gone)).await;
    let stayed = names(directory).await?.into_iter().filter(|it| told.contains(it));
    let agents: Vec<_> = stayed.collect();
    match agents.is_empty() {
        true => Ok(()),
        false => Err(ShutdownError::Stayed { agents }),
    }
}

/// Returns when none of these is registered.
async fn unregistered(
    directory: &dyn Directory,
    names: &BTreeSet<Name>,
) -> Result<(), NamingError> {
    let mut watch = directory.watch().await?;
    let (mut here, mut is_current) = (BTreeSet::new(), false);
    while let Some(change) = watch.next().await {
        match change {
            Change::Current => is_current = true,
            Change::Lagged => (here, is_current) = (BTreeSet::new(), false),
            Change::Registered { name, .. } if names.contains(&name) => drop(here.insert(name)),
            Change::Unregistered { name } => drop(here.remove(&name)),
            _ => (),
        }
        if is_current && here.is_empty() {
            return Ok(());
        }
    }
    Err(NamingError::Closed)
}

pub(crate) fn read(name: &str) -> Result<Name, ProxyError> {
    Name::new(name).map_err(|source| ProxyError::Name { text: name.to_owned(), source })
}
