//! What every directory does.

use async_trait::async_trait;
use gleis_core::Name;

use crate::{NamingError, Record, RegisterError, Watch};

/// Who is where.
///
/// A name stands for at most one [`Record`] at a time. All methods may be called from many tasks at
/// once; of several registrations of one name exactly one succeeds.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// Gives `name` to `record` until it is unregistered.
    ///
    /// # Errors
    /// [`RegisterError::Taken`] when the name is in use, even by ourselves; otherwise see [`RegisterError`].
    ///
    /// # Cancel safety
    /// A dropped future leaves the name unregistered, over a network a moment later.
    async fn register(&self, name: &Name, record: Record) -> Result<(), RegisterError>;

    /// Takes the name away from whoever has it; nothing happens if nobody has it.
    ///
    /// # Errors
    /// [`NamingError::NotHeld`] when another client of the same server has it.
    ///
    /// # Cancel safety
    /// After a dropped future the name may be registered or not; calling again is safe.
    async fn unregister(&self, name: &Name) -> Result<(), NamingError>;

    /// What stands under `name`.
    ///
    /// # Errors
    /// [`NamingError::Unknown`], with the names that look alike.
    ///
    /// # Cancel safety
    /// Safe.
    async fn resolve(&self, name: &Name) -> Result<Record, NamingError>;

    /// All names and what stands under them, in the order of the names.
    ///
    /// Names that come or go meanwhile may be in it or not.
    ///
    /// # Errors
    /// See [`NamingError`].
    ///
    /// # Cancel safety
    /// Safe.
    async fn list(&self) -> Result<Vec<(Name, Record)>, NamingError>;

    /// Tells what changes, beginning with the present state.
    ///
    /// # Errors
    /// [`NamingError::Busy`] when as many watch as allowed.
    ///
    /// # Cancel safety
    /// Safe.
    async fn watch(&self) -> Result<Watch, NamingError>;
}
