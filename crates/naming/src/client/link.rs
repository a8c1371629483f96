//! The connection to the server: what waits for answers, and what must survive its loss.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use gleis_core::{CorrelationId, Correlator, Endpoint, Name};
use gleis_transport::{CloseReason, Connection, Inbound, Message, Receiver, Sender};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::client::mirror::Mirror;
use crate::client::request::Lost;
use crate::client::wish::Wish;
use crate::protocol::{self, NEWS_ID, News, Refusal, Reply, Request};
use crate::{NamingError, Record, Watch};

/// How many requests may wait for an answer.
pub(super) const IN_FLIGHT: usize = 1_024;

/// How many names are registered again at a time after a reconnect.
const RENEWALS: usize = 64;

/// Which connection: counts from one.
pub(super) type Epoch = u64;

/// What outlives single connections.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) endpoint: Endpoint,
    pub(super) mirror: Mirror,
    pub(super) request_timeout: Duration,
    pub(super) state: Mutex<State>,
    /// Held while a connection is served: the next one waits until the old one is gone.
    turn: tokio::sync::Mutex<()>,
    pub(super) up: watch::Sender<Up>,
    wants_news: AtomicBool,
    watching: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
pub(super) struct State {
    epoch: Epoch,
    /// The names that are ours or about to be.
    pub(super) mine: BTreeMap<Name, Mine>,
    pub(super) pending: Correlator<oneshot::Sender<Reply>>,
    /// The server has said that it closes.
    is_closing: bool,
}

/// A name of ours.
#[derive(Debug)]
pub(super) struct Mine {
    pub(super) is_leaving: bool,
    pub(super) record: Record,
}

/// Whether requests can be sent.
#[derive(Clone, Debug)]
pub(super) enum Up {
    /// The server has closed.
    Closed,
    /// Not at present.
    Down,
    /// They can, on this connection.
    Ready(Epoch, Sender),
}

impl Link {
    pub(super) fn new(endpoint: Endpoint, request_timeout: Duration) -> Self {
        let state = State {
            epoch: 0,
            is_closing: false,
            mine: BTreeMap::new(),
            pending: Correlator::new(IN_FLIGHT),
        };
        Self {
            endpoint,
            mirror: Mirror::new(),
            request_timeout,
            state: Mutex::new(state),
            turn: tokio::sync::Mutex::default(),
            up: watch::Sender::new(Up::Down),
            wants_news: AtomicBool::new(false),
            watching: tokio::sync::Mutex::default(),
        }
    }

    /// Waits until requests can be sent.
    pub(super) async fn wait_ready(&self) {
        let mut up = self.up.subscribe();
        // The sender is in `self`.
        let _ = up.wait_for(|it| matches!(it, Up::Ready(..))).await;
    }

    /// A watch on the copy; the first one makes the server send news, from then on for good.
    pub(super) async fn watch(&self) -> Result<Watch, NamingError> {
        let _one_at_a_time = self.watching.lock().await;
        if matches!(*self.up.borrow(), Up::Closed) {
            return Err(NamingError::Closed);
        }
        if self.wants_news.load(Ordering::Relaxed) {
            return self.mirror.table.watch();
        }
        let watch = self.mirror.table.watch()?;
        let wish = Wish::new(&self.wants_news);
        match self.request(&Request::Watch).await? {
            Reply::Done => {
                wish.keep();
                Ok(watch)
            }
            Reply::Refused { why } => Err(why.into_naming(None)),
            other => Err(protocol::unexpected(&other)),
        }
    }

    /// A new connection takes the place of the old one.
    fn begin(&self) {
        let mut state = self.state.lock();
        let lost = self.lose(&mut state);
        state.epoch += 1;
        state.is_closing = false;
        self.up.send_replace(Up::Down);
        self.mirror.table.reopen();
        self.mirror.begin();
        drop(state);
        drop(lost);
    }

    /// Serves a connection to its end.
    pub(super) async fn run(self: Arc<Self>, connection: Connection) {
        // A task that was aborted may still be at work: its news must not pass for ours.
        let _turn = self.turn.lock().await;
        self.begin();
        let (sender, receiver) = connection.split();
        let restored = async {
            if let Err(reason) = self.restore(&sender).await {
                sender.abort(CloseReason::Refused(reason.into()));
                return;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            reason = self.read(receiver) => {
                tracing::debug!(target: "gleis::naming", endpoint = %self.endpoint, %reason, "name server lost");
            }
            () = restored => (),
        }
        self.end();
    }

    /// From now on requests may be sent on this connection, unless some of the names `renewed` were
    /// given up meanwhile: whoever did so could not tell the server. Takes those out.
    fn open(&self, sender: &Sender, renewed: &mut Vec<Name>) -> Vec<Name> {
        let state = self.state.lock();
        let given_up: Vec<Name> =
            renewed.extract_if(.., |it| !state.mine.contains_key(it)).collect();
        if given_up.is_empty() {
            // Under the lock: who gives a name up now either is seen here or tells the server.
            self.up.send_replace(Up::Ready(state.epoch, sender.clone()));
        }
        given_up
    }

    /// This connection is over.
    fn end(&self) {
        let mut state = self.state.lock();
        let lost = self.lose(&mut state);
        drop(state);
        drop(lost);
    }

    /// Nobody gets answers on the present connection any more; those who wait ask again on the
    /// next one, once what is returned is dropped outside the lock.
    fn lose(&self, state: &mut State) -> Vec<(CorrelationId, oneshot::Sender<Reply>)> {
        self.mirror.table.set_current(false);
        if state.is_closing {
            self.mirror.table.end_watches();
            self.up.send_replace(Up::Closed);
        } else {
            self.up.send_replace(Up::Down);
        }
        state.pending.drain()
    }

    /// Tells a new connection what the server must know of us, then lets the others use it.
    async fn restore(&self, sender: &Sender) -> Result<(), String> {
        let mine: Vec<(Name, Record)> = {
            let state = self.state.lock();
            let staying = state.mine.iter().filter(|(_, it)| !it.is_leaving);
            staying.map(|(name, it)| (name.clone(), it.record.clone())).collect()
        };
        let mut renewed = Vec::new();
        let renewals = mine.into_iter().map(|(name, record)| self.renew(sender, name, record));
        let mut renewals = stream::iter(renewals).buffer_unordered(RENEWALS);
        while let Some(res) = renewals.next().await {
            renewed.extend(res?);
        }
        drop(renewals);
        self.tell(sender, &Request::Settled).await?;
        if self.wants_news.load(Ordering::Relaxed) {
            self.tell(sender, &Request::Watch).await?;
        }
        loop {
            let given_up = self.open(sender, &mut renewed);
            if given_up.is_empty() {
                return Ok(());
            }
            for name in given_up {
                self.tell(sender, &Request::Unregister { name, forced: false }).await?;
            }
        }
    }

    /// Registers a name again; returns it if the server agreed.
    async fn renew(
        &self,
        sender: &Sender,
        name: Name,
        record: Record,
    ) -> Result<Option<Name>, String> {
        let request = Request::Register { name: name.clone(), record };
        match self.tell(sender, &request).await? {
            Reply::Done => return Ok(Some(name)),
            Reply::Refused { why: why @ Refusal::Taken { .. } } => {
                tracing::warn!(target: "gleis::naming", %name, ?why, "name lost");
                self.state.lock().mine.remove(&name);
            }
            Reply::Refused { why } => {
                tracing::warn!(target: "gleis::naming", %name, ?why, "name not renewed");
            }
            _ => (),
        }
        Ok(None)
    }

    /// Asks before the others may.
    async fn tell(&self, sender: &Sender, request: &Request) -> Result<Reply, String> {
        match tokio::time::timeout(self.request_timeout, self.ask(sender, request)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(Lost::Link)) => Err("link lost".to_owned()),
            Ok(Err(Lost::Request(error))) => Err(error.to_string()),
            Err(_) => Err("name server does not answer".to_owned()),
        }
    }

    /// Takes in answers and news until the connection ends.
    async fn read(&self, mut receiver: Receiver) -> CloseReason {
        let mut batch = Vec::new();
        loop {
            if let Err(reason) = receiver.recv_many(&mut batch).await {
                return reason;
            }
            for item in batch.drain(..) {
                if let Inbound::Message(message) = item
                    && let Err(why) = self.take(&message)
                {
                    return CloseReason::Refused(why.into());
                }
            }
        }
    }

    fn take(&self, message: &Message) -> Result<(), String> {
        let id = message.head.first().unwrap_or_default();
        if id == NEWS_ID {
            let news: News = protocol::decode(message)?;
            if matches!(news, News::Closing { .. }) {
                self.state.lock().is_closing = true;
            }
            let has_room = self.mirror.take(news);
            return if has_room {
                Ok(())
            } else {
                Err("name server has too many names".to_owned())
            };
        }
        let reply: Reply = protocol::decode(message)?;
        let asked = CorrelationId::from_bytes(id).and_then(|it| self.state.lock().pending.take(it));
        if let Some(asked) = asked {
            // Whoever asked may have gone.
            let _ = asked.send(reply);
        }
        Ok(())
    }
}
