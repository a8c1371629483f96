//! Scripts of an agent anywhere.

use gleis_script::Script;

use super::Proxy;
use crate::{
    CallError, ScriptInfo,
    node::{Told, Want},
};

/// The scripts of an agent anywhere: what [`Proxy::scripts`] gives.
#[derive(Clone, Debug)]
pub struct ProxyScripts {
    proxy: Proxy,
    key: Option<String>,
}

impl Proxy {
    /// Scripts that the agent was given as methods, if it [takes any](crate::RunAgent::scripts).
    ///
    /// ```
    /// # async fn script(bob: gleis_agent::Proxy) -> gleis_agent::Result {
    /// bob.scripts().set("square", "|n| n * n").await?;
    /// assert_eq!(bob.call::<i64>("square", (12,)).await?, 144);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scripts(&self) -> ProxyScripts {
        ProxyScripts { proxy: self.clone(), key: None }
    }
}

impl ProxyScripts {
    /// What one must know to define and remove scripts, if the agent wants that.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Gives the agent a script as a method, in place of another one that it was given under this name; returns
    /// its version. It can be called, may be the handler of a socket, and what a timer does.
    ///
    /// # Errors
    /// [`CallError::Refused`]: the agent takes no scripts, or only from those who know the key, this is none, it
    /// is too large, or a method of the agent's type has the name. Otherwise see [`CallError`].
    pub async fn set(&self, method: &str, script: impl Into<Script>) -> Result<u64, CallError> {
        let (script, key) = (script.into().source().to_owned(), self.key.clone());
        let want = Want::SetScript { method: method.to_owned(), script, key };
        Ok(self.proxy.told(want, Told::count).await? as u64)
    }

    /// Takes a script away; false if there is none of this name.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub async fn remove(&self, method: &str) -> Result<bool, CallError> {
        let want = Want::RemoveScript { method: method.to_owned(), key: self.key.clone() };
        let removed = self.proxy.told(want, |told| match told {
            Told::Flag(was_there) => Ok(was_there),
            told => Err(told),
        });
        removed.await
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn list(&self) -> Result<Vec<ScriptInfo>, CallError> {
        let scripts = self.proxy.told(Want::Scripts, |told| match told {
            Told::Scripts(scripts) => Ok(scripts),
            told => Err(told),
        });
        scripts.await
    }

    /// The text of one.
    ///
    /// # Errors
    /// [`CallError::UnknownMethod`]; otherwise see [`CallError`].
    pub async fn source(&self, method: &str) -> Result<Script, CallError> {
        let source =
            self.proxy.told(Want::Script { method: method.to_owned() }, |told| match told {
                Told::Value(gleis_core::Value::String(text)) => Ok(Script::new(text)),
                told => Err(told),
            });
        source.await
    }
}
