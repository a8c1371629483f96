//! A directory that is elsewhere.

mod connect;
mod link;
mod mirror;
mod porch;
mod request;
mod reservation;
mod wish;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gleis_core::{Endpoint, EndpointError, Name};
use gleis_transport::Connector;

use self::link::Link;
use self::porch::Porch;
use crate::protocol::{self, Reply, Request};
use crate::{Directory, NamingError, Record, RegisterError, ShutdownReport, Watch};

pub use self::connect::ConnectNameClient;

/// The directory of a name server elsewhere.
///
/// Names registered here belong to this client: they go when it is dropped, or, after a grace, when
/// its connection is lost for good. It connects again by itself and takes its names again; a name
/// that somebody else took meanwhile stays lost (a [`Watch`] tells who has it).
///
/// A watch goes on over lost connections: what changed meanwhile is told when the server is back.
/// It ends when the server closes, or when the client is dropped.
#[derive(Debug)]
pub struct NameClient {
    _connector: Connector,
    link: Arc<Link>,
    _porch: Arc<Porch>,
}

impl NameClient {
    /// Connects to the name server at `at`; `.await` does it.
    pub fn connect(at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> ConnectNameClient {
        ConnectNameClient::new(at.try_into().map_err(Into::into))
    }

    /// Where the name server is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.link.endpoint
    }

    /// Ends the server with everybody, as [`NameServer::shutdown`](crate::NameServer::shutdown) does.
    ///
    /// # Errors
    /// See [`NamingError`]; [`NamingError::Closed`] when it had closed before.
    ///
    /// # Cancel safety
    /// The server goes on closing when the future is dropped.
    pub async fn shutdown_server(&self, timeout: Duration) -> Result<ShutdownReport, NamingError> {
        let request = Request::Shutdown { millis: protocol::millis(timeout) };
        match self.link.request_within(&request, timeout).await? {
            Reply::Stopped { stayed, forced } => Ok(ShutdownReport { stayed, forced }),
            Reply::Refused { why } => Err(why.into_naming(None)),
            other => Err(protocol::unexpected(&other)),
        }
    }
}

impl NameClient {
    /// Unregisters a name whose holder was ended by force: a [shutdown](Self::shutdown_server) tells of it.
    ///
    /// # Errors
    /// As [`unregister`](Directory::unregister).
    ///
    /// # Cancel safety
    /// As [`unregister`](Directory::unregister).
    pub async fn unregister_forced(&self, name: &Name) -> Result<(), NamingError> {
        self.release(name, true).await
    }

    async fn release(&self, name: &Name, forced: bool) -> Result<(), NamingError> {
        let leaving = self.link.leave(name);
        let reply = self.link.request(&Request::Unregister { name: name.clone(), forced }).await?;
        leaving.answered();
        match reply {
            Reply::Done => Ok(()),
            Reply::Refused { why } => Err(why.into_naming(Some(name))),
            other => Err(protocol::unexpected(&other)),
        }
    }
}

#[async_trait]
impl Directory for NameClient {
    async fn register(&self, name: &Name, record: Record) -> Result<(), RegisterError> {
        let reservation = self.link.reserve(name, &record)?;
        let request = Request::Register { name: name.clone(), record };
        match self.link.request(&request).await? {
            Reply::Done => {
                reservation.keep();
                Ok(())
            }
            Reply::Refused { why } => {
                reservation.give_up();
                Err(why.into_register(name))
            }
            other => Err(protocol::unexpected(&other).into()),
        }
    }

    async fn unregister(&self, name: &Name) -> Result<(), NamingError> {
        self.release(name, false).await
    }

    async fn resolve(&self, name: &Name) -> Result<Record, NamingError> {
        match self.link.request(&Request::Resolve { name: name.clone() }).await? {
            Reply::Found { record } => Ok(record),
            Reply::Refused { why } => Err(why.into_naming(Some(name))),
            other => Err(protocol::unexpected(&other)),
        }
    }

    async fn list(&self) -> Result<Vec<(Name, Record)>, NamingError> {
        let mut res: Vec<(Name, Record)> = Vec::new();
        loop {
            let after = res.last().map(|(name, _)| name.clone());
            match self.link.request(&Request::List { after: after.clone() }).await? {
                Reply::Page { names, more } => {
                    let grows = names.first().is_none_or(|(name, _)| after.as_ref() < Some(name));
                    res.extend(names);
                    if !more || !grows {
                        return Ok(res);
                    }
                }
                Reply::Refused { why } => return Err(why.into_naming(None)),
                other => return Err(protocol::unexpected(&other)),
            }
        }
    }

    async fn watch(&self) -> Result<Watch, NamingError> {
        self.link.watch().await
    }
}

impl Drop for NameClient {
    fn drop(&mut self) {
        // Its names need not wait for the server to miss it.
        self.link.say_goodbye();
        self.link.mirror.table.close();
    }
}
