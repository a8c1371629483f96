//! What handles messages: async closures, async functions, and async methods on a state.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Mutex, MutexGuard};

use crate::error::{BoxError, chain};

/// What handlers share: each of them has it alone while it runs.
///
/// Clones are the same state. A handler that panics leaves it as it is at that moment.
pub struct State<S>(Arc<Mutex<S>>);

impl<S> State<S> {
    /// A state that begins as `state`.
    pub fn new(state: S) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// The state, when no handler has it. Handlers wait until the guard is dropped.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn lock(&self) -> MutexGuard<'_, S> {
        self.0.lock().await
    }
}

impl<S> Clone for State<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> fmt::Debug for State<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

/// What a handler may return where a `T` is wanted: a `T`, or a `Result` of one with any error.
pub trait Outcome<T>: Send {
    /// The value, or why there is none.
    ///
    /// # Errors
    /// Whatever the handler returned.
    fn into_result(self) -> Result<T, BoxError>;
}

impl<T: Send> Outcome<T> for T {
    fn into_result(self) -> Result<T, BoxError> {
        Ok(self)
    }
}

impl<T: Send, E: Into<BoxError> + Send> Outcome<T> for Result<T, E> {
    fn into_result(self) -> Result<T, BoxError> {
        self.map_err(Into::into)
    }
}

/// An async method on a state: `async fn(&mut S, A) -> O`, or with two arguments, the tuple of which
/// is then `Arguments`. Implemented for every function of that shape; nobody needs to name it.
#[diagnostic::on_unimplemented(
    message = "this is no handler on the state `{S}`",
    label = "not an `async fn(&mut {S}, ..)`",
    note = "the arguments are owned, and the future has to be `Send`"
)]
pub trait Method<'a, S, Arguments>: Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    fn call(&self, state: &'a mut S, arguments: Arguments) -> BoxFuture<'a, Self::Output>;
}

impl<'a, S: 'a, A, F, Fut> Method<'a, S, (A,)> for F
where
    F: Fn(&'a mut S, A) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'a,
{
    type Output = Fut::Output;

    fn call(&self, state: &'a mut S, (a,): (A,)) -> BoxFuture<'a, Fut::Output> {
        self(state, a).boxed()
    }
}

impl<'a, S: 'a, A, B, F, Fut> Method<'a, S, (A, B)> for F
where
    F: Fn(&'a mut S, A, B) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'a,
{
    type Output = Fut::Output;

    fn call(&self, state: &'a mut S, (a, b): (A, B)) -> BoxFuture<'a, Fut::Output> {
        self(state, a, b).boxed()
    }
}

/// What a handler will have done.
pub(crate) type Doing<T> = BoxFuture<'static, Result<T, BoxError>>;

/// A handler whose type is forgotten.
pub(crate) type Handler<A, T> = Arc<dyn Fn(A) -> Doing<T> + Send + Sync>;

/// What a handler has begun.
pub(crate) async fn doing<T>(begun: impl Future<Output: Outcome<T>>) -> Result<T, BoxError> {
    begun.await.into_result()
}

/// A handler that is used once.
pub(crate) type Once<A> = Box<dyn FnOnce(A) -> Doing<()> + Send>;

pub(crate) fn closure<A, T: 'static, F, Fut>(handler: F) -> Handler<A, T>
where
    F: Fn(A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Outcome<T>> + Send + 'static,
{
    Arc::new(move |argument| handler(argument).map(Outcome::into_result).boxed())
}

pub(crate) fn once<A, F, Fut>(handler: F) -> Once<A>
where
    F: FnOnce(A) -> Fut + Send + 'static,
    Fut: Future<Output: Outcome<()>> + Send + 'static,
{
    Box::new(move |argument| handler(argument).map(Outcome::into_result).boxed())
}

/// A method on a state as a handler.
pub(crate) fn method<S, A, T, O, F>(state: &State<S>, method: F) -> Handler<A, T>
where
    S: Send + 'static,
    A: Send + 'static,
    T: 'static,
    O: Outcome<T> + 'static,
    F: for<'a> Method<'a, S, A, Output = O>,
{
    let (state, method) = (state.clone(), Arc::new(method));
    Arc::new(move |arguments| {
        let (state, method) = (state.clone(), method.clone());
        Box::pin(async move {
            let mut state = state.0.lock().await;
            method.call(&mut state, arguments).await.into_result()
        })
    })
}

/// Has a handler do its work; a panic is an error, in words.
pub(crate) async fn guarded<T, Fut>(begin: impl FnOnce() -> Fut) -> Result<T, String>
where
    Fut: Future<Output = Result<T, BoxError>>,
{
    // The panic may come before there is a future.
    let doing = async move { begin().await.map_err(|it| chain(&*it)) };
    AssertUnwindSafe(doing).catch_unwind().await.unwrap_or_else(|it| Err(panicked(&*it)))
}

/// What code of the user's says at once; a panic is an error, in words.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|it| Err(panicked(&*it)))
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    format!("panicked: {}", words(panic))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}
