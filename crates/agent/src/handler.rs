//! What may handle a message: async functions, functions and closures, with or without context.

use std::future::Future;

use futures::future::{BoxFuture, FutureExt, ready};
use serde::Serialize;

use crate::{BoxError, Context, Outcome};

/// Handles messages of type `M` for an agent `A`.
///
/// Implemented by everything of these shapes, where `R` is an [`Outcome`]; the message comes
/// last and its type is taken from the handler:
///
/// - `async fn(&mut A, &Context<A>, M) -> R` and `async fn(&mut A, M) -> R`,
/// - `fn(&mut A, &Context<A>, M) -> R` and `fn(&mut A, M) -> R`,
/// - closures of the same shapes, such as `|bob: &mut Bob, text: String| bob.log.push(text)`.
///
/// The message is owned: for text it is `String`, not `&str`. `Shape` is found by the compiler.
///
/// An `async` closure that captures something is no `Fn`, so the language does not let it be
/// called twice; write `move |bob: &mut Bob, text: String| { ...; async move { ... } }`.
#[diagnostic::on_unimplemented(
    message = "this cannot handle messages for the agent `{A}`",
    label = "not a handler for `{A}`",
    note = "a handler is `async fn(&mut {A}, &Context<{A}>, M)`, the same without context or \
            without `async`, or a closure like `|it: &mut {A}, message: M| ...`",
    note = "`M` must be owned and implement serde's `Serialize` and `Deserialize`; the future \
            of an `async` handler must be `Send`"
)]
pub trait Handler<A, M, Shape>: Send + Sync + 'static {
    /// What a replier answers with it; other sockets ignore it.
    type Reply: Serialize + Send + 'static;

    /// Handles one message.
    fn handle<'a>(
        &self,
        agent: &'a mut A,
        cx: &'a Context<A>,
        message: M,
    ) -> BoxFuture<'a, Result<Self::Reply, BoxError>>;
}

/// Something an agent does without a message: the action of a timer.
///
/// Implemented by the shapes of a [`Handler`] without the message: `async fn(&mut A,
/// &Context<A>)`, `fn(&mut A)`, closures like `|it: &mut A| it.n += 1`, and so on.
#[diagnostic::on_unimplemented(
    message = "this cannot be done by the agent `{A}`",
    label = "not an action of `{A}`",
    note = "an action is `async fn(&mut {A}, &Context<{A}>)`, the same without context or \
            without `async`, or a closure like `|it: &mut {A}| ...`"
)]
pub trait Action<A, Shape>: Send + Sync + 'static {
    /// Does it once.
    fn act<'a>(&self, agent: &'a mut A, cx: &'a Context<A>) -> BoxFuture<'a, Result<(), BoxError>>;
}

/// The shapes a [`Handler`] or an [`Action`] may have. Nobody needs to write these down.
pub mod shape {
    use std::marker::PhantomData;

    /// An async function that takes the context.
    #[derive(Debug)]
    pub struct Async<R>(PhantomData<fn(R)>);

    /// An async function that takes no context.
    #[derive(Debug)]
    pub struct AsyncAlone<R>(PhantomData<fn(R)>);

    /// A function that takes the context.
    #[derive(Debug)]
    pub struct Plain<R>(PhantomData<fn(R)>);

    /// A function that takes no context.
    #[derive(Debug)]
    pub struct PlainAlone<R>(PhantomData<fn(R)>);
}

/// The async function behind a handler, seen with one lifetime: what `for<'a>` bounds need.
#[doc(hidden)]
pub trait AsyncCall<'a, Arguments>: Send + Sync + 'static {
    type Reply: Serialize + Send + 'static;

    fn call(&self, arguments: Arguments) -> BoxFuture<'a, Result<Self::Reply, BoxError>>;
}

macro_rules! async_call {
    ($($name:ident: $type:ty),* ; $($generic:ident),*) => {
        impl<'a, A: 'a $(, $generic)*, F, Fut> AsyncCall<'a, ($($type,)*)> for F
        where
            F: Fn($($type),*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'a,
            Fut::Output: Outcome,
        {
            type Reply = <Fut::Output as Outcome>::Reply;

            fn call(
                &self,
                ($($name,)*): ($($type,)*),
            ) -> BoxFuture<'a, Result<Self::Reply, BoxError>> {
                self($($name),*).map(Outcome::into_result).boxed()
            }
        }
    };
}

async_call!(agent: &'a mut A; );
async_call!(agent: &'a mut A, cx: &'a Context<A>; );

/// A message, so that `(agent, message)` and `(agent, context)` are different arguments.
#[doc(hidden)]
#[derive(Debug)]
pub struct Given<M>(M);

macro_rules! async_call_with {
    ($($name:ident: $type:ty),*) => {
        impl<'a, A: 'a, M, F, Fut> AsyncCall<'a, ($($type,)* Given<M>)> for F
        where
            F: Fn($($type,)* M) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'a,
            Fut::Output: Outcome,
        {
            type Reply = <Fut::Output as Outcome>::Reply;

            fn call(
                &self,
                ($($name,)* Given(message)): ($($type,)* Given<M>),
            ) -> BoxFuture<'a, Result<Self::Reply, BoxError>> {
                self($($name,)* message).map(Outcome::into_result).boxed()
            }
        }
    };
}

async_call_with!(agent: &'a mut A);
async_call_with!(agent: &'a mut A, cx: &'a Context<A>);

impl<A, M, R, H> Handler<A, M, shape::Async<R>> for H
where
    A: 'static,
    M: 'static,
    R: Serialize + Send + 'static,
    H: for<'a> AsyncCall<'a, (&'a mut A, &'a Context<A>, Given<M>), Reply = R>,
{
    type Reply = R;

    fn handle<'a>(
        &self,
        agent: &'a mut A,
        cx: &'a Context<A>,
        message: M,
    ) -> BoxFuture<'a, Result<R, BoxError>> {
        self.call((agent, cx, Given(message)))
    }
}

impl<A, M, R, H> Handler<A, M, shape::AsyncAlone<R>> for H
where
    A: 'static,
    M: 'static,
    R: Serialize + Send + 'static,
    H: for<'a> AsyncCall<'a, (&'a mut A, Given<M>), Reply = R>,
{
    type Reply = R;

    fn handle<'a>(
        &self,
        agent: &'a mut A,
        _cx: &'a Context<A>,
        message: M,
    ) -> BoxFuture<'a, Result<R, BoxError>> {
        self.call((agent, Given(message)))
    }
}

impl<A, M, R, H> Handler<A, M, shape::Plain<R>> for H
where
    R: Outcome,
    H: Fn(&mut A, &Context<A>, M) -> R + Send + Sync + 'static,
{
    type Reply = R::Reply;

    fn handle<'a>(
        &self,
        agent: &'a mut A,
        cx: &'a Context<A>,
        message: M,
    ) -> BoxFuture<'a, Result<R::Reply, BoxError>> {
        ready(self(agent, cx, message).into_result()).boxed()
    }
}

impl<A, M, R, H> Handler<A, M, shape::PlainAlone<R>> for H
where
    R: Outcome,
    H: Fn(&mut A, M) -> R + Send + Sync + 'static,
{
    type Reply = R::Reply;

    fn handle<'a>(
        &self,
        agent: &'a mut A,
        _cx: &'a Context<A>,
        message: M,
    ) -> BoxFuture<'a, Result<R::Reply, BoxError>> {
        ready(self(agent, message).into_result()).boxed()
    }
}

impl<A, H> Action<A, shape::Async<()>> for H
where
    A: 'static,
    H: for<'a> AsyncCall<'a, (&'a mut A, &'a Context<A>), Reply = ()>,
{
    fn act<'a>(&self, agent: &'a mut A, cx: &'a Context<A>) -> BoxFuture<'a, Result<(), BoxError>> {
        self.call((agent, cx))
    }
}

impl<A, H> Action<A, shape::AsyncAlone<()>> for H
where
    A: 'static,
    H: for<'a> AsyncCall<'a, (&'a mut A,), Reply = ()>,
{
    fn act<'a>(
        &self,
        agent: &'a mut A,
        _cx: &'a Context<A>,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        self.call((agent,))
    }
}

impl<A, R, H> Action<A, shape::Plain<R>> for H
where
    R: Outcome<Reply = ()>,
    H: Fn(&mut A, &Context<A>) -> R + Send + Sync + 'static,
{
    fn act<'a>(&self, agent: &'a mut A, cx: &'a Context<A>) -> BoxFuture<'a, Result<(), BoxError>> {
        ready(self(agent, cx).into_result()).boxed()
    }
}

impl<A, R, H> Action<A, shape::PlainAlone<R>> for H
where
    R: Outcome<Reply = ()>,
    H: Fn(&mut A) -> R + Send + Sync + 'static,
{
    fn act<'a>(
        &self,
        agent: &'a mut A,
        _cx: &'a Context<A>,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        ready(self(agent).into_result()).boxed()
    }
}
