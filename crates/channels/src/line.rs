//! The asking side of a link: what it says and hears, over one dealer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits};
use gleis_core::{CorrelationId, Deadline, Endpoint};
use gleis_patterns::{Dealer, Event, Events, Framed, OpenError, RecvError, SendError};
use gleis_transport::TaskGuard;
use tokio::time::{Instant, timeout, timeout_at};

use crate::desk::{Answered, Desk, Job, Next, Over, Room, Teller, frames, number};
use crate::error::RequestError;
use crate::feed::{Feed, Item, Told};
use crate::queue::Queue;
use crate::settings::Settings;
use crate::wire::{self, Down};

/// How many messages are taken at a time.
const BATCH: usize = 64;
/// How old the remaining time may be that a request tells when it waited for room.
const REFRESH: Duration = Duration::from_millis(50);

/// What whoever asks and its tasks share.
pub(crate) struct Line {
    pub(crate) codec: AnyCodec,
    dealer: Dealer<Framed>,
    pub(crate) desk: Desk,
    /// Of a line that publications come in on.
    pub(crate) feed: Option<Arc<Feed>>,
    pub(crate) limits: Limits,
    /// What handlers have to do, in order.
    work: Queue<Job>,
}

/// Owns a line: dropping it ends the tasks and whatever is in flight.
pub(crate) struct LineOwner {
    pub(crate) line: Arc<Line>,
    _tasks: [TaskGuard; 3],
}

impl LineOwner {
    pub(crate) async fn open<T: 'static>(
        at: Endpoint,
        settings: Settings,
        feed: Option<Arc<Feed>>,
    ) -> Result<Self, OpenError> {
        let codec = settings.codec.clone().unwrap_or_else(AnyCodec::default_for::<T>);
        let room = Room {
            bytes: settings.options.send_high_water.bytes,
            requests: settings.max_in_flight.max(1),
        };
        let mark = settings.options.recv_high_water;
        let limits = settings.limits();
        let dealer = Dealer::connect(at).options(settings.options);
        let dealer = match settings.ready {
            None => dealer.await?,
            Some(timeout) => dealer.ready(timeout).await?,
        };
        let (desk, work) = (Desk::new(room), Queue::new(mark, |it: &Job| it.bytes));
        let line = Arc::new(Line { codec, dealer, desk, feed, limits, work });
        // From here on nothing is missed.
        let events = line.dealer.events();
        line.wish();
        let _tasks = [
            TaskGuard::spawn(line.clone().hear()),
            TaskGuard::spawn(line.clone().keep(events)),
            TaskGuard::spawn(line.clone().handle()),
        ];
        Ok(Self { line, _tasks })
    }
}

impl Drop for LineOwner {
    fn drop(&mut self) {
        // Whoever waits for an answer must learn that none will come.
        self.line.end();
        self.line.work.close();
    }
}

impl Line {
    pub(crate) fn dealer(&self) -> &Dealer<Framed> {
        &self.dealer
    }

    /// Asks at once, or as soon as there is a peer with room.
    ///
    /// # Errors
    /// [`RequestError::Closed`] and [`RequestError::Full`].
    pub(crate) fn ask(
        &self,
        body: Bytes,
        within: Duration,
        teller: Teller,
    ) -> Result<CorrelationId, RequestError> {
        let now = Instant::now().into_std();
        let deadline = Deadline::after(now, within);
        let (id, at_once) = self.desk.enter(deadline, teller, &body)?;
        if at_once {
            let message = frames(id, body.clone(), deadline, now, self.codec.name());
            match self.dealer.try_send(message) {
                Ok(()) => (),
                Err(SendError::Encode(_)) => {
                    // Too long for the link: no answer will come, and the deadline would lie.
                    self.desk.cancel(id);
                    return Err(RequestError::Full);
                }
                Err(_) => self.desk.put_back(id, body),
            }
        }
        Ok(id)
    }

    /// Gives a request up, and tells the peer if it has it. False if it is over.
    pub(crate) fn cancel(&self, id: CorrelationId) -> bool {
        let Some(is_sent) = self.desk.cancel(id) else {
            return false;
        };
        let message = || wire::cancel(number(id));
        if is_sent && matches!(self.dealer.try_send(message()), Err(SendError::Full)) {
            self.desk.say(message());
        }
        true
    }

    /// Closes: what is in flight is over, and what is queued has the linger time to leave.
    pub(crate) async fn close(&self) -> usize {
        self.end();
        self.dealer.close().await
    }

    fn end(&self) {
        for over in self.desk.close() {
            self.tell(over);
        }
        if let Some(feed) = &self.feed {
            feed.close();
        }
    }

    /// Tells a new peer all that is wanted.
    fn wish(&self) {
        if let Some(feed) = &self.feed {
            feed.wish_all();
            self.desk.wish();
        }
    }

    /// The task that reads.
    async fn hear(self: Arc<Self>) {
        let (mut batch, mut ready) = (Vec::with_capacity(BATCH), VecDeque::new());
        let codec = self.feed.as_ref().map_or(&self.codec, |it| &it.codec);
        loop {
            match self.dealer.recv_many(&mut batch, BATCH).await {
                Err(RecvError::Closed) => return,
                Err(_) => self.desk.unreadable(),
                Ok(_) => (),
            }
            for message in batch.drain(..) {
                match wire::read_down(message, codec) {
                    Some(down) => {
                        if let Err(down) = self.take_lightly(down, &mut ready) {
                            self.take(down, &mut ready).await;
                        }
                    }
                    None => self.desk.unreadable(),
                }
            }
            self.feed_ready(&mut ready).await;
        }
    }

    /// Publications that were received together go on together, before what comes behind them.
    async fn feed_ready(&self, ready: &mut VecDeque<Item>) {
        if let Some(feed) = self.feed.as_ref().filter(|_| !ready.is_empty()) {
            feed.ready(ready).await;
        }
    }

    /// Takes what most messages are, without a wait.
    ///
    /// # Errors
    /// It is something else: it comes back.
    fn take_lightly(&self, down: Down, ready: &mut VecDeque<Item>) -> Result<(), Down> {
        match (down, &self.feed) {
            (Down::Answer { id, body }, _) if ready.is_empty() => {
                self.answered(id, Ok(body));
                Ok(())
            }
            (Down::Told { missed, codec, topic, body }, Some(feed)) => feed
                .told_by_hand(missed, Told { body, codec, topic }, ready)
                .map_err(|Told { body, codec, topic }| Down::Told { missed, codec, topic, body }),
            (down, _) => Err(down),
        }
    }

    async fn take(&self, down: Down, ready: &mut VecDeque<Item>) {
        match (down, &self.feed) {
            (Down::Answer { id, body }, _) => {
                self.feed_ready(ready).await;
                self.answered(id, Ok(body));
            }
            (Down::Failure { id, why, text }, _) => {
                self.feed_ready(ready).await;
                self.answered(id, Err(why.error(text)));
            }
            (Down::Done { mark }, Some(feed)) => feed.done(mark),
            (Down::Told { missed, codec, topic, body }, Some(feed)) => {
                let told = Told { body, codec, topic };
                feed.told(missed, told, &self.work, ready).await;
            }
            (Down::Done { .. } | Down::Told { .. }, None) => self.desk.unreadable(),
        }
    }

    fn answered(&self, id: u64, answered: Answered) {
        match self.desk.answered(id, answered) {
            Some(over) => self.tell(over),
            None => {
                let peer = self.dealer.endpoint();
                tracing::warn!(target: "gleis::channels", id, %peer, "ignored a reply to an unknown request");
            }
        }
    }

    /// Tells whoever asked what became of a request.
    fn tell(&self, over: Over) {
        let Over { answered, id, place, teller } = over;
        match (teller, &self.feed) {
            // Whoever asked may have gone in between.
            (Teller::Future(teller), _) => drop(teller.send(answered)),
            (Teller::Handler(handler), _) => {
                let work = handler(id, answered);
                let work = Box::pin(async move {
                    work.await;
                    drop(place);
                });
                self.work.push(Job { bytes: 0, work });
            }
            (Teller::Feed, Some(feed)) => feed.answered(id, answered, place),
            (Teller::Feed, None) => (),
        }
    }

    /// The task that sends what waits, and ends what expires or is lost.
    async fn keep(self: Arc<Self>, events: Events) {
        tokio::join!(self.pump(), self.expire(), self.watch(events));
    }

    async fn pump(&self) {
        loop {
            self.desk.work().await;
            self.dealer.wait_for_peers(1).await;
            while let Some(next) = self.desk.next() {
                let Some(message) = self.message(&next) else {
                    self.desk.sent();
                    continue;
                };
                match timeout(REFRESH, self.dealer.send(message)).await {
                    // What is too long for the link cannot be sent; its deadline will tell.
                    Ok(Ok(()) | Err(SendError::Encode(_))) => self.desk.sent(),
                    Ok(Err(SendError::Closed)) => return,
                    Ok(Err(_)) | Err(_) => {
                        if let (Next::Wishes, Some(feed)) = (&next, &self.feed) {
                            feed.wish_all();
                        }
                        self.desk.put_off(next);
                        break;
                    }
                }
            }
        }
    }

    fn message(&self, next: &Next) -> Option<Framed> {
        match next {
            Next::Request(id, body, deadline) => {
                let now = Instant::now().into_std();
                Some(frames(*id, body.clone(), *deadline, now, self.codec.name()))
            }
            Next::Say(message) => Some(message.clone()),
            Next::Wishes => Some(self.feed.as_ref()?.wishes()),
        }
    }

    async fn expire(&self) {
        loop {
            let (over, next) = self.desk.expire(Instant::now().into_std());
            for it in over {
                self.tell(it);
            }
            match next {
                None => self.desk.rearmed().await,
                Some(at) => {
                    // Either way the deadlines are looked at.
                    let _ = timeout_at(at.into(), self.desk.rearmed()).await;
                }
            }
        }
    }

    /// Hears when the link comes and goes.
    async fn watch(&self, mut events: Events) {
        while let Some(event) = events.recv().await {
            match event {
                Event::Connected { .. } => self.wish(),
                Event::Disconnected { .. } => self.lose(),
                Event::Missed { .. } => {
                    // Nobody knows what was missed: that a link was lost and made again, perhaps.
                    self.lose();
                    self.wish();
                }
                _ => (),
            }
        }
    }

    fn lose(&self) {
        self.desk.lose().into_iter().for_each(|it| self.tell(it));
    }

    /// The task in which handlers run, one at a time.
    async fn handle(self: Arc<Self>) {
        while let Some(job) = self.work.pop().await {
            job.work.await;
            // A long row of handlers that do not wait leaves the runtime time for others.
            tokio::task::coop::consume_budget().await;
        }
    }
}
