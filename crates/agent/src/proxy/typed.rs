//! An agent anywhere, by name and by type.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use gleis_core::{Name, Value, ValueError};

use super::Proxy;
use crate::{
    __private::Read,
    CallError,
    node::{Told, Want},
};

/// An agent in any process, by name, which is believed to be of this type.
///
/// `#[agent]` adds a function for each `#[method]` (trait `<Type>Calls`), if serde writes all that they take and
/// reads all that they return. If the agent is of another type, a method may be unknown or take other arguments,
/// which is an error of the call.
pub struct TypedProxy<A> {
    proxy: Proxy,
    // It has no agent, and may be sent wherever its proxy may be.
    kind: PhantomData<fn() -> A>,
}

impl Proxy {
    /// The same agent, to be called by type.
    pub fn typed<A>(&self) -> TypedProxy<A> {
        TypedProxy { proxy: self.clone(), kind: PhantomData }
    }
}

impl<A> TypedProxy<A> {
    /// The name of the agent.
    pub fn name(&self) -> &Name {
        self.proxy.name()
    }

    /// The same agent without a type: for everything but calls.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The same agent, with another deadline for calls; 10 s by default.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        self.proxy.within(timeout).typed()
    }

    /// The same agent, for what must not wait for its turn: see [`AgentRef::urgent`](crate::AgentRef::urgent).
    #[must_use]
    pub fn urgent(&self) -> Self {
        self.proxy.urgent().typed()
    }

    /// Calls a method with arguments that were written: what the functions made by `#[agent]` do.
    ///
    /// # Errors
    /// [`CallError`]: no such method, other arguments, no answer in time, or it failed.
    pub fn call_written<R: Read>(
        &self,
        method: &'static str,
        arguments: Vec<Result<Value, ValueError>>,
    ) -> impl Future<Output = Result<R, CallError>> + Send {
        let arguments: Result<Vec<_>, _> = arguments.into_iter().collect();
        let proxy = self.proxy.clone();
        async move {
            let arguments = arguments.map_err(|it| CallError::value("the arguments", &it))?;
            let want = Want::Call { method: method.to_owned(), arguments };
            let value = proxy.told(want, |told| match told {
                Told::Value(value) => Ok(value),
                told => Err(told),
            });
            R::read(value.await?).map_err(|it| CallError::answer::<R>(method, &it))
        }
    }
}

impl<A> Clone for TypedProxy<A> {
    fn clone(&self) -> Self {
        self.proxy.typed()
    }
}

impl<A> fmt::Debug for TypedProxy<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedProxy").field(&self.proxy).finish()
    }
}
