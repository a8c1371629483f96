//! Answers what a server calls on a client.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use gleis_core::{Endpoint, Host, TcpAddress, Value};
use gleis_patterns::Asker;
use tokio::sync::oneshot;

use crate::api::back;
use crate::api::callee::Told;
use crate::api::caller::Call;
use crate::api::client::Shared;
use crate::api::running::Failed;
use crate::api::streams::{Back, weight};
use crate::error::{OpenError, RpcError};
use crate::events::{About, Received};
use crate::link::Link;
use crate::message::Message;
use crate::url::{Role, Url};

/// The wire that a server calls on.
pub(crate) const RESPONDER: &str = "responder";

/// So many calls of a server are worked on at once.
const AT_ONCE: usize = 64;
/// So many more wait for one of these places.
const WAITING: usize = 256;
/// So many bytes of them, more or less; one call may be larger.
const BYTES: usize = 16 << 20;
/// So many requests for items wait at once, and what else is said of calls that were made before.
const BESIDE: usize = 1_024;
/// How long an open request for calls may stay open.
const OPEN: Duration = Duration::from_secs(60);
/// How long after a failure the next one is made.
const AGAIN: Duration = Duration::from_millis(250);

/// Listens for calls; returns what servers are told of it.
pub(crate) async fn listen(link: &Link, url: Url) -> Result<Value, OpenError> {
    let is_everywhere = match &url.endpoint {
        Endpoint::Tcp(it) => match &it.host {
            Host::Any => true,
            Host::Ip(ip) => ip.is_unspecified(),
            Host::Name(_) => false,
        },
        _ => false,
    };
    let role = url.role;
    if role != Role::Rep {
        return Err(OpenError::Responder { role });
    }
    link.wire_listen(RESPONDER, url).await?;
    let bound = link.url(RESPONDER).map(|it| it.twin());
    let Some(mut bound) = bound else {
        return Ok(Value::Null);
    };
    if let (true, Endpoint::Tcp(it)) = (is_everywhere, &bound.endpoint) {
        // The server knows best where it comes from.
        let everywhere = std::net::IpAddr::from([0, 0, 0, 0]);
        bound.endpoint = Endpoint::Tcp(TcpAddress::new(everywhere, it.port));
    }
    let transport = bound.endpoint.scheme();
    let url = bound.to_string();
    let url = if transport == "tcp" { format!("{url}?transport=tcp") } else { url };
    Ok(Value::from(format!("connect->{url}")))
}

/// Answers a call that came on the wire for it.
pub(crate) async fn answer(shared: &Shared, received: Received) {
    let mut answer = match called(shared, &received.message, received.asker()).await {
        Ok(Done::Pulled) => return shared.callee.pulled(received).await,
        Ok(Done::GivenUp(was_there)) => Message::new(was_there),
        Ok(Done::Value(result)) => Message::new(result),
        Err(failed) => failed.answer(),
    };
    let id = shared.known_id().map_or(Value::Null, Value::from);
    answer.meta.insert("client".to_owned(), id);
    if let Err(error) = received.answer(answer).await {
        tracing::warn!(target: "gleis::rpc", %error, "a call of the server has no answer");
    }
}

/// What became of a call.
enum Done {
    GivenUp(bool),
    Pulled,
    Value(Value),
}

async fn called(shared: &Shared, message: &Message, asker: Option<&Asker>) -> Result<Done, Failed> {
    let callee = &shared.callee;
    callee.admit(message)?;
    shared.incoming(message)?;
    if message.path() == callee.call_path {
        match callee.told(message, asker) {
            Some(Told::GivenUp(was_there)) => return Ok(Done::GivenUp(was_there)),
            Some(Told::Pulled) => return Ok(Done::Pulled),
            None => (),
        }
    }
    let id = shared.known_id().unwrap_or_default();
    let called = pin!(async {
        let filled = callee.kept.fill(asker, message).await?;
        let message = filled.as_ref().unwrap_or(message);
        callee.call(message, asker, Call::new(None, id)).await
    });
    callee.work(message, asker, called).await.map(Done::Value)
}

/// Fetches calls from the server, and answers them, for ever.
pub(crate) async fn fetch(link: Link, shared: Arc<Shared>) {
    // What is said of calls that were made before takes no place among the calls, nor does whoever waits for
    // items keep anybody from being called.
    let (mut working, mut beside) = (FuturesUnordered::new(), FuturesUnordered::new());
    let mut queue = Queue::default();
    let mut next = Box::pin(next_call(&link, &shared));
    loop {
        if working.len() < AT_ONCE
            && let Some(call) = queue.take()
        {
            working.push(work(&link, &shared, call));
            continue;
        }
        tokio::select! {
            Some(()) = working.next(), if !working.is_empty() => (),
            Some(()) = beside.next(), if !beside.is_empty() => (),
            call = &mut next, if queue.has_room() && beside.len() < BESIDE => {
                match call {
                    Next::Call(call) => match shared.callee.about(&call) {
                        None => queue.put(call),
                        // Its server does not wait for it, nor for an answer to this.
                        Some(About::GivesUp(id)) if queue.remove(&id) => (),
                        Some(_) => beside.push(work(&link, &shared, call)),
                    },
                    Next::None => (),
                    Next::Never => return,
                }
                next = Box::pin(next_call(&link, &shared));
            },
        }
    }
}

/// Calls that wait for a place among those that are worked on, in the order in which they came.
#[derive(Default)]
struct Queue {
    calls: VecDeque<(Message, usize)>,
    weight: usize,
}

impl Queue {
    fn has_room(&self) -> bool {
        self.calls.len() < WAITING && self.weight < BYTES
    }

    fn put(&mut self, call: Message) {
        let weight = call.args.iter().chain(call.kwargs.values()).map(weight).sum();
        self.weight += weight;
        self.calls.push_back((call, weight));
    }

    fn take(&mut self) -> Option<Message> {
        let (call, weight) = self.calls.pop_front()?;
        self.weight -= weight;
        Some(call)
    }

    /// Takes the call of this id out; false if there is none.
    fn remove(&mut self, id: &str) -> bool {
        let at = self.calls.iter().position(|it| it.0.id() == id);
        let removed = at.and_then(|at| self.calls.remove(at));
        self.weight -= removed.as_ref().map_or(0, |it| it.1);
        removed.is_some()
    }
}

enum Next {
    Call(Message),
    /// The server calls nobody back.
    Never,
    None,
}

async fn next_call(link: &Link, shared: &Shared) -> Next {
    let patient = link.clone().within(OPEN);
    let fetched = async {
        shared.id(&patient).await?;
        shared.ask(&patient, "", Message::new("next_call")).await
    };
    match fetched.await {
        Ok(call) => back::read(call.data).map_or(Next::None, Next::Call),
        Err(RpcError::Closed) => Next::Never,
        Err(RpcError::Remote { text }) => {
            tracing::debug!(target: "gleis::rpc", text, "the server does not call back");
            Next::Never
        }
        Err(error) => {
            tracing::debug!(target: "gleis::rpc", %error, "no calls from the server for now");
            // Not synchronisation: waits before it is tried again.
            tokio::time::sleep(AGAIN).await;
            Next::None
        }
    }
}

async fn work(link: &Link, shared: &Shared, call: Message) {
    let called = AssertUnwindSafe(answered(shared, &call)).catch_unwind().await;
    let called = called.unwrap_or_else(|_| Err("the handler panicked".to_owned()));
    let (result, error) = match called {
        Ok(None) => return,
        Ok(Some(result)) => (result, Value::Null),
        Err(text) => (Value::Null, Value::from(text)),
    };
    let answer = |result, error| {
        let id = Value::from(call.id());
        Message { args: vec![id, result, error], ..Message::new("answer_call") }
    };
    let told = match shared.ask(link, "", answer(result, error)).await {
        // What cannot be told is an error that can.
        Err(RpcError::Message(error)) => {
            let text = Value::from(format!("the result cannot be told: {error}"));
            shared.ask(link, "", answer(Value::Null, text)).await
        }
        told => told,
    };
    if let Err(error) = told {
        tracing::debug!(target: "gleis::rpc", %error, "a call of the server has no answer");
    }
}

/// What a call that was fetched gives, if it wants an answer.
async fn answered(shared: &Shared, call: &Message) -> Result<Option<Value>, String> {
    match called(shared, call, None).await {
        // The server does not wait for it.
        Err(Failed::GivenUp | Failed::Late) | Ok(Done::GivenUp(_)) => Ok(None),
        Err(Failed::Said(text)) => Err(text),
        Ok(Done::Pulled) => {
            let (back, items) = oneshot::channel();
            let callee = &shared.callee;
            callee.streams.pull(None, call, Back::Fetched(back), &callee.hooks).await;
            let gone = |_| "there is no such stream any more".to_owned();
            items.await.map_err(gone)?.map(Some)
        }
        Ok(Done::Value(value)) => Ok(Some(value)),
    }
}
