//! One connection of a client.

use std::sync::Arc;
use std::time::Duration;

use gleis_core::Deadline;
use gleis_transport::{CloseReason, Connection, Head, Inbound, Message, Receiver, Sender};
use serde::Serialize;
use tokio::sync::watch;

use crate::clock::now;
use crate::protocol::{self, News, PAGE, Refusal, Reply, Request};
use crate::server::clients::{Place, Seat};
use crate::server::hall::Shared;
use crate::{Change, ShutdownReport, Watch};

/// How long a client may refuse to take what it asked for.
const STALL: Duration = Duration::from_secs(30);

/// How many requests to close one client may have open.
const CLOSERS: usize = 16;

/// Serves a client until its connection or the server ends, then releases its names.
pub(super) async fn run(shared: Arc<Shared>, connection: Connection, mut seat: Seat) {
    let place = seat.place.clone();
    let is_replaced = tokio::select! {
        // First: what an old connection still says must not undo what the new one said.
        biased;
        _ = &mut seat.replaced => true,
        _ = serve(&shared, connection, place) => false,
    };
    if !is_replaced {
        wait_for_return(&shared, &mut seat).await;
    }
    shared.clients.leave(&seat, &shared.table, |names| shared.note_lost(names));
}

/// Leaves a client who has names the time to come back, unless the server closes.
async fn wait_for_return(shared: &Shared, seat: &mut Seat) {
    if shared.table.n_held(seat.place.owner.client) == 0 {
        return;
    }
    let mut closing = shared.closing.subscribe();
    tokio::select! {
        biased;
        _ = &mut seat.replaced => (),
        _ = closing.wait_for(Option::is_some) => (),
        () = tokio::time::sleep(shared.grace) => (),
    }
}

/// Answers requests and sends news. Ends with the connection or after the server's last word.
async fn serve(
    shared: &Arc<Shared>,
    connection: Connection,
    place: Place,
) -> Result<(), CloseReason> {
    let (sender, mut receiver) = connection.split();
    let mut closing = shared.closing.subscribe();
    let mut outcome = shared.outcome.subscribe();
    let mut session = Session {
        closers: Vec::new(),
        place,
        sender,
        shared: shared.clone(),
        told: None,
        watch: None,
    };
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            report = ended(&mut outcome) => return tokio::select! {
                biased;
                res = session.say_goodbye(&report) => res,
                () = ignore(&mut receiver) => Ok(()),
            },
            until = announced(&mut closing, session.told) => {
                session.announce(until).await?;
            }
            received = receiver.recv_many(&mut batch) => {
                received?;
                session.handle_all(&mut batch).await?;
            }
            change = next_change(&mut session.watch) => session.forward(change).await?,
        }
    }
}

struct Session {
    /// The envelopes of those who wait for the server to close.
    closers: Vec<Head>,
    place: Place,
    sender: Sender,
    shared: Arc<Shared>,
    /// Until when the client believes that its names may leave.
    told: Option<Deadline>,
    watch: Option<Watch>,
}

impl Session {
    async fn handle_all(&mut self, batch: &mut Vec<Inbound>) -> Result<(), CloseReason> {
        for item in batch.drain(..) {
            // A client with many requests must not keep the others waiting.
            tokio::task::coop::consume_budget().await;
            // Subscriptions mean nothing to a name server.
            let Inbound::Message(message) = item else {
                continue;
            };
            let reply = match protocol::decode::<Request>(&message) {
                Ok(Request::Shutdown { millis }) => self.close_server(millis, &message),
                Ok(request) => Some(self.answer_in_place(request)?),
                Err(reason) => Some(Reply::refused(Refusal::Malformed { reason })),
            };
            if let Some(reply) = reply {
                self.send(message.head, &reply).await?;
            }
        }
        Ok(())
    }

    /// Does what was asked for, unless a newer connection of the client has taken over.
    fn answer_in_place(&mut self, request: Request) -> Result<Reply, CloseReason> {
        let (shared, place) = (self.shared.clone(), self.place.clone());
        let answered = shared.clients.act(&place, || self.answer(request));
        answered.ok_or_else(|| refused("the client has come back on another connection"))
    }

    fn answer(&mut self, request: Request) -> Reply {
        let table = &self.shared.table;
        match request {
            Request::Leave => {
                table.sweep(self.place.owner.client, None);
                Reply::Done
            }
            Request::List { after } => table.page(after.as_ref(), PAGE).map_or_else(
                |error| Reply::refused(Refusal::of_naming(error)),
                |(names, more)| Reply::Page { names, more },
            ),
            Request::Register { name, record } => Reply::done(
                table.renew(&name, record, self.place.owner).map_err(Refusal::of_register),
            ),
            Request::Resolve { name } => table.resolve(&name).map_or_else(
                |error| Reply::refused(Refusal::of_naming(error)),
                |record| Reply::Found { record },
            ),
            Request::Settled => {
                table.sweep(self.place.owner.client, Some(self.place.owner.session));
                Reply::Done
            }
            Request::Shutdown { .. } => Reply::Done,
            Request::Unregister { name, forced } => {
                let res = table.release_by(&name, self.place.owner.client);
                if forced && res.is_ok() {
                    self.shared.note_forced(name);
                }
                Reply::done(res.map_err(Refusal::of_naming))
            }
            Request::Watch => self.start_watch(),
        }
    }

    /// Starts sending news; asked again, goes on as before.
    fn start_watch(&mut self) -> Reply {
        if self.watch.is_none() {
            match self.shared.table.watch() {
                Ok(watch) => self.watch = Some(watch),
                Err(error) => return Reply::refused(Refusal::of_naming(error)),
            }
        }
        Reply::Done
    }

    /// Asks for the end of the server; the answer comes when it has closed.
    fn close_server(&mut self, millis: u64, message: &Message) -> Option<Reply> {
        if CLOSERS <= self.closers.len() {
            let what = "requests".to_owned();
            return Some(Reply::refused(Refusal::Busy { what, limit: CLOSERS }));
        }
        self.closers.push(message.head.clone());
        let patience = Duration::from_millis(millis);
        self.shared.ask_to_close(Deadline::after(now(), patience));
        None
    }

    async fn forward(&mut self, change: Option<Change>) -> Result<(), CloseReason> {
        let Some(change) = change else {
            self.watch = None;
            return Ok(());
        };
        match News::of(change) {
            Some(news) => self.send(News::head(), &news).await,
            None => Ok(()),
        }
    }

    /// Says that the server closes.
    async fn announce(&mut self, until: Deadline) -> Result<(), CloseReason> {
        self.told = Some(until);
        let millis = protocol::millis(until.remaining(now()).unwrap_or_default());
        self.send(News::head(), &News::Closing { millis }).await
    }

    async fn say_goodbye(&mut self, report: &ShutdownReport) -> Result<(), CloseReason> {
        if self.told.is_none() {
            self.announce(Deadline::at(now())).await?;
        }
        for head in std::mem::take(&mut self.closers) {
            self.send(head, &Reply::from(report)).await?;
        }
        self.sender.close(self.shared.linger).await;
        Ok(())
    }

    async fn send<T: Serialize + 'static>(&self, head: Head, value: &T) -> Result<(), CloseReason> {
        let message = protocol::encode(head, value).map_err(|it| refused(&it))?;
        match tokio::time::timeout(STALL, self.sender.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(self.sender.close_reason().unwrap_or_else(|| refused(&error.to_string())))
            }
            Err(_) => {
                let reason = refused("client does not take its answers");
                self.sender.abort(reason.clone());
                Err(reason)
            }
        }
    }
}

fn refused(why: &str) -> CloseReason {
    CloseReason::Refused(why.into())
}

/// Waits for the server's last word.
async fn ended(outcome: &mut watch::Receiver<Option<ShutdownReport>>) -> ShutdownReport {
    known(outcome, |_| true).await
}

/// Waits until the server begins to close, or closes sooner than was `told`; returns until when names may
/// leave.
async fn announced(
    closing: &mut watch::Receiver<Option<Deadline>>,
    told: Option<Deadline>,
) -> Deadline {
    let is_news = |it: &Deadline| told.is_none_or(|told| *it < told);
    known(closing, is_news).await
}

/// Waits until there is a value that is wanted.
async fn known<T: Clone>(
    value: &mut watch::Receiver<Option<T>>,
    is_wanted: impl Fn(&T) -> bool,
) -> T {
    let known = value.wait_for(|it| it.as_ref().is_some_and(&is_wanted));
    let known = known.await.ok().and_then(|it| it.clone());
    match known {
        Some(known) => known,
        // Its sender is in what all sessions share, so this never comes to pass.
        None => std::future::pending().await,
    }
}

/// Takes off the link what nobody answers any more, so that the peer's end is seen; never ends.
async fn ignore(receiver: &mut Receiver) {
    let mut batch = Vec::new();
    while receiver.recv_many(&mut batch).await.is_ok() {
        batch.clear();
        tokio::task::coop::consume_budget().await;
    }
    std::future::pending::<()>().await;
}

async fn next_change(watch: &mut Option<Watch>) -> Option<Change> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}
