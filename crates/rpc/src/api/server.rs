//! Who is called.

use std::fmt;
use std::sync::Arc;

use gleis_core::Path;
use gleis_transport::TaskGuard;

use crate::api::clients::Clients;
use crate::api::desk::{Desk, watch};
use crate::api::group::WidgetGroup;
use crate::api::{ClientRef, ServerBuilder, WidgetRef};
use crate::events::Guard;
use crate::link::Link;
use crate::url::Url;

/// Answers calls on a link.
pub struct Server {
    desk: Arc<Desk>,
    _guard: Guard,
    link: Link,
    _watch: Option<TaskGuard>,
}

impl Server {
    /// A server that exposes nothing yet.
    #[expect(clippy::new_ret_no_self, reason = "it is a server once it is on a link")]
    pub fn new() -> ServerBuilder {
        ServerBuilder::new()
    }

    pub(crate) fn start(builder: ServerBuilder, link: Link) -> Self {
        let ServerBuilder { aware, callee } = builder;
        let key = callee.key.as_deref();
        let clients =
            aware.map(|it| Clients::new(it, &callee.call_path, key, callee.hooks.clone()));
        let event = format!("receive_{}", callee.call_path);
        let is_path = Path::new(&callee.call_path).is_ok();
        let is_quick = is_path && clients.is_none() && !callee.hooks.are_there();
        let desk = Arc::new(Desk { callee, clients, is_quick });
        let answering = desk.clone();
        let _guard = link.serve(&event, desk.clone(), move |received| {
            let desk = answering.clone();
            async move { desk.answer(received).await }
        });
        let _watch = desk.clients.is_some().then(|| TaskGuard::spawn(watch(desk.clone())));
        Self { desk, _guard, link, _watch }
    }

    /// The link that it is on.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Where its main wire is.
    ///
    /// # Panics
    /// Its link was disconnected.
    pub fn url(&self) -> Url {
        self.link.url("main").expect("a server's link has a main wire")
    }

    /// The clients that can be called back; none if it is not [aware](ServerBuilder::aware).
    pub fn clients(&self) -> Vec<ClientRef> {
        self.desk.clients.as_ref().map(Clients::all).unwrap_or_default()
    }

    /// The client of this id, if it can be called back.
    pub fn client(&self, id: &str) -> Option<ClientRef> {
        self.desk.clients.as_ref()?.get(id)
    }

    /// The widget of this name and key, which is `<client>.<id>`, or `$.<id>` where clients are not told
    /// apart; if it is there and keeps a `W`.
    pub fn widget<W: Send + 'static>(&self, name: &str, key: &str) -> Option<WidgetRef<W>> {
        self.desk.callee.widgets.get(name, key)
    }

    /// All widgets of this name that keep a `W`.
    pub fn widgets<W: Send + 'static>(&self, name: &str) -> WidgetGroup<W> {
        WidgetGroup::new(self.desk.callee.widgets.all(name, |_| true))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("link", &self.link).finish_non_exhaustive()
    }
}
