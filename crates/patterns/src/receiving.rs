//! Taking messages out of a socket, from one task or from many.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use gleis_transport::Inbound;
use parking_lot::Mutex;
use tokio::sync::MutexGuard;
use tokio::task::coop::poll_proceed;

use crate::batch::Batch;
use crate::error::RecvError;
use crate::intake::Intake;
use crate::ledger::Account;
use crate::peer::Link;
use crate::stats::DropReason;

/// How a socket reads what came in.
pub(crate) trait Reader: Send + Sync {
    type Item;

    /// The item for the user, or `None` for what the user does not want.
    fn read(&self, link: &Arc<Link>, item: Inbound) -> Result<Option<Self::Item>, RecvError>;

    /// What did not come in as a message and goes before all that did. Whoever has some
    /// [wakes](Intake::wake) the intake.
    fn aside(&self) -> Option<Self::Item> {
        None
    }
}

/// The receiving side of a socket.
pub(crate) struct Receiving<R> {
    reader: R,
    /// Never locked across an await.
    taker: Mutex<Taker>,
    timeout: Option<Duration>,
    /// Whoever waits for a message holds it: others queue up behind, and each gets a message in turn.
    ///
    /// Nobody else takes anything off the intake, which knows one waiter only.
    turn: tokio::sync::Mutex<()>,
    /// How many wait; while any does, newcomers do not go past them.
    waiting: AtomicUsize,
}

/// Counts one that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<R: Reader> Receiving<R> {
    pub(crate) fn new(intake: Arc<Intake>, reader: R, timeout: Option<Duration>) -> Self {
        let taker = Taker { batch: Batch::default(), fault: None, intake };
        let (turn, waiting) = Default::default();
        Self { reader, taker: Mutex::new(taker), timeout, turn, waiting }
    }

    pub(crate) async fn recv(&self) -> Result<R::Item, RecvError> {
        self.recv_by(&self.reader).await
    }

    /// As [`recv`](Self::recv), read in another way.
    pub(crate) async fn recv_by<O: Reader>(&self, reader: &O) -> Result<O::Item, RecvError> {
        let next = self.next_by(reader);
        match self.timeout {
            None => next.await,
            Some(timeout) => {
                tokio::time::timeout(timeout, next).await.unwrap_or(Err(RecvError::TimedOut))
            }
        }
    }

    async fn next(&self) -> Result<R::Item, RecvError> {
        self.next_by(&self.reader).await
    }

    async fn next_by<O: Reader>(&self, reader: &O) -> Result<O::Item, RecvError> {
        if let Some(res) = self.at_hand(reader) {
            return res;
        }
        self.wait(reader).await.1
    }

    /// Waits for its turn, which is still held with what is returned, and for what comes.
    async fn wait<O: Reader>(
        &self,
        reader: &O,
    ) -> (MutexGuard<'_, ()>, Result<O::Item, RecvError>) {
        let _waiting = Waiting::new(&self.waiting);
        let turn = self.turn.lock().await;
        let res = poll_fn(|cx| self.taker.lock().poll_next(cx, reader)).await;
        (turn, res)
    }

    /// What was taken off the queues already, unless others wait: most messages go this way.
    fn at_hand<O: Reader>(&self, reader: &O) -> Option<Result<O::Item, RecvError>> {
        if 0 < self.waiting.load(Ordering::Relaxed) {
            return None;
        }
        self.taker.try_lock()?.next_here(reader)
    }

    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<R::Item, RecvError>> {
        self.taker.get_mut().poll_next(cx, &self.reader)
    }

    /// As [`poll_recv`](Self::poll_recv), for a stream: it ends with the socket.
    pub(crate) fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<R::Item, RecvError>>> {
        self.poll_recv(cx).map(until_closed)
    }

    pub(crate) fn stream(&self) -> impl Stream<Item = Result<R::Item, RecvError>> + Send
    where
        R::Item: Send,
    {
        futures::stream::unfold(
            self,
            |it| async move { Some((until_closed(it.next().await)?, it)) },
        )
    }

    /// Gives up what was taken off the queues and not handed out: the socket is closed.
    pub(crate) fn close(&self) {
        let mut taken = {
            let mut taker = self.taker.lock();
            taker.fault = None;
            std::mem::take(&mut taker.batch)
        };
        // Values of the user's are dropped without a lock.
        while let Some(()) = taken.next(|link, item| {
            if matches!(item, Inbound::Message(_)) {
                link.account.lose_received(DropReason::Closed, 1);
            }
        }) {}
    }

    pub(crate) fn try_recv(&self) -> Result<R::Item, RecvError> {
        if let Some(res) = self.at_hand(&self.reader) {
            return res;
        }
        // Whoever waits gets what comes: there is nothing for us.
        let _turn = self.turn.try_lock().map_err(|_| RecvError::Empty)?;
        self.taker.lock().try_next(&self.reader)
    }

    pub(crate) async fn recv_many(
        &self,
        into: &mut impl Extend<R::Item>,
        most: usize,
    ) -> Result<usize, RecvError> {
        self.recv_many_by(&self.reader, into, most).await
    }

    /// As [`recv_many`](Self::recv_many), read in another way.
    pub(crate) async fn recv_many_by<O: Reader>(
        &self,
        reader: &O,
        into: &mut impl Extend<O::Item>,
        most: usize,
    ) -> Result<usize, RecvError> {
        if most == 0 {
            return Ok(0);
        }
        let next = self.next_many(reader, into, most);
        match self.timeout {
            None => next.await,
            Some(timeout) => {
                tokio::time::timeout(timeout, next).await.unwrap_or(Err(RecvError::TimedOut))
            }
        }
    }

    async fn next_many<O: Reader>(
        &self,
        reader: &O,
        into: &mut impl Extend<O::Item>,
        most: usize,
    ) -> Result<usize, RecvError> {
        let (first, turn) = match self.at_hand(reader) {
            Some(res) => (res?, self.turn.try_lock().ok()),
            None => {
                let (turn, first) = self.wait(reader).await;
                (first?, Some(turn))
            }
        };
        into.extend(Some(first));
        let mut taker = self.taker.lock();
        let mut n_items = 1;
        while n_items < most {
            let next = match turn {
                Some(_) => taker.try_next(reader),
                None => taker.next_here(reader).unwrap_or(Err(RecvError::Empty)),
            };
            match next {
                Ok(item) => into.extend(Some(item)),
                Err(RecvError::Empty) => break,
                Err(fault) => {
                    // What was read is good; the fault is for the next call.
                    taker.fault = Some(fault);
                    break;
                }
            }
            n_items += 1;
        }
        Ok(n_items)
    }
}

fn until_closed<T>(res: Result<T, RecvError>) -> Option<Result<T, RecvError>> {
    match res {
        Err(RecvError::Closed) => None,
        res => Some(res),
    }
}

/// Counts a message that is read; one whose type panics is undecodable.
struct Counting<'a>(&'a Account);

impl Counting<'_> {
    fn end<T>(self, read: &Result<Option<T>, RecvError>) {
        match read {
            Ok(Some(_)) => self.0.deliver_received(1),
            Ok(None) => self.0.lose_received(DropReason::Unwanted, 1),
            // So does what is not read to the end.
            Err(_) => return,
        }
        std::mem::forget(self);
    }
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        self.0.lose_received(DropReason::Undecodable, 1);
    }
}

/// Takes batches off an [`Intake`] and hands out single items; most of them without its lock.
struct Taker {
    batch: Batch,
    fault: Option<RecvError>,
    intake: Arc<Intake>,
}

impl Taker {
    fn poll_next<R: Reader>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &R,
    ) -> Poll<Result<R::Item, RecvError>> {
        loop {
            if let Some(res) = self.next_here(reader) {
                return Poll::Ready(res);
            }
            // Once per batch, so that a reader who is never idle lets others run.
            let progress = ready!(poll_proceed(cx));
            match self.intake.poll_take(cx, &mut self.batch) {
                // It may have come before our waker was registered.
                Poll::Pending => {
                    return reader.aside().map_or(Poll::Pending, |it| Poll::Ready(Ok(it)));
                }
                Poll::Ready(false) => return Poll::Ready(Err(RecvError::Closed)),
                Poll::Ready(true) => (),
            }
            progress.made_progress();
        }
    }

    fn try_next<R: Reader>(&mut self, reader: &R) -> Result<R::Item, RecvError> {
        loop {
            if let Some(res) = self.next_here(reader) {
                return res;
            }
            match self.intake.take_now(&mut self.batch) {
                None => return Err(RecvError::Empty),
                Some(false) => return Err(RecvError::Closed),
                Some(true) => (),
            }
        }
    }

    /// The next item of the batch that the user wants, or an error.
    fn next_here<R: Reader>(&mut self, reader: &R) -> Option<Result<R::Item, RecvError>> {
        if let Some(fault) = self.fault.take() {
            return Some(Err(fault));
        }
        if let Some(item) = reader.aside() {
            return Some(Ok(item));
        }
        loop {
            let read = self.batch.next(|link, item| {
                let Inbound::Message(_) = &item else {
                    return reader.read(link, item);
                };
                let counting = Counting(&link.account);
                let read = reader.read(link, item);
                counting.end(&read);
                read
            })?;
            match read.transpose() {
                Some(res) => return Some(res),
                None => continue,
            }
        }
    }
}
