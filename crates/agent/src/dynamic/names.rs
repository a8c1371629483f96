//! Setting attributes and methods from inside the agent.

use gleis_core::{Value, from_value, to_value};
use serde::{Serialize, de::DeserializeOwned};

use super::{MethodInfo, dynamic, methods::LIMIT};
use crate::{Agent, AttributeError, Context, Handler, MethodError, text::instead};

impl<A: Agent> Context<A> {
    /// The value of a free attribute. The fields of the agent are its own: see `#[agent(attributes(..))]`
    /// for those that others may see.
    ///
    /// # Errors
    /// [`AttributeError`]: there is none, or it is no `T`.
    pub fn get_attr<T: DeserializeOwned>(&self, name: &str) -> Result<T, AttributeError> {
        let Some(value) = self.cell.attributes.get(name) else {
            let names = self.cell.attributes.names();
            let (near, known) = instead(name, names.iter().map(String::as_str));
            return Err(AttributeError::Unknown { attribute: name.to_owned(), near, known });
        };
        from_value(value).map_err(|it| AttributeError::value(name, &it))
    }

    /// Sets a free attribute: a value by name that others may see and change too.
    ///
    /// # Errors
    /// [`AttributeError`]: the name is that of a field or of a method, there are too many, or the value
    /// cannot be kept.
    pub fn set_attr(&self, name: &str, value: impl Serialize) -> Result<(), AttributeError> {
        let value = to_value(&value).map_err(|it| AttributeError::value(name, &it))?;
        self.cell.set_free(name, value)
    }

    /// The names of all attributes: the fields that others may see, and the free ones.
    pub fn attrs(&self) -> Vec<String> {
        let fields = A::ATTRIBUTES.iter().map(|it| it.name().to_owned());
        fields.chain(self.cell.attributes.names()).collect()
    }

    /// Gives the agent a method that can be called by name from now on, and may be the
    /// [handler](crate::Bind::method) of a socket. It replaces one that was given under the same name.
    ///
    /// The message of the handler is the one argument of the method, or a tuple of them.
    ///
    /// ```
    /// # use gleis_agent::*;
    /// # struct Bob { n: i64 }
    /// # impl Agent for Bob {}
    /// # fn init(cx: &Context<Bob>) -> Result {
    /// cx.set_method("square", |_: &mut Bob, n: i64| n * n)?;
    /// cx.set_method("add", |bob: &mut Bob, (a, b): (i64, i64)| bob.n += a + b)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`MethodError`]: the agent's type has a method of this name, or it was given too many.
    pub fn set_method<M, S>(
        &self,
        name: &str,
        handler: impl Handler<A, M, S>,
    ) -> Result<(), MethodError>
    where
        M: DeserializeOwned + Send + 'static,
        S: 'static,
    {
        self.cell.give(name, dynamic(name, handler))
    }

    /// Lets others give the agent this function as a method by [name](crate::Proxy::set_method), also from other
    /// processes, which cannot send code; it replaces one of the same name. A process that runs an agent has
    /// those of its `on_init` alone.
    ///
    /// # Errors
    /// [`MethodError::TooMany`].
    pub fn function<M, S>(
        &self,
        name: &str,
        function: impl Handler<A, M, S>,
    ) -> Result<(), MethodError>
    where
        M: DeserializeOwned + Send + 'static,
        S: 'static,
    {
        let mut functions = self.cell.functions.lock();
        if LIMIT <= functions.len() && !functions.contains_key(name) {
            return Err(MethodError::TooMany { limit: LIMIT });
        }
        let old = functions.insert(name.to_owned(), dynamic(name, function));
        drop(functions);
        // What it captured may run code when it is dropped: not under the lock.
        drop(old);
        Ok(())
    }

    /// Takes a method away that the agent was given; false if there is none.
    pub fn remove_method(&self, name: &str) -> bool {
        self.cell.take_away(name)
    }

    /// As [`set_method`](Self::set_method), of a script, whatever key others need for that; its version.
    ///
    /// # Errors
    /// [`MethodError`]: the agent [takes no scripts](crate::RunAgent::scripts), this is none, or it was given
    /// too many.
    #[cfg(feature = "script")]
    pub fn set_script(
        &self,
        name: &str,
        script: impl Into<crate::Script>,
    ) -> Result<u64, MethodError> {
        self.cell.define_own(name, script.into())
    }

    /// The scripts that the agent was given.
    #[cfg(feature = "script")]
    pub fn scripts(&self) -> Vec<crate::ScriptInfo> {
        self.cell.scripts()
    }

    /// All methods: those of the agent's type, and those it was given.
    pub fn methods(&self) -> Vec<MethodInfo> {
        let own = A::METHODS.iter().map(|it| MethodInfo {
            name: it.name().to_owned(),
            parameters: Some(it.parameters()),
            docs: it.docs().to_owned(),
        });
        let given = self.cell.methods.list().into_iter();
        let given =
            given.map(|(name, parameters)| MethodInfo { name, parameters, docs: String::new() });
        own.chain(given).collect()
    }
}

/// The value of what a program gives an attribute at the start.
pub(crate) fn initial(name: &str, value: impl Serialize) -> Result<Value, AttributeError> {
    to_value(&value).map_err(|it| AttributeError::value(name, &it))
}
