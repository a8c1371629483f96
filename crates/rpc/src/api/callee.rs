//! Whoever is called: a server, or a client that is called back.

use std::sync::Arc;

use gleis_core::Value;
use gleis_patterns::Asker;
use subtle::ConstantTimeEq;

use crate::api::builder::Hooks;
use crate::api::caller::Call;
use crate::api::kept::Kept;
use crate::api::running::{CANCEL, Failed, Running, within};
use crate::api::streams::{Back, NEXT, OPEN, Streams};
use crate::api::table::{Given, Table};
use crate::api::widgets::Widgets;
use crate::api::{CALL, Description, WIDGETS};
use crate::events::{About, Received};
use crate::message::Message;

/// What is called below a path.
pub(crate) struct Callee {
    /// Where calls arrive.
    pub(crate) call_path: String,
    pub(crate) hooks: Hooks,
    pub(crate) kept: Arc<Kept>,
    pub(crate) key: Option<String>,
    /// What it calls itself in errors.
    pub(crate) name: String,
    pub(crate) running: Running,
    pub(crate) streams: Arc<Streams>,
    pub(crate) table: Table<Call>,
    pub(crate) version: String,
    pub(crate) widgets: Widgets,
}

/// What a message says of a call that was made before.
pub(crate) enum Told {
    /// It is given up; false if there is none such.
    GivenUp(bool),
    /// Items of its stream are asked for.
    Pulled,
}

impl Callee {
    pub(crate) fn new(name: &str, path: &str) -> Self {
        let (call_path, name) = (below(path), name.to_owned());
        let (table, version, widgets) = (Table::new(), String::new(), Widgets::new());
        let (hooks, kept, running) = Default::default();
        let streams = Arc::new(Streams::new(OPEN));
        Self { call_path, hooks, kept, key: None, name, running, streams, table, version, widgets }
    }

    /// What it says of itself.
    pub(crate) fn describe(&self) -> Description {
        Description {
            gleis: env!("CARGO_PKG_VERSION").to_owned(),
            methods: self.table.describe(),
            name: self.name.clone(),
            version: self.version.clone(),
            widgets: self.widgets.describe(),
        }
    }

    /// Looks at the key, before anything else.
    pub(crate) fn admit(&self, message: &Message) -> Result<(), String> {
        let given = message.meta.get("auth").and_then(Value::as_str).unwrap_or_default();
        match self.admits(given) {
            true => Ok(()),
            false => Err("Authentication failed.".to_owned()),
        }
    }

    /// Whether the key is the right one, if one is asked for.
    pub(crate) fn admits(&self, given: &str) -> bool {
        // The time that it takes tells nothing of the key.
        let is_it = |key: &String| bool::from(key.as_bytes().ct_eq(given.as_bytes()));
        self.key.as_ref().is_none_or(is_it)
    }

    /// Whether a message is for it, and may be.
    pub(crate) fn is_called(&self, message: &Message) -> bool {
        message.path() == self.call_path && self.admit(message).is_ok()
    }

    /// What a message is about, if that is a call that was made before; whoever has no key says nothing of any.
    pub(crate) fn about(&self, message: &Message) -> Option<About> {
        match message.data.as_str()? {
            _ if !self.is_called(message) => None,
            // What hooks look at, they decide.
            CANCEL if self.hooks.are_there() => Some(About::Other),
            CANCEL => Some(About::GivesUp(message.args.first()?.as_str()?.to_owned())),
            NEXT => Some(About::Other),
            _ => None,
        }
    }

    /// Whether a message is about a call that was made before; one that is given up is, from here on.
    pub(crate) fn told(&self, message: &Message, asker: Option<&Asker>) -> Option<Told> {
        let told = match message.data.as_str()? {
            CANCEL => {
                let id = message.args.first().and_then(Value::as_str).unwrap_or_default();
                let was_there = self.running.give_up(asker, id) || self.streams.end(asker, id);
                Told::GivenUp(was_there)
            }
            NEXT => Told::Pulled,
            _ => return None,
        };
        Some(told)
    }

    /// Answers a request for items when there are some.
    pub(crate) async fn pulled(&self, received: Received) {
        let (asker, message) = (received.asker().cloned(), received.message.clone());
        let back = Back::Received(received);
        self.streams.pull(asker.as_ref(), &message, back, &self.hooks).await;
    }

    /// Works on a call, as long as somebody waits for it, and keeps its result if that is wanted.
    pub(crate) async fn work(
        &self,
        message: &Message,
        asker: Option<&Asker>,
        work: impl Future<Output = Result<Value, String>>,
    ) -> Result<Value, Failed> {
        let keeping = self.kept.begin(asker, message)?;
        let done = self.running.work((message.id(), asker), within(message), work).await;
        // What was given up leaves nothing.
        if let Some(keeping) = keeping.filter(|_| !matches!(done, Err(Failed::GivenUp))) {
            keeping.done(done.as_ref().cloned().map_err(|it| it.text().to_owned()));
        }
        done
    }

    /// Calls what the message names: a function, or one of a widget.
    pub(crate) async fn call(
        &self,
        message: &Message,
        asker: Option<&Asker>,
        call: Call,
    ) -> Result<Value, String> {
        let below = message.path().strip_prefix(&self.call_path);
        let called = match below {
            Some("") => self.table.call(call, message),
            Some(below) => {
                let widget = below.strip_prefix('.').and_then(|it| it.strip_prefix(WIDGETS));
                let widget = widget.and_then(|it| it.strip_prefix('.'));
                let widget = widget.ok_or_else(unknown_route)?;
                self.widgets.call(widget, message, call)?
            }
            None => return Err(unknown_route()),
        };
        match called {
            None => Err(self.not_exposed(message)),
            Some(called) => match called.await? {
                Given::Items(items) => self.streams.open(asker, message, items, self.hooks.clone()),
                Given::Value(value) => Ok(value),
            },
        }
    }

    pub(crate) fn not_exposed(&self, message: &Message) -> String {
        let name = message.data.as_str().unwrap_or_default();
        format!("action '{name}' not exposed on API ({})", self.name)
    }
}

/// Where calls below a path arrive.
pub(crate) fn below(path: &str) -> String {
    format!("{path}.{CALL}")
}

fn unknown_route() -> String {
    "Unknown call route".to_owned()
}
