//! Reads a stream that is elsewhere, ahead of whoever wants its items.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::FutureExt;
use futures::stream::Stream;
use gleis_core::Value;
use gleis_transport::TaskGuard;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::api::caller::ClientRef;
use crate::api::client::Shared;
use crate::api::running::CANCEL;
use crate::api::streaming::Streaming;
use crate::api::streams::{BYTES, Batch, CREDIT, MOST, NEXT, weight};
use crate::error::RpcError;
use crate::link::Link;
use crate::message::Message;

/// So many items are read ahead, if not said otherwise.
pub(crate) const AHEAD: usize = 64;

/// How often a stream is asked for of which nobody reads what came: well within its lease.
const STILL_HERE: Duration = Duration::from_secs(20);

/// The way to whoever has a stream.
#[derive(Clone)]
pub(crate) enum Way {
    Client(ClientRef),
    Server(Arc<Shared>, Link),
}

impl Way {
    async fn ask(&self, message: Message) -> Result<Value, RpcError> {
        match self {
            Self::Client(client) => client.ask(message).await,
            Self::Server(shared, link) => Ok(shared.ask(link, "", message).await?.data),
        }
    }

    /// Reads what a call has opened that was answered with `told`.
    pub(crate) fn read<T: DeserializeOwned + Send + 'static>(
        self,
        method: &str,
        told: Value,
        ahead: usize,
    ) -> Result<Streaming<T>, RpcError> {
        let Value::String(id) = told else {
            let (method, reason) = (method.to_owned(), "no stream".to_owned());
            return Err(RpcError::Answer { method, reason });
        };
        Ok(Streaming::read(method, Reading::new(self, id, ahead)))
    }

    /// Gives a call, or its stream, up.
    fn give_up(&self, id: &str) {
        let message = Message::new(CANCEL).arg(id);
        match self {
            Self::Client(client) => client.tell(message),
            Self::Server(shared, link) => shared.tell(link, message),
        }
    }
}

/// Makes of a call one of a method that gives a stream, if the other side knows such.
pub(crate) fn ask_for(
    mut message: Message,
    ahead: usize,
    knows: bool,
) -> Result<Message, RpcError> {
    if !knows {
        return Err(RpcError::Unable { what: "streams" });
    }
    message.meta.insert(CREDIT.to_owned(), Value::from(ahead as u64));
    Ok(message)
}

/// As many items as may be taken ahead.
pub(crate) fn allowed(ahead: usize) -> usize {
    ahead.clamp(1, MOST)
}

/// Items that came and were not read; a task asks for more while there is room.
struct Reading {
    _asking: TaskGuard,
    id: String,
    shelf: Arc<Shelf>,
    way: Way,
}

struct Shelf {
    ahead: usize,
    room: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    items: VecDeque<(Value, usize)>,
    /// Nothing comes any more.
    is_over: bool,
    /// Nothing comes any more, or an error, which was not read yet.
    last: Option<RpcError>,
    reader: Option<Waker>,
    weight: usize,
}

impl Reading {
    /// Reads what a call has opened.
    fn new(way: Way, id: String, ahead: usize) -> Self {
        let shelf =
            Arc::new(Shelf { ahead, room: Notify::new(), state: Mutex::new(State::default()) });
        let (asked, filled, named) = (way.clone(), shelf.clone(), id.clone());
        let _asking = TaskGuard::spawn(async move {
            // Hooks are code of the user's: if one panics, the reader hears of it.
            let fill = AssertUnwindSafe(filled.fill(&asked, &named)).catch_unwind();
            let panicked = |_| Err(RpcError::Unreachable { reason: "a hook panicked".to_owned() });
            let ended = fill.await.unwrap_or_else(panicked);
            if let Err(RpcError::TimedOut { .. } | RpcError::Answer { .. }) = &ended {
                asked.give_up(&named);
            }
            filled.end(ended);
        });
        Self { _asking, id, shelf, way }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Nobody should make what nobody reads.
        if !self.shelf.state.lock().is_over {
            self.way.give_up(&self.id);
        }
    }
}

impl Shelf {
    /// Asks for items until there are no more.
    async fn fill(&self, way: &Way, id: &str) -> Result<(), RpcError> {
        // The call has granted as many as are taken ahead.
        let mut granted = self.ahead;
        loop {
            let more = match timeout(STILL_HERE, self.has_room()).await {
                Ok(()) => Some(self.ahead.saturating_sub(self.len() + granted)),
                // Whoever does not read is still there.
                Err(_) => None,
            };
            granted += more.unwrap_or_default();
            let more = more.map_or(Value::Null, |it| Value::from(it as u64));
            let message = Message::new(NEXT).arg(id).arg(more);
            let Batch { items, over } = Batch::read(way.ask(message).await?)?;
            granted = granted.checked_sub(items.len()).ok_or_else(|| bad("more than asked for"))?;
            self.put(items);
            match over {
                Some(Ok(())) => return Ok(()),
                Some(Err(text)) => return Err(RpcError::Remote { text }),
                None => (),
            }
        }
    }

    fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    /// Waits until half of what is taken ahead was read.
    async fn has_room(&self) {
        while !self.state.lock().has_room(self.ahead) {
            self.room.notified().await;
        }
    }

    fn put(&self, items: Vec<Value>) {
        if items.is_empty() {
            return;
        }
        let items: Vec<_> = items.into_iter().map(|it| (weight(&it), it)).collect();
        let mut state = self.state.lock();
        state.weight += items.iter().map(|it| it.0).sum::<usize>();
        state.items.extend(items.into_iter().map(|(weight, it)| (it, weight)));
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn end(&self, how: Result<(), RpcError>) {
        let mut state = self.state.lock();
        (state.is_over, state.last) = (true, how.err());
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl State {
    fn has_room(&self, ahead: usize) -> bool {
        self.items.len() <= ahead / 2 && self.weight < BYTES
    }
}

impl Stream for Reading {
    type Item = Result<Value, RpcError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.shelf.state.lock();
        if let Some((value, weight)) = state.items.pop_front() {
            state.weight -= weight;
            let has_room = state.has_room(self.shelf.ahead);
            drop(state);
            if has_room {
                self.shelf.room.notify_one();
            }
            return Poll::Ready(Some(Ok(value)));
        }
        if state.is_over {
            return Poll::Ready(state.last.take().map(Err));
        }
        match &mut state.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            reader => *reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Batch {
    /// As whoever has the stream tells it.
    fn read(told: Value) -> Result<Self, RpcError> {
        let Value::Map(mut told) = told else {
            // Nobody answered: the stream went with whoever had it.
            return Err(RpcError::Unreachable { reason: "its stream is gone".to_owned() });
        };
        let Some(Value::List(items)) = told.remove("items") else {
            return Err(bad("no items"));
        };
        let over = match (told.remove("error"), told.remove("end")) {
            (Some(Value::String(text)), _) => Some(Err(text)),
            (_, Some(Value::Bool(true))) => Some(Ok(())),
            _ => None,
        };
        Ok(Self { items, over })
    }
}

fn bad(reason: &str) -> RpcError {
    RpcError::Answer { method: NEXT.to_owned(), reason: reason.to_owned() }
}
