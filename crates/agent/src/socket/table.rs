//! Which sockets an agent has.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use gleis_codec::AnyCodec;
use gleis_patterns::{Publisher, Pull, Push, Requester, Subscriber};
use parking_lot::Mutex;

use super::{Addr, AliasError, OpenError, pump::Pump};
use crate::text::instead;

/// The sockets of one agent.
#[derive(Default)]
pub(crate) struct Sockets {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    sockets: BTreeMap<String, Slot>,
    is_closed: bool,
}

/// A place in the table.
enum Slot {
    /// Somebody opens a socket of this alias.
    Opening,
    Open(Arc<Open>),
}

/// A socket with its address.
pub(crate) struct Open {
    pub(crate) addr: Addr,
    pub(crate) codec: AnyCodec,
    pub(crate) socket: Socket,
}

/// A socket as the agent uses it.
pub(crate) enum Socket {
    /// A task receives from it and hands everything to the handler.
    Handled(Pump),
    Pub(Publisher<Bytes>),
    Pull(tokio::sync::Mutex<Pull<Bytes>>),
    Push(Push<Bytes>),
    Req(Requester<Bytes, Bytes>),
    Sub(tokio::sync::Mutex<Subscriber<Bytes>>),
}

/// An alias that is kept for a socket which is being opened.
pub(super) struct Reserved<'a> {
    sockets: &'a Sockets,
    alias: String,
}

impl Sockets {
    /// Keeps `alias` until the socket is there.
    pub(super) fn reserve(&self, alias: String) -> Result<Reserved<'_>, OpenError> {
        let mut table = self.table.lock();
        if table.is_closed {
            return Err(OpenError::Stopped);
        }
        if table.sockets.contains_key(&alias) {
            return Err(OpenError::AliasTaken { alias });
        }
        table.sockets.insert(alias.clone(), Slot::Opening);
        Ok(Reserved { sockets: self, alias })
    }

    /// The socket of this alias.
    pub(crate) fn find(&self, alias: &str) -> Result<Arc<Open>, AliasError> {
        let table = self.table.lock();
        if let Some(Slot::Open(open)) = table.sockets.get(alias) {
            return Ok(open.clone());
        }
        let (near, known) = instead(alias, table.sockets.keys().map(String::as_str));
        Err(AliasError::Unknown { alias: alias.to_owned(), near, known })
    }

    /// Where the socket of this alias is.
    pub(crate) fn addr(&self, alias: &str) -> Result<Addr, AliasError> {
        Ok(self.find(alias)?.addr.clone())
    }

    /// All sockets with their addresses.
    pub(crate) fn list(&self) -> Vec<(String, Addr)> {
        let table = self.table.lock();
        let open = table.sockets.iter().filter_map(|(alias, slot)| match slot {
            Slot::Open(open) => Some((alias.clone(), open.addr.clone())),
            Slot::Opening => None,
        });
        open.collect()
    }

    /// Closes one socket; returns how many messages did not leave.
    pub(crate) async fn close(&self, alias: &str) -> Result<usize, AliasError> {
        let open = self.find(alias)?;
        self.table.lock().sockets.remove(alias);
        Ok(open.close().await)
    }

    /// Closes all sockets for good, waiting for what is queued as long as they linger.
    pub(crate) async fn close_all(&self) {
        let sockets = self.take_all();
        let n_lost: usize = join_all(sockets.iter().map(|it| it.close())).await.into_iter().sum();
        if 0 < n_lost {
            tracing::warn!(
                target: "gleis::agent", n_lost,
                "messages did not leave before their sockets were closed"
            );
        }
    }

    /// Drops all sockets for good.
    pub(crate) fn release(&self) {
        drop(self.take_all());
    }

    /// Has everything that receives for a handler close by and by; no new sockets are opened.
    pub(crate) fn stop_receiving(&self) {
        let mut table = self.table.lock();
        table.is_closed = true;
        for slot in table.sockets.values() {
            if let Slot::Open(open) = slot
                && let Socket::Handled(pump) = &open.socket
            {
                pump.stop();
            }
        }
    }

    fn take_all(&self) -> Vec<Arc<Open>> {
        let mut table = self.table.lock();
        table.is_closed = true;
        let sockets = std::mem::take(&mut table.sockets);
        drop(table);
        let open = sockets.into_values().filter_map(|it| match it {
            Slot::Open(open) => Some(open),
            Slot::Opening => None,
        });
        open.collect()
    }
}

impl Open {
    async fn close(&self) -> usize {
        match &self.socket {
            Socket::Handled(pump) => pump.close().await,
            Socket::Pub(it) => it.close().await,
            // A receiver that is in use right now ends when its user does.
            Socket::Pull(it) => match it.try_lock() {
                Ok(it) => it.close().await,
                Err(_) => 0,
            },
            Socket::Push(it) => it.close().await,
            Socket::Req(it) => it.close().await,
            Socket::Sub(it) => match it.try_lock() {
                Ok(it) => it.close().await,
                Err(_) => 0,
            },
        }
    }
}

impl Reserved<'_> {
    pub(super) fn alias(&self) -> &str {
        &self.alias
    }

    /// Puts the socket in its place, unless the agent has stopped meanwhile.
    pub(super) fn fill(self, open: Open) -> Result<(), OpenError> {
        let mut table = self.sockets.table.lock();
        if table.is_closed {
            return Err(OpenError::Stopped);
        }
        table.sockets.insert(self.alias.clone(), Slot::Open(Arc::new(open)));
        Ok(())
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        // The alias is free again if no socket came of it.
        let mut table = self.sockets.table.lock();
        if let Some(Slot::Opening) = table.sockets.get(&self.alias) {
            table.sockets.remove(&self.alias);
        }
    }
}
