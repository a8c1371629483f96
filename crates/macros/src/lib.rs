//! The macros of gleis: agents and their methods, and services.
//!
//! The macros know none of our crates. They find the one that defines agents by asking cargo for
//! `gleis-agent`, then for `gleis`, so a renamed dependency works too, and `gleis-rpc` alike. Use them
//! through `gleis::agent` or `gleis_agent`, and `gleis::rpc` or `gleis_rpc`; their documentation is there.

use proc_macro::TokenStream;
use quote::quote;
use syn::{ItemImpl, ItemTrait, parse_macro_input};

mod agent;
mod attribute;
mod docs;
mod hook;
mod marks;
mod method;
mod remote;
mod root;
mod service;
mod signature;
mod widget;

/// Makes an agent of a type: put it on the `impl` block with its hooks and methods.
///
/// - Functions named `on_init`, `before_loop`, `idle` and `on_stop` become the hooks of the
///   agent. They take `&mut self` and, if they want it, `cx: &Context<Self>`; they may be `async`
///   and may return `()` or a `Result`.
/// - Functions marked `#[method]` can be called from outside: by name through any proxy, and by
///   a typed function of the same name through `AgentRef<Self>`. The typed functions are the
///   trait `<Type>Calls` beside the block, which is seen as far as the farthest seen method;
///   import it where you call them. A method called like one of `AgentRef`'s own functions, such
///   as `send`, is reached as `<Type>Calls::send(&alice, ..)`. A method without `self` runs beside the agent's
///   work, at once, even while the agent is busy or has stopped; what it shares with the agent is what
///   `Context` gives: free attributes, sockets, timers. The trait `<Type>Tells` has the same functions for
///   `AgentRef::oneway`, which wait for no answer. An agent elsewhere has those of `<Type>Calls` too, through
///   `TypedProxy<Self>`, if serde writes all that they take and reads all that they return.
/// - All other functions stay what they are.
///
/// `#[agent(attributes(name, ..))]` lets others see and change these fields by name, through any proxy; their
/// types are those that serde reads and writes.
///
/// An empty block makes an agent without hooks and methods: `#[agent] impl Bob {}`.
#[proc_macro_attribute]
pub fn agent(args: TokenStream, item: TokenStream) -> TokenStream {
    let args = proc_macro2::TokenStream::from(args);
    let block = parse_macro_input!(item as ItemImpl);
    agent::expand(&args, block).into()
}

/// Marks a function of an `#[agent] impl` or `#[widget] impl` block as callable from outside.
///
/// Its arguments are owned types that serde reads; it returns nothing, a value that serde
/// writes, or a `Result` of one.
#[proc_macro_attribute]
pub fn method(_args: TokenStream, item: TokenStream) -> TokenStream {
    let text =
        "`#[method]` marks a function inside an `impl` block that has `#[agent]` or `#[widget]`";
    let item = proc_macro2::TokenStream::from(item);
    quote! {
        ::core::compile_error!(#text);
        #item
    }
    .into()
}

/// Makes a service of a trait: what implements it is exposed by a server as
/// `.service(<Trait>Service(it))`, and called by type through `<Trait>Client`; both are made beside it.
///
/// ```text
/// #[service]
/// trait Calculator {
///     /// Multiplies two numbers.
///     async fn multiply(&self, a: i64, #[default(2)] b: i64) -> i64;
///     async fn divide(&self, a: i64, b: i64) -> Result<i64, String>;
/// }
/// ```
///
/// - A function takes `&self`, then `call: &Call` if it wants to know who calls, then arguments of owned types
///   that serde reads and writes and that may be shared; callers give them in order or by name. One marked `#[default(..)]` may be left out,
///   as may an `Option`, which is `None` then.
/// - It returns a value that serde writes and reads, or a type whose name ends in `Result` of one, whose error
///   is told as text.
/// - One that returns `Streaming<T>`, or a `Result` of one, gives many values, and its caller gets a `Streaming<T>`.
/// - It is not called `new`, which makes the client, nor as something that servers answer themselves, such as
///   `describe`.
/// - `async` functions are implemented as such; their futures must be such as may be sent.
/// - `<Trait>Client::new` takes a `Client`, a `ClientRef` to call back, or a `RemoteWidget`, and has the same
///   functions, which give what they return or an `RpcError`.
/// - Names, types, defaults and documentation are what `describe` tells.
#[proc_macro_attribute]
pub fn service(args: TokenStream, item: TokenStream) -> TokenStream {
    let args = proc_macro2::TokenStream::from(args);
    let item = parse_macro_input!(item as ItemTrait);
    service::expand(&args, item).into()
}

/// Makes a kind of widget of a type: put it on the `impl` block with its methods.
///
/// - Functions marked `#[method]` can be called from the other side. They take `&self` or `&mut self`, the
///   state being locked meanwhile, or `widget: &WidgetRef<Self>`, if they wait for something or call the
///   widget on the other side; arguments and results are those of a [`macro@service`].
/// - A server or a client has such widgets with `.widget(name, Widget::of(make))`.
/// - `<Type>Client::new` takes the `RemoteWidget` that was attached, or the `WidgetRef`, to call the widget on
///   the other side by type.
#[proc_macro_attribute]
pub fn widget(args: TokenStream, item: TokenStream) -> TokenStream {
    let args = proc_macro2::TokenStream::from(args);
    let block = parse_macro_input!(item as ItemImpl);
    widget::expand(&args, block).into()
}
