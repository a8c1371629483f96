//! Several widgets at once.

use gleis_core::Value;
use serde::Serialize;

use crate::api::{RemoteWidget, WidgetRef};
use crate::error::RpcError;

/// Widgets of a server that have something in common.
#[derive(Debug)]
pub struct WidgetGroup<W> {
    /// Which ones.
    pub members: Vec<WidgetRef<W>>,
}

impl<W> WidgetGroup<W> {
    pub(crate) fn new(members: Vec<WidgetRef<W>>) -> Self {
        Self { members }
    }

    /// Those that were made with this value under this name.
    #[must_use]
    pub fn filter(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let is_meant = |it: &WidgetRef<W>| it.init().kwargs.get(name) == Some(&value);
        Self { members: self.members.into_iter().filter(is_meant).collect() }
    }

    /// Calls a function of the widget on the other side of each, one after the other.
    ///
    /// # Errors
    /// The first [`RpcError`]; those after it are called all the same.
    ///
    /// # Cancel safety
    /// A dropped future has called some.
    pub async fn call(&self, method: &str, args: impl Serialize) -> Result<(), RpcError> {
        let mut called = Ok(());
        for member in &self.members {
            let one = member.call::<Value>(method, &args).await;
            called = called.and(one.map(drop));
        }
        called
    }
}

/// Widgets of a client that have something in common.
#[derive(Debug)]
pub struct RemoteGroup {
    /// Which ones.
    pub members: Vec<RemoteWidget>,
}

impl RemoteGroup {
    /// Those that were made with this value under this name.
    #[must_use]
    pub fn filter(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let is_meant = |it: &RemoteWidget| it.init().kwargs.get(name) == Some(&value);
        Self { members: self.members.into_iter().filter(is_meant).collect() }
    }

    /// Calls a function of each on the server, one after the other.
    ///
    /// # Errors
    /// The first [`RpcError`]; those after it are called all the same.
    ///
    /// # Cancel safety
    /// A dropped future has called some.
    pub async fn call(&self, method: &str, args: impl Serialize) -> Result<(), RpcError> {
        let mut called = Ok(());
        for member in &self.members {
            let one = member.call::<Value>(method, &args).await;
            called = called.and(one.map(drop));
        }
        called
    }
}
