//! Where an agent is called: what a proxy is made from, anywhere.

use gleis_core::{Endpoint, Name};
use serde::{Deserialize, Serialize};

use super::Proxy;
use crate::ProxyError;

/// Where an agent is called. It passes through serde, so one agent can tell another of a third.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ProxyPlace {
    /// The name of the agent.
    pub name: Name,
    /// Where its node listens for calls.
    pub endpoint: Endpoint,
}

impl ProxyPlace {
    /// A proxy for the agent there.
    ///
    /// # Errors
    /// [`ProxyError::Connect`]; that nobody is there is known when it is called.
    pub async fn proxy(&self) -> Result<Proxy, ProxyError> {
        Proxy::open(self.name.clone(), &self.endpoint, None).await
    }
}

impl Proxy {
    /// Where the agent is called: to be sent to others, who make a [proxy](ProxyPlace::proxy) from it.
    pub fn place(&self) -> ProxyPlace {
        let endpoint = self.requester.endpoint().clone();
        ProxyPlace { name: self.name.clone(), endpoint }
    }
}
