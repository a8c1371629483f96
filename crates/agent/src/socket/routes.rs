//! Which handlers get a message.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::handler::AnyHandler;

/// The handlers of a socket: each with the beginning of the topics it wants.
pub(super) struct Routes<A: 'static> {
    table: Mutex<Arc<Vec<Route<A>>>>,
}

/// A handler for everything whose topic begins with `topic`.
pub(super) struct Route<A: 'static> {
    pub(super) topic: Bytes,
    pub(super) handler: AnyHandler<A>,
}

impl<A> Clone for Route<A> {
    fn clone(&self) -> Self {
        Self { topic: self.topic.clone(), handler: self.handler.clone() }
    }
}

impl<A> Routes<A> {
    pub(super) fn new(routes: Vec<Route<A>>) -> Self {
        Self { table: Mutex::new(Arc::new(routes)) }
    }

    /// Has `handler` get what begins with `topic`, in place of those that did.
    pub(super) fn replace(&self, topic: Bytes, handler: AnyHandler<A>) {
        let mut table = self.table.lock();
        let mut routes: Vec<_> = table.iter().filter(|it| it.topic != topic).cloned().collect();
        routes.push(Route { topic, handler });
        *table = Arc::new(routes);
    }

    /// Has these handlers in place of all others.
    pub(super) fn set(&self, routes: Vec<Route<A>>) {
        *self.table.lock() = Arc::new(routes);
    }

    /// Forgets the handlers of `topic`; false if there are none.
    pub(super) fn remove(&self, topic: &Bytes) -> bool {
        let mut table = self.table.lock();
        let routes: Vec<_> = table.iter().filter(|it| it.topic != *topic).cloned().collect();
        let is_found = routes.len() < table.len();
        *table = Arc::new(routes);
        is_found
    }

    /// The handler of what has no topic, if there is one.
    pub(super) fn first(&self) -> Option<AnyHandler<A>> {
        self.table.lock().first().map(|it| it.handler.clone())
    }

    /// All handlers as of now: changes while a message is handed out concern the next one.
    pub(super) fn all(&self) -> Arc<Vec<Route<A>>> {
        self.table.lock().clone()
    }
}

impl<A> Route<A> {
    /// Whether it wants a message under `topic`, or one without a topic.
    pub(super) fn wants(&self, topic: Option<&Bytes>) -> bool {
        topic.is_none_or(|it| it.starts_with(&self.topic))
    }
}
