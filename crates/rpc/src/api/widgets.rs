//! Which widgets there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use gleis_core::Value;
use parking_lot::Mutex;

use crate::api::WidgetKind;
use crate::api::caller::Call;
use crate::api::engineer::Commands;
use crate::api::table::Giving;
use crate::api::widget::{Far, Init, Instance, Kind, WidgetRef};
use crate::message::Message;

/// So many widgets are kept at a time.
const MOST: usize = 100_000;

/// The name of the widget whose functions are commands.
const ENGINEER: &str = "engineer";

/// What a client is told whose widget is not there (any more); xbahn's own words, which its clients know.
pub(crate) const NOT_FOUND: &str = "Widget instance not found on server (1)";

/// The kinds of widgets, and those that were made: by name, then by the client and the id.
pub(crate) struct Widgets {
    pub(crate) commands: Commands,
    kinds: BTreeMap<String, Arc<dyn Kind>>,
    live: Mutex<BTreeMap<(String, String), Arc<dyn Instance>>>,
}

/// Where a widget is below the path of calls: `<name>.<client>.<id>`.
struct Place<'a> {
    name: &'a str,
    client: &'a str,
    key: String,
}

impl<'a> Place<'a> {
    fn read(text: &'a str) -> Result<Self, String> {
        let parts: Vec<_> = text.split('.').collect();
        let [name, client, id] = parts[..] else {
            return Err("a widget is called at <name>.<client>.<id>".to_owned());
        };
        Ok(Self { name, client, key: format!("{client}.{id}") })
    }
}

impl Widgets {
    pub(crate) fn new() -> Self {
        let (kinds, live) = Default::default();
        Self { commands: Commands::default(), kinds, live }
    }

    pub(crate) fn add(&mut self, name: String, kind: Arc<dyn Kind>) {
        self.kinds.insert(name, kind);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The names of the kinds.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.kinds.keys().cloned().collect()
    }

    /// The kinds, with what they expose.
    pub(crate) fn describe(&self) -> Vec<WidgetKind> {
        let describe = |(name, kind): (&String, &Arc<dyn Kind>)| WidgetKind {
            methods: kind.describe(),
            name: name.clone(),
        };
        self.kinds.iter().map(describe).collect()
    }

    /// Calls what the message names, of the widget that stands there.
    pub(crate) fn call(
        &self,
        place: &str,
        message: &Message,
        call: Call,
    ) -> Result<Option<Giving>, String> {
        let place = Place::read(place)?;
        // Each client has its own, and no other's.
        if place.client != call.id {
            return Err(NOT_FOUND.to_owned());
        }
        if place.name == ENGINEER && !self.commands.is_empty() {
            return self.commands.call(call, message);
        }
        let live = self.live.lock().get(&(place.name.to_owned(), place.key)).cloned();
        Ok(live.ok_or(NOT_FOUND)?.call(message))
    }

    /// Makes the widget `key`, of the form `<client>.<id>`, unless it is there.
    pub(crate) fn attach(
        &self,
        name: &str,
        key: &str,
        kwargs: BTreeMap<String, Value>,
        far: Far,
    ) -> Result<(), String> {
        if name == ENGINEER && !self.commands.is_empty() {
            return Ok(());
        }
        let kind = self.kinds.get(name).cloned();
        let kind = kind.ok_or_else(|| format!("Widget not found on server: {name}"))?;
        let id = key.split_once('.').map_or(key, |it| it.1).to_owned();
        if id.is_empty() || id.contains('.') {
            return Err("the id of a widget is not empty, and has no dots".to_owned());
        }
        let at = (name.to_owned(), key.to_owned());
        if self.live.lock().contains_key(&at) {
            return Ok(());
        }
        // Making it is up to its author: not under the lock.
        let made = kind.make(Init { id, kwargs }, far);
        let mut live = self.live.lock();
        if MOST <= live.len() {
            return Err("too many widgets".to_owned());
        }
        live.entry(at).or_insert(made);
        Ok(())
    }

    /// Lets one widget go; false if it is not there.
    pub(crate) fn detach(&self, name: &str, key: &str) -> bool {
        let gone = self.live.lock().remove(&(name.to_owned(), key.to_owned()));
        gone.is_some()
    }

    /// Lets all widgets of a client go.
    pub(crate) fn forget(&self, client: &str) {
        let prefix = format!("{client}.");
        let mut live = self.live.lock();
        let (gone, kept) =
            std::mem::take(&mut *live).into_iter().partition(|it| it.0.1.starts_with(&prefix));
        *live = kept;
        drop(live);
        let gone: BTreeMap<_, _> = gone;
        drop(gone);
    }

    /// One widget, if it is there and keeps a `W`.
    pub(crate) fn get<W: Send + 'static>(&self, name: &str, key: &str) -> Option<WidgetRef<W>> {
        let live = self.live.lock().get(&(name.to_owned(), key.to_owned())).cloned();
        live?.any().downcast().ok().map(|it| *it)
    }

    /// All widgets of a name that keep a `W` and were made with what `is_meant` wants.
    pub(crate) fn all<W: Send + 'static>(
        &self,
        name: &str,
        is_meant: impl Fn(&Init) -> bool,
    ) -> Vec<WidgetRef<W>> {
        let live: Vec<_> = {
            let live = self.live.lock();
            let named = live.iter().filter(|it| it.0.0 == name && is_meant(it.1.init()));
            named.map(|it| it.1.clone()).collect()
        };
        live.iter().filter_map(|it| it.any().downcast().ok().map(|it| *it)).collect()
    }
}
