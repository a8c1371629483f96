//! A directory within the process.

use std::sync::Arc;

use async_trait::async_trait;
use gleis_core::Name;

use crate::table::{Owner, Table};
use crate::{Directory, NamingError, Record, RegisterError, Watch};

/// A directory within the process: no name outlives it. Clones are the same directory.
///
/// It takes 100,000 names, 64 MiB of records, and 1,024 watches.
#[derive(Clone, Debug)]
pub struct MemoryDirectory {
    pub(crate) table: Arc<Table>,
}

impl MemoryDirectory {
    /// An empty directory.
    pub fn new() -> Self {
        Self { table: Arc::new(Table::default()) }
    }
}

impl Default for MemoryDirectory {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Directory for MemoryDirectory {
    async fn register(&self, name: &Name, record: Record) -> Result<(), RegisterError> {
        self.table.claim(name, record, Owner::HERE)
    }

    async fn unregister(&self, name: &Name) -> Result<(), NamingError> {
        self.table.release(name);
        Ok(())
    }

    async fn resolve(&self, name: &Name) -> Result<Record, NamingError> {
        self.table.resolve(name)
    }

    async fn list(&self) -> Result<Vec<(Name, Record)>, NamingError> {
        self.table.list()
    }

    async fn watch(&self) -> Result<Watch, NamingError> {
        Table::watch(&self.table)
    }
}
