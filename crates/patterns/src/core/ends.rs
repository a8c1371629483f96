//! Where a socket listens and what it connects to.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::{join, join_all};
use gleis_core::Endpoint;
use gleis_transport::{ConnectError, Connector, HandshakeError, Host, Origin, listen};

use crate::core::{Attached, Core, Links, Wide};
use crate::error::OpenError;
use crate::event::Event;
use crate::options::Side;
use crate::peer::Link;

impl Core {
    /// Binds or connects for the first time.
    pub(crate) async fn open(&self, side: Side, at: Endpoint) -> Result<(), OpenError> {
        match side {
            Side::Bind => drop(self.bind(&at).await?),
            Side::Connect => self.connect(at).await?,
        }
        match self.settings.ready {
            None => Ok(()),
            Some(timeout) => self.ready(timeout).await,
        }
    }

    pub(crate) async fn bind(&self, at: &Endpoint) -> Result<Endpoint, OpenError> {
        let config = self.config(Side::Bind);
        let listener = listen(at, &config).await.map_err(OpenError::Listen)?;
        let endpoint = listener.endpoint().clone();
        let mut links = self.links.lock();
        if links.closed {
            return Err(OpenError::Closed);
        }
        let host: Weak<dyn Host> = self.me.clone();
        links.listeners.push((endpoint.clone(), listener.serve(host)));
        drop(links);
        let _ = self.endpoint.set(endpoint.clone());
        self.teller.tell(&Event::Listening { endpoint: endpoint.clone() });
        Ok(endpoint)
    }

    pub(crate) async fn unbind(&self, at: &Endpoint) -> bool {
        let guard = {
            let mut links = self.links.lock();
            let found = links.listeners.iter().position(|(endpoint, _)| endpoint == at);
            found.map(|found| links.listeners.remove(found).1)
        };
        let Some(guard) = guard else {
            return false;
        };
        guard.end().await;
        true
    }

    pub(crate) async fn connect(&self, at: Endpoint) -> Result<(), OpenError> {
        let host: Weak<dyn Host> = self.me.clone();
        let mut connector = Connector::start(at, self.config(Side::Connect), host);
        let patience = self.settings.connect_patience;
        connector.first_attempt(patience).await.map_err(open_error)?;
        let mut links = self.links.lock();
        if links.closed {
            return Err(OpenError::Closed);
        }
        let _ = self.endpoint.set(connector.endpoint().clone());
        links.connectors.push(connector);
        Ok(())
    }

    pub(crate) async fn disconnect(&self, at: &Endpoint) -> bool {
        let (connectors, links) = {
            let mut links = self.links.lock();
            let all = std::mem::take(&mut links.connectors);
            let (ended, others) = all.into_iter().partition::<Vec<_>, _>(|it| it.endpoint() == at);
            links.connectors = others;
            (ended, links.made_to(at))
        };
        let found = !connectors.is_empty() || !links.is_empty();
        let linger = self.settings.options.linger;
        let hanging_up = self.close_links(links, linger);
        join(join_all(connectors.into_iter().map(Connector::end)), hanging_up).await;
        // One that was being made at that moment has come in by now, or never will.
        let late = self.links.lock().made_to(at);
        self.close_links(late, linger).await;
        found
    }

    pub(crate) async fn ready(&self, timeout: Duration) -> Result<(), OpenError> {
        let _wide = Wide::new(&*self.role);
        tokio::time::timeout(timeout, self.all_ready())
            .await
            .unwrap_or(Err(OpenError::NotReady { after: timeout }))
    }

    async fn all_ready(&self) -> Result<(), OpenError> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let (closed, all_there) = {
                let links = self.links.lock();
                let made = |it: &&Attached| it.link.origin == Origin::Connected;
                let n_made = links.peers.values().filter(made).count();
                let in_place = links.peers.values().all(|it| it.delivery.is_some());
                let all_there = links.connectors.len() <= n_made && !links.peers.is_empty();
                (links.closed, in_place && all_there)
            };
            if closed {
                return Err(OpenError::Closed);
            }
            // A link that ends meanwhile is a change, and a new one is asked again.
            let links = self.all_links();
            let synced = join_all(links.iter().map(|it| it.sync()));
            if all_there && synced.await.into_iter().all(|it| it) {
                return Ok(());
            }
            changed.await;
        }
    }
}

impl Links {
    /// The links that were made to an endpoint.
    fn made_to(&self, at: &Endpoint) -> Vec<Arc<Link>> {
        let address = at.to_string();
        let made = self.peers.values().map(|it| &it.link);
        let made = made.filter(|it| it.origin == Origin::Connected && it.address() == address);
        made.cloned().collect()
    }
}

fn open_error(error: ConnectError) -> OpenError {
    match error {
        ConnectError::Handshake { endpoint, source: HandshakeError::Refused { reason } } => {
            OpenError::Refused { endpoint, reason }
        }
        other => OpenError::Connect(other),
    }
}
