//! Attributes and methods as others reach them: by name, between two pieces of the agent's work.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_core::Value;
use parking_lot::MutexGuard;
use tokio::time::timeout;

use super::{Functions, methods::value};
use crate::{
    Agent, AgentState, AttributeError, BoxError, CallError, Context, Fault, Method,
    caller::Failure,
    cell::{Asking, Cell},
    guarded::guarded,
    mailbox::Lane,
    method::{Answer, Source},
    text::{chain, instead},
};

impl<A: Agent> Cell<A> {
    /// Calls a method by name.
    pub(crate) async fn call_by_name(
        self: &Arc<Self>,
        name: String,
        arguments: Vec<Value>,
        how: Asking,
    ) -> Result<Value, CallError> {
        if let Some(method) = method::<A>(&name) {
            if method.is_beside() {
                return self.call_beside_by_name(method, arguments, how).await;
            }
            let ask = self.ask(method.name(), how, move |agent, cx, caller| {
                Box::pin(caller.settle(cx, async move {
                    let values = Source::Values(arguments.into_iter());
                    Ok::<_, Failure>(method.call(agent, cx, values).await.map(value)??)
                }))
            });
            return ask.await;
        }
        if let Some(method) = self.methods.find(&name) {
            let ask = self.ask(name, how, move |agent, cx, caller| {
                let called =
                    async move { Ok::<_, Failure>((method.call)(agent, cx, arguments).await??) };
                Box::pin(caller.settle(cx, called))
            });
            return ask.await;
        }
        Err(self.unknown_method(name))
    }

    async fn call_beside_by_name(
        self: &Arc<Self>,
        method: &'static Method<A>,
        arguments: Vec<Value>,
        how: Asking,
    ) -> Result<Value, CallError> {
        let cx = Context { cell: self.clone() };
        let called = method.call_beside(&cx, Source::Values(arguments.into_iter()));
        match called {
            Some(called) => self.beside(method.name(), how, called).await?,
            None => return Err(self.unknown_method(method.name().to_owned())),
        }
        .map(value)?
        .map_err(|error| self.failed(method.name(), Fault::error(&error)))
    }

    /// Runs something beside the agent's work; a panic harms nobody but who called.
    pub(crate) async fn beside<R>(
        &self,
        what: &str,
        how: Asking,
        work: impl Future<Output = R>,
    ) -> Result<R, CallError> {
        if *self.state.borrow() == AgentState::Gone {
            return Err(self.gone());
        }
        let work = guarded(work);
        let done = async {
            match how.caller.frame() {
                Some(caller) => caller.scope(work).await,
                None => work.await,
            }
        };
        match timeout(how.within, done).await {
            Ok(done) => done.map_err(|fault| self.failed(what, fault)),
            Err(_) => Err(self.too_late(what, how.within)),
        }
    }

    pub(crate) fn unknown_method(&self, method: String) -> CallError {
        let given = self.methods.names();
        let own = A::METHODS.iter().map(|it| -> &str { it.name() });
        let names = own.chain(given.iter().map(String::as_str));
        let (near, known) = instead(&method, names);
        CallError::UnknownMethod { agent: self.name.clone(), method, near, known }
    }

    /// The value of a field or of a free attribute.
    pub(crate) async fn get_by_name(&self, name: &str, how: Asking) -> Result<Value, CallError> {
        if let Some(field) = A::ATTRIBUTES.iter().find(|it| it.name() == name) {
            let ask = self.ask(format!("attribute `{name}`"), how, move |agent, cx, caller| {
                Box::pin(caller.settle(cx, async move {
                    let value = field.get(agent);
                    value.map_err(|it| CallError::value(field.name(), &it))
                }))
            });
            return ask.await;
        }
        self.attributes.get(name).ok_or_else(|| self.unknown_attribute(name))
    }

    fn unknown_attribute(&self, name: &str) -> CallError {
        let free = self.attributes.names();
        let fields = A::ATTRIBUTES.iter().map(|it| -> &str { it.name() });
        let (near, known) = instead(name, fields.chain(free.iter().map(String::as_str)));
        let (agent, attribute) = (self.name.clone(), name.to_owned());
        CallError::UnknownAttribute { agent, attribute, near, known }
    }

    /// Sets a field or a free attribute.
    pub(crate) async fn set_by_name(
        &self,
        name: &str,
        value: Value,
        how: Asking,
    ) -> Result<(), CallError> {
        let what = || format!("set `{name}`");
        let Some(field) = A::ATTRIBUTES.iter().find(|it| it.name() == name) else {
            let set = self.set_free(name, value);
            return set.map_err(|it| CallError::refused(&self.name, what(), &it));
        };
        let ask = self.ask(format!("attribute `{name}`"), how, move |agent, cx, caller| {
            Box::pin(caller.settle(cx, async move { Ok::<_, Failure>(field.set(agent, value)) }))
        });
        ask.await?.map_err(|it| CallError::refused(&self.name, what(), &it))
    }

    /// Sets a free attribute, at once.
    pub(crate) fn set_free(&self, name: &str, value: Value) -> Result<(), AttributeError> {
        let taken = |what| AttributeError::Taken { attribute: name.to_owned(), what };
        if A::ATTRIBUTES.iter().any(|it| it.name() == name) {
            return Err(taken("a field"));
        }
        if self.has_method(name) {
            return Err(taken("a method"));
        }
        self.attributes.set(name, value)
    }

    /// Whether something of this name can be called.
    pub(crate) fn has_method(&self, name: &str) -> bool {
        method::<A>(name).is_some() || self.methods.find(name).is_some()
    }

    /// Gives the agent one of its functions as a method.
    pub(crate) fn set_function(&self, method: &str, function: &str) -> Result<(), CallError> {
        let agent = || self.name.clone();
        let functions: MutexGuard<'_, Functions<A>> = self.functions.lock();
        let Some(found) = functions.get(function).cloned() else {
            let (near, known) = instead(function, functions.keys().map(String::as_str));
            let function = function.to_owned();
            return Err(CallError::UnknownFunction { agent: agent(), function, near, known });
        };
        drop(functions);
        let set = self.may_replace(method).and_then(|()| self.give(method, found));
        set.map_err(|it| CallError::refused(&self.name, format!("take a method `{method}`"), &it))
    }

    /// Has a method called when its turn comes, or at once if it takes no `self`, and waits no longer than until
    /// that is sure.
    pub(crate) async fn tell_by_name(
        self: &Arc<Self>,
        name: String,
        arguments: Vec<Value>,
        (within, lane): (Duration, Lane),
    ) -> Result<(), CallError> {
        if !self.has_method(&name) {
            return Err(self.unknown_method(name));
        }
        if let Some(method) = method::<A>(&name).filter(|it| it.is_beside()) {
            let cx = Context { cell: self.clone() };
            let work = async move {
                let called = method.call_beside(&cx, Source::Values(arguments.into_iter()));
                match called {
                    Some(called) => told(called.await),
                    None => Ok(()),
                }
            };
            return self.tell_beside(method.name(), within, work).await;
        }
        let what = name.clone().into();
        let tell = self.tell_work(what, (within, lane), move |agent, cx, caller| {
            let called = async move { call_here(agent, cx, &name, arguments).await };
            Box::pin(caller.answer(cx, called))
        });
        tell.await
    }
}

/// What came of a method that nobody waits for.
fn told(answer: Result<Answer, CallError>) -> Result<(), Fault> {
    let failed = |error: BoxError| Fault::error(&error);
    answer.map_err(|it| failed(it.into()))?.map(drop).map_err(failed)
}

/// Calls a method from the agent's own work.
pub(crate) fn call_here<'a, A: Agent>(
    agent: &'a mut A,
    cx: &'a Context<A>,
    name: &'a str,
    arguments: Vec<Value>,
) -> BoxFuture<'a, Result<(), BoxError>> {
    Box::pin(async move {
        if let Some(method) = method::<A>(name) {
            return method.call(agent, cx, Source::Values(arguments.into_iter())).await?.map(drop);
        }
        match cx.cell.methods.find(name) {
            Some(method) => {
                let done = (method.call)(agent, cx, arguments).await;
                match done.map_err(BoxError::from).and_then(|it| it) {
                    // What comes from elsewhere must not stop the agent.
                    Err(error) if method.script.is_some() => {
                        cx.log_warning(format!("the script `{name}` failed: {}", chain(&*error)));
                        Ok(())
                    }
                    done => done.map(drop),
                }
            }
            None => Err(cx.cell.unknown_method(name.to_owned()).into()),
        }
    })
}

/// The method of the agent's type that has this name.
pub(crate) fn method<A: Agent>(name: &str) -> Option<&'static Method<A>> {
    A::METHODS.iter().find(|it| it.name() == name)
}
