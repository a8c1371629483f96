//! A directory that is elsewhere.

mod connect;

use std::time::Duration;

use async_trait::async_trait;
use gleis_core::{Endpoint, EndpointError, Name};

use crate::{Directory, NamingError, Record, RegisterError, ShutdownReport, Watch};

pub use self::connect::ConnectNameClient;

/// The directory of a name server elsewhere.
///
/// Names registered here belong to this client: they go when it is dropped, or, after a grace, when
/// its connection is lost for good. It connects again by itself and takes its names again; a name
/// that somebody else took meanwhile stays lost (a [`Watch`] tells who has it).
#[derive(Debug)]
pub struct NameClient {
    endpoint: Endpoint,
}

impl NameClient {
    /// Connects to the name server at `at`; `.await` does it.
    pub fn connect(at: impl TryInto<Endpoint, Error: Into<EndpointError>>) -> ConnectNameClient {
        ConnectNameClient::new(at.try_into().map_err(Into::into))
    }

    /// Where the name server is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Ends the server with everybody, as [`NameServer::shutdown`](crate::NameServer::shutdown) does.
    ///
    /// # Errors
    /// See [`NamingError`]; [`NamingError::Closed`] when it had closed before.
    ///
    /// # Cancel safety
    /// The server goes on closing when the future is dropped.
    pub async fn shutdown_server(&self, timeout: Duration) -> Result<ShutdownReport, NamingError> {
        let _ = timeout;
        todo!()
    }
}

#[async_trait]
impl Directory for NameClient {
    async fn register(&self, name: &Name, record: Record) -> Result<(), RegisterError> {
        let _ = (name, record);
        todo!()
    }

    async fn unregister(&self, name: &Name) -> Result<(), NamingError> {
        let _ = name;
        todo!()
    }

    async fn resolve(&self, name: &Name) -> Result<Record, NamingError> {
        let _ = name;
        todo!()
    }

    async fn list(&self) -> Result<Vec<(Name, Record)>, NamingError> {
        todo!()
    }

    async fn watch(&self) -> Result<Watch, NamingError> {
        todo!()
    }
}
