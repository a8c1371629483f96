//! Whoever is called: a server, or a client that is called back.

use gleis_core::Value;
use gleis_patterns::Asker;
use subtle::ConstantTimeEq;

use crate::api::caller::Call;
use crate::api::running::{CANCEL, Running};
use crate::api::table::Table;
use crate::api::widgets::Widgets;
use crate::api::{CALL, Description, WIDGETS};
use crate::message::Message;

/// What is called below a path.
pub(crate) struct Callee {
    pub(crate) key: Option<String>,
    /// What it calls itself in errors.
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) running: Running,
    pub(crate) table: Table<Call>,
    pub(crate) version: String,
    pub(crate) widgets: Widgets,
}

impl Callee {
    pub(crate) fn new(name: &str, path: &str) -> Self {
        let (name, path) = (name.to_owned(), path.to_owned());
        let (table, version, widgets) = (Table::new(), String::new(), Widgets::new());
        let running = Running::default();
        Self { key: None, name, path, running, table, version, widgets }
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

    /// Where calls arrive.
    pub(crate) fn call_path(&self) -> String {
        format!("{}.{CALL}", self.path)
    }

    /// Looks at the key, before anything else.
    pub(crate) fn admit(&self, message: &Message) -> Result<(), String> {
        let given = message.meta.get("auth").and_then(Value::as_str).unwrap_or_default();
        // The time that it takes tells nothing of the key.
        let is_it = |key: &String| bool::from(key.as_bytes().ct_eq(given.as_bytes()));
        match &self.key {
            Some(key) if !is_it(key) => Err("Authentication failed.".to_owned()),
            _ => Ok(()),
        }
    }

    /// Does what it is told about calls that were made before; `None` if it is told something else.
    pub(crate) fn told(
        &self,
        message: &Message,
        asker: Option<&Asker>,
    ) -> Option<Result<Value, String>> {
        match message.data.as_str()? {
            CANCEL => {
                let id = message.args.first().and_then(Value::as_str).unwrap_or_default();
                Some(Ok(Value::from(self.running.give_up(asker, id))))
            }
            _ => None,
        }
    }

    /// Calls what the message names: a function, or one of a widget.
    pub(crate) async fn call(&self, message: &Message, call: Call) -> Result<Value, String> {
        let below = message.path().strip_prefix(&self.call_path());
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
            Some(called) => called.await,
            None => Err(self.not_exposed(message)),
        }
    }

    pub(crate) fn not_exposed(&self, message: &Message) -> String {
        let name = message.data.as_str().unwrap_or_default();
        format!("action '{name}' not exposed on API ({})", self.name)
    }
}

fn unknown_route() -> String {
    "Unknown call route".to_owned()
}
