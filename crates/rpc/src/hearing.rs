//! What a wire does with what arrives on it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, join};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, poll};
use gleis_core::Value;
use gleis_patterns::ReplyHandle;
use tokio::sync::mpsc;

use crate::connection::{Came, Connection};
use crate::events::{About, Events, Received, Unanswered, fire};
use crate::message::{GIVEN_UP, Message, MessageError};
use crate::url::Role;

/// So many requests of one wire are handled at once.
const AT_ONCE: usize = 256;
/// So many more wait for one of these places.
const WAITING: usize = 1_024;
/// So many bytes of them; one request may be larger.
const BYTES: usize = 16 << 20;

/// Whose events are fired, and for what.
pub(crate) struct Hearing {
    connection: Arc<Connection>,
    link: Arc<Events>,
    wire: Arc<Events>,
    name: Arc<str>,
    /// Where requests go that nobody answers.
    back: mpsc::Sender<Unanswered>,
}

/// A request for which there is no place yet.
struct Waiting {
    id: String,
    reply: ReplyHandle<Bytes>,
    text: Bytes,
}

/// The requests that wait for a place, in the order in which they came.
#[derive(Default)]
struct Queue {
    n_bytes: usize,
    requests: VecDeque<Waiting>,
}

/// Fires events for what arrives.
///
/// What is said of calls that were made before takes no place among the requests: it might set places free.
pub(crate) async fn hear(
    connection: Arc<Connection>,
    link: Arc<Events>,
    wire: Arc<Events>,
    name: Arc<str>,
) {
    let (back, mut unanswered) = mpsc::channel(AT_ONCE);
    // Others than requests are handled in order.
    let most = if connection.url.role == Role::Rep { AT_ONCE } else { 1 };
    let this = Hearing { connection, link, wire, name, back };
    let (mut handling, mut beside) = (FuturesUnordered::new(), FuturesUnordered::new());
    let mut queue = Queue::default();
    loop {
        let has_place = handling.len() < most;
        if has_place && let Some(Waiting { reply, text, .. }) = queue.take() {
            begin(&mut handling, this.work(&text, Some(reply))).await;
            continue;
        }
        let has_room =
            if most == 1 { has_place } else { beside.len() < AT_ONCE && queue.has_room() };
        tokio::select! {
            biased;
            Some(Unanswered { reply }) = unanswered.recv(), if beside.len() < AT_ONCE => {
                begin(&mut beside, say(reply, Message::new(Value::Null)).boxed()).await;
            }
            Some(()) = handling.next(), if !handling.is_empty() => (),
            Some(()) = beside.next(), if !beside.is_empty() => (),
            came = this.connection.recv(), if has_room => match came {
                None => return,
                Some(Came { text, reply }) if has_place => {
                    begin(&mut handling, this.work(&text, reply)).await;
                }
                Some(Came { text, reply }) => {
                    if let Some(work) = this.put_off(&mut queue, &text, reply) {
                        begin(&mut beside, work).await;
                    }
                }
            },
        }
    }
}

/// Most is done at once, and needs no place.
async fn begin<'a>(working: &mut FuturesUnordered<BoxFuture<'a, ()>>, mut work: BoxFuture<'a, ()>) {
    if poll!(&mut work).is_pending() {
        working.push(work);
    }
}

impl Hearing {
    /// Handles what came.
    fn work<'a>(&'a self, text: &[u8], mut reply: Option<ReplyHandle<Bytes>>) -> BoxFuture<'a, ()> {
        let topic = self.connection.topic();
        if topic.is_none()
            && !self.wire.are_heard()
            && let Some(served) = self.link.alone()
            && let Some(answer) = reply.take()
        {
            match served.work(text, answer) {
                Ok(work) => return work,
                Err(back) => reply = Some(back),
            }
        }
        match Message::read(text, topic) {
            Ok(message) => self.fire(message, reply),
            Err(error) => self.refuse(&error, reply),
        }
    }

    fn fire(&self, message: Message, reply: Option<ReplyHandle<Bytes>>) -> BoxFuture<'_, ()> {
        let received = Received::new(message, &self.name, reply, &self.back);
        fire(&self.link, &self.wire, received).boxed()
    }

    /// Answers what is no message.
    fn refuse(
        &self,
        error: &MessageError,
        reply: Option<ReplyHandle<Bytes>>,
    ) -> BoxFuture<'static, ()> {
        tracing::warn!(target: "gleis::rpc", wire = %self.name, %error, "dropped what is no message");
        match reply {
            Some(reply) => say(reply, Message::error(format!("invalid message: {error}"))).boxed(),
            None => std::future::ready(()).boxed(),
        }
    }

    /// Has a request wait for a place, unless it needs none.
    fn put_off(
        &self,
        queue: &mut Queue,
        text: &[u8],
        reply: Option<ReplyHandle<Bytes>>,
    ) -> Option<BoxFuture<'_, ()>> {
        let reply = reply?;
        let message = match Message::read(text, self.connection.topic()) {
            Ok(message) => message,
            Err(error) => return Some(self.refuse(&error, Some(reply))),
        };
        let Some(about) = self.link.about(&message).or_else(|| self.wire.about(&message)) else {
            queue.put(message.id(), text, reply);
            return None;
        };
        let given_up = match about {
            About::GivesUp(id) => queue.remove(&id, &reply),
            About::Other => None,
        };
        let Some(Waiting { id, reply: its_own, .. }) = given_up else {
            return Some(self.fire(message, Some(reply)));
        };
        let told = say(reply, Message::new(true).answering(message.id()));
        let given_up = say(its_own, Message::error(GIVEN_UP).answering(&id));
        Some(join(told, given_up).map(drop).boxed())
    }
}

impl Queue {
    fn has_room(&self) -> bool {
        self.requests.len() < WAITING && self.n_bytes < BYTES
    }

    fn put(&mut self, id: &str, text: &[u8], reply: ReplyHandle<Bytes>) {
        self.n_bytes += text.len();
        // A copy: what waits should not keep all that was read with it.
        let (id, text) = (id.to_owned(), Bytes::copy_from_slice(text));
        self.requests.push_back(Waiting { id, reply, text });
    }

    fn take(&mut self) -> Option<Waiting> {
        let request = self.requests.pop_front()?;
        self.n_bytes -= request.text.len();
        Some(request)
    }

    /// Takes the request of this id that came from where `reply` goes.
    fn remove(&mut self, id: &str, reply: &ReplyHandle<Bytes>) -> Option<Waiting> {
        let is_it = |it: &Waiting| it.id == id && it.reply.asker() == reply.asker();
        let at = self.requests.iter().position(is_it)?;
        let request = self.requests.remove(at)?;
        self.n_bytes -= request.text.len();
        Some(request)
    }
}

/// Answers; whoever asked may be gone.
async fn say(reply: ReplyHandle<Bytes>, message: Message) {
    // What is said here always can be written.
    let text = message.write(None).unwrap_or_default();
    let _ = reply.send(text).await;
}
