//! The name server and the nodes that programs find without naming them.
//!
//! Both are kept per runtime: a node lives on the runtime that made it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use gleis_core::Endpoint;
use parking_lot::Mutex;
use tokio::runtime::{Handle, Id};

use super::{ConnectNode, Host, Lease};
use crate::NodeError;

/// Names the name server for programs that neither run nor name one.
const VARIABLE: &str = "GLEIS_NAMESERVER";

type Place = Arc<tokio::sync::Mutex<Weak<Host>>>;

static DEFAULTS: LazyLock<Mutex<HashMap<Id, Endpoint>>> = LazyLock::new(Mutex::default);
static NODES: LazyLock<Mutex<HashMap<(Id, Endpoint), Place>>> = LazyLock::new(Mutex::default);

/// Makes this the name server of everybody on this runtime who names none.
pub(crate) fn remember_default(endpoint: &Endpoint) {
    remember_for(Handle::current().id(), endpoint);
}

/// Makes this the name server of everybody on that runtime who names none.
pub(crate) fn remember_for(runtime: Id, endpoint: &Endpoint) {
    DEFAULTS.lock().insert(runtime, endpoint.clone());
}

/// The runtime has ended.
pub(crate) fn forget_runtime(runtime: Id) {
    DEFAULTS.lock().remove(&runtime);
}

/// The name server has gone.
pub(crate) fn forget_default(endpoint: &Endpoint) {
    DEFAULTS.lock().retain(|_, it| it != endpoint);
}

/// The name server of whoever names none.
pub(crate) fn default_name_server() -> Result<Endpoint, NodeError> {
    if let Some(endpoint) = DEFAULTS.lock().get(&Handle::current().id()) {
        return Ok(endpoint.clone());
    }
    match std::env::var(VARIABLE) {
        Ok(text) => text.parse().map_err(NodeError::Address),
        Err(_) => Err(NodeError::Unnamed),
    }
}

/// The node of this name server: the one that is there, or a new one.
pub(crate) async fn node_of(name_server: Endpoint) -> Result<Lease, NodeError> {
    node_at(name_server, None).await
}

/// The same; a new one listens there.
pub(crate) async fn node_at(
    name_server: Endpoint,
    listen: Option<Endpoint>,
) -> Result<Lease, NodeError> {
    let place = place(&name_server);
    // Held while connecting, so that there is one node and not two.
    let mut node = place.lock().await;
    if let Some(lease) = node.upgrade().and_then(|it| it.lease()) {
        return Ok(lease);
    }
    let mut connect = ConnectNode::new(Ok(name_server));
    if let Some(listen) = listen {
        connect = connect.listen(listen);
    }
    let lease = connect.open(false).await?;
    *node = Arc::downgrade(lease.host());
    Ok(lease)
}

/// Waits until the node of this name server has closed, if there is one.
pub(crate) async fn node_closed(name_server: &Endpoint) {
    let place = NODES.lock().get(&(Handle::current().id(), name_server.clone())).cloned();
    let Some(place) = place else {
        return;
    };
    let node = place.lock().await.upgrade();
    if let Some(node) = node {
        node.closed().await;
    }
}

fn place(name_server: &Endpoint) -> Place {
    let mut nodes = NODES.lock();
    // Places that nobody uses and whose node is gone would pile up.
    nodes.retain(|_, place| {
        1 < Arc::strong_count(place) || place.try_lock().is_ok_and(|node| 0 < node.strong_count())
    });
    nodes.entry((Handle::current().id(), name_server.clone())).or_default().clone()
}
