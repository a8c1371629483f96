//! Calls of the shape that most have, as quick as they can be: from their text to that of their answer.
//!
//! Whatever has anything to say or to do besides is done elsewhere, as a message. What is done here comes to
//! the same.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gleis_core::{Path, Value};
use gleis_patterns::ReplyHandle;

use crate::api::ANYONE;
use crate::api::begun;
use crate::api::caller;
use crate::api::client::{Client, Shared};
use crate::api::desk::{Desk, OWN};
use crate::api::running::{self, CANCEL, GiveUp};
use crate::api::table::{Called, Given, tuple};
use crate::brief::{self, Beginning, Call};
use crate::error::RpcError;
use crate::events::{About, Served};
use crate::link::Wire;
use crate::message::{Message, MessageError, next_id};

/// A client that calls so.
pub(crate) struct Quick<'a> {
    beginning: &'a Beginning,
    client: &'a Client,
    wire: Arc<Wire>,
}

impl Client {
    /// How a call with these arguments is made quickly; it has asked its server who it is.
    pub(crate) fn quick(&self, args: &[Value]) -> Option<Quick<'_>> {
        let beginning = self.shared.beginning.get_or_init(|| self.shared.begin()).as_ref()?;
        if args.iter().any(|it| begun::id_of(it).is_some()) {
            return None;
        }
        Some(Quick { beginning, client: self, wire: self.link.asking()? })
    }
}

impl Shared {
    /// What calls begin with, if nobody looks at them or changes them.
    fn begin(&self) -> Option<Beginning> {
        let path = &self.callee.call_path;
        let is_path = Path::new(path).is_ok_and(|it| it.as_str() == path);
        if !is_path || self.api_error.is_some() || self.callee.hooks.are_there() {
            return None;
        }
        let mut said = BTreeMap::new();
        self.say(&mut said, path);
        Beginning::new(&said).ok()
    }
}

impl Quick<'_> {
    /// As a call that is a message.
    pub(crate) async fn call(&self, method: &str, args: &[Value]) -> Result<Value, RpcError> {
        let Self { beginning, client, wire } = self;
        let (shared, link) = (&client.shared, &client.link);
        let (id, within) = (next_id(), running::at_most(link.within));
        let path = &shared.callee.call_path;
        if within.is_zero() {
            return Err(RpcError::TimedOut { what: format!("send({path})"), within });
        }
        let text = beginning.call(id, running::millis(within), method, args)?;
        let tell = || shared.tell(link, Message::new(CANCEL).arg(id.to_string()));
        let given_up = GiveUp::new(shared.knows().cancel, tell);
        given_up.unless(pin!(link.ask_briefly(wire, path, (id, text), within))).await
    }
}

/// A call to a server.
struct Asked {
    args: Value,
    called: Called<caller::Call>,
    id: String,
    within: Option<Duration>,
}

impl Served for Desk {
    fn about(&self, message: &Message) -> Option<About> {
        let is_of_client = || {
            let is_it = matches!(message.data.as_str(), Some("answer_call" | "next_call"));
            // Calls that wait for a client hear of it by these.
            is_it && self.clients.is_some() && self.callee.is_called(message)
        };
        self.callee.about(message).or_else(|| is_of_client().then_some(About::Other))
    }

    fn work(
        self: Arc<Self>,
        text: &[u8],
        reply: ReplyHandle<Bytes>,
    ) -> Result<BoxFuture<'static, ()>, ReplyHandle<Bytes>> {
        match self.asked(text) {
            Some(asked) => Ok(asked.answer(self, reply).boxed()),
            None => Err(reply),
        }
    }
}

impl Served for Shared {
    fn about(&self, message: &Message) -> Option<About> {
        self.callee.about(message)
    }

    fn work(
        self: Arc<Self>,
        _text: &[u8],
        reply: ReplyHandle<Bytes>,
    ) -> Result<BoxFuture<'static, ()>, ReplyHandle<Bytes>> {
        Err(reply)
    }
}

impl Desk {
    /// The call that this is, if it is one of a function that is exposed, and nobody looks at it or changes
    /// its answer.
    fn asked(&self, text: &[u8]) -> Option<Asked> {
        let callee = &self.callee;
        if !self.is_quick {
            return None;
        }
        let Call { args, auth, id, name, path, within } = Call::read(text)?;
        let is_meant = callee.admits(auth) && path == callee.call_path && !id.is_empty();
        if !is_meant || OWN.contains(&name) {
            return None;
        }
        let called = callee.table.plain(name, args.len())?.clone();
        Some(Asked { args: tuple(args), called, id: id.to_owned(), within })
    }
}

impl Asked {
    async fn answer(self, desk: Arc<Desk>, reply: ReplyHandle<Bytes>) {
        let Self { args, called, id, within } = self;
        let asker = reply.asker();
        // Pinned here: whatever takes a future by value holds it twice.
        let work = pin!(async { called(caller::Call::new(None, ANYONE), args).await });
        let done = desk.callee.running.work((&id, asker.as_ref()), within, work);
        let text = match AssertUnwindSafe(done).catch_unwind().await {
            Ok(Ok(Given::Value(result))) => brief::answer(&id, &result).map(Bytes::from),
            // No function that gives them is called here.
            Ok(Ok(Given::Items(_))) => error("it gives a stream: call it as one", &id),
            Ok(Err(failed)) => failed.answer().answering(&id).write(None),
            Err(_) => {
                let name = &desk.callee.call_path;
                tracing::error!(target: "gleis::rpc", event = %format_args!("receive_{name}"), "a handler panicked");
                error("the handler panicked", &id)
            }
        };
        let text = text.or_else(|it| error(&format!("the result cannot be told: {it}"), &id));
        // An error always can be written.
        if let Err(error) = reply.send(text.unwrap_or_default()).await {
            tracing::warn!(target: "gleis::rpc", %error, "a call has no answer");
        }
    }
}

fn error(text: &str, id: &str) -> Result<Bytes, MessageError> {
    Message::error(text).answering(id).write(None)
}
