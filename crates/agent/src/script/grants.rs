//! What scripts may do.

use std::fmt;

use gleis_script::{Grant, Limits};

/// Lets an agent be given [scripts](gleis_script) as methods: [`RunAgent::scripts`](crate::RunAgent::scripts).
///
/// Without more said a script may compute, and touch nothing. What an agent is given is told in its log
/// and to `tracing`, target `gleis::audit`, and so is what it refuses.
///
/// | granted by | in a script |
/// |---|---|
/// | [`attributes`](Self::attributes) | `get(name)`, `set(name, value)`: fields that the agent exposes, and free attributes |
/// | [`sockets`](Self::sockets) | `send(alias, message)`, `publish(alias, topic, message)`, by a codec that needs no types: `json`, `msgpack`, `raw` |
/// | [`log`](Self::log) | `log(text)`: a line of the agent's log |
///
/// What a script sets and sends takes effect once it has ended well, in its order; if it fails, nothing does.
#[derive(Clone, Default)]
pub struct Scripts {
    pub(super) attributes: bool,
    pub(super) key: Option<String>,
    pub(super) limits: Limits,
    pub(super) log: bool,
    pub(super) sockets: Vec<String>,
}

impl Scripts {
    /// Scripts that only compute.
    pub fn new() -> Self {
        Self::default()
    }

    /// They may read and write attributes.
    #[must_use]
    pub fn attributes(mut self) -> Self {
        self.attributes = true;
        self
    }

    /// Whoever is to define or remove scripts must know this key. By default all may who can call the agent.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What a call may use. It runs on the thread of the agent, so its time, 100 ms by default, is time in which
    /// others on this thread wait.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// They may log.
    #[must_use]
    pub fn log(mut self) -> Self {
        self.log = true;
        self
    }

    /// They may send on the sockets of these aliases.
    #[must_use]
    pub fn sockets<S: Into<String>>(mut self, aliases: impl IntoIterator<Item = S>) -> Self {
        self.sockets.extend(aliases.into_iter().map(Into::into));
        self
    }

    pub(super) fn grants(&self) -> Vec<Grant> {
        let all = [
            (self.attributes, Grant::new("get", 1)),
            (self.attributes, Grant::new("set", 2)),
            (self.log, Grant::new("log", 1)),
            (!self.sockets.is_empty(), Grant::new("publish", 3)),
            (!self.sockets.is_empty(), Grant::new("send", 2)),
        ];
        all.into_iter().filter(|it| it.0).map(|it| it.1).collect()
    }
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripts")
            .field("attributes", &self.attributes)
            .field("limits", &self.limits)
            .field("log", &self.log)
            .field("sockets", &self.sockets)
            .finish_non_exhaustive()
    }
}
