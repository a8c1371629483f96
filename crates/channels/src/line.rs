//! The asking side of a channel: what it says, over one dealer.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use gleis_codec::AnyCodec;
use gleis_core::{CorrelationId, Deadline, Endpoint};
use gleis_patterns::{HearingDealer, OpenError, Said, SendError};
use gleis_transport::TaskGuard;
use tokio::time::{Instant, timeout, timeout_at};

use crate::builder::Side;
use crate::desk::{Desk, Job, Next, Refused, Room, Teller, frames};
use crate::ears::Ears;
use crate::error::RequestError;
use crate::feed::Feed;
use crate::queue::Queue;
use crate::settings::Settings;

/// How long what is for a peer without room waits until it is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// What whoever asks and its tasks share.
pub(crate) struct Line {
    dealer: HearingDealer,
    pub(crate) ears: Arc<Ears>,
}

impl Deref for Line {
    type Target = Ears;

    fn deref(&self) -> &Ears {
        &self.ears
    }
}

/// Owns a line: dropping it ends the tasks and whatever is in flight.
pub(crate) struct LineOwner {
    pub(crate) line: Arc<Line>,
    _tasks: [TaskGuard; 2],
}

impl LineOwner {
    pub(crate) async fn open<T: 'static>(
        side: Side,
        at: Endpoint,
        settings: Settings,
        feed: Option<Arc<Feed>>,
    ) -> Result<Self, OpenError> {
        let codec = settings.codec.clone().unwrap_or_else(AnyCodec::default_for::<T>);
        let room = Room {
            bytes: settings.options.send_high_water.bytes,
            requests: settings.max_in_flight.max(1),
        };
        let (desk, limits) = (Desk::new(room), settings.limits());
        let work = Queue::new(settings.options.recv_high_water, |it: &Job| it.bytes);
        let ears = Arc::new(Ears { at: at.to_string(), codec, desk, feed, limits, work });
        let (options, hearer) = (settings.options, ears.clone());
        let dealer = match side {
            Side::Bind => HearingDealer::bind(at, options, settings.ready, hearer).await?,
            Side::Connect => HearingDealer::connect(at, options, settings.ready, hearer).await?,
        };
        let line = Arc::new(Line { dealer, ears: ears.clone() });
        let _tasks = [TaskGuard::spawn(line.clone().keep()), TaskGuard::spawn(ears.handle())];
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
    pub(crate) fn dealer(&self) -> &HearingDealer {
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
        if self.feed.is_some() {
            // Its answer must not wait for whoever receives by hand.
            self.dealer.leave_hearing();
        }
        let now = Instant::now().into_std();
        let deadline = Deadline::after(now, within);
        let (mut teller, mut entered) = (Some(teller), None);
        let said = self.dealer.offer(|peer| {
            let id = match entered {
                None => {
                    *entered.insert(self.desk.enter(deadline, &mut teller, &body, Some(peer))?)
                }
                Some(id) if self.desk.address(id, peer) => id,
                // It is over: whoever waits for it is told.
                Some(_) => return Err(Refused::Behind),
            };
            Ok(frames(id, body.clone(), deadline, now, self.codec.name()))
        });
        match (said, entered) {
            (Said::Sent, Some(id)) => Ok(id),
            (Said::Failed(Refused::Error(error)), _) => Err(error),
            (Said::Failed(Refused::Behind), Some(id)) => Ok(id),
            (Said::TooLong, Some(id)) => {
                // Too long for the link: no answer will come, and the deadline would lie.
                self.desk.cancel(id);
                Err(RequestError::Full)
            }
            (_, Some(id)) => {
                self.desk.put_back(id, body);
                Ok(id)
            }
            (_, None) => match self.desk.enter(deadline, &mut teller, &body, None) {
                Ok(id) => Ok(id),
                Err(Refused::Error(error)) => Err(error),
                Err(Refused::Behind) => Err(RequestError::Full),
            },
        }
    }

    /// Closes: what is in flight is over, and what is queued has the linger time to leave.
    pub(crate) async fn close(&self) -> usize {
        self.ears.end();
        self.dealer.close().await
    }

    /// Hears the publisher in the task of `cx`, which receives by hand, if nobody else waits for anything:
    /// true if something came.
    pub(crate) fn hear_directly(&self, cx: &mut Context<'_>) -> bool {
        let is_alone =
            self.desk.in_flight() == 0 && self.feed.as_ref().is_some_and(|it| it.is_by_hand());
        if !is_alone {
            self.dealer.leave_hearing();
            return false;
        }
        self.dealer.poll_hear(cx)
    }

    /// The task that sends what waits, and ends what expires.
    async fn keep(self: Arc<Self>) {
        tokio::join!(self.pump(), self.expire());
    }

    async fn pump(&self) {
        loop {
            let is_stuck = self.desk.say(|peer, message| {
                !matches!(self.dealer.try_send_to(peer, message.clone()), Err(SendError::Full))
            });
            let ready = async {
                self.desk.work().await;
                self.dealer.room().await
            };
            let is_open = match is_stuck {
                // One peer that takes nothing must not hold up what is for others.
                true => timeout(AGAIN, ready).await.ok(),
                false => tokio::select! {
                    biased;
                    is_open = ready => Some(is_open),
                    () = self.desk.saying() => None,
                },
            };
            match is_open {
                None => continue,
                Some(false) => return,
                Some(true) => (),
            }
            while let Some(next) = self.desk.next() {
                if let Err(next) = self.send(next) {
                    self.desk.put_off(next);
                    break;
                }
                self.desk.sent();
                tokio::task::coop::consume_budget().await;
            }
        }
    }

    /// Sends what is next.
    ///
    /// # Errors
    /// Nobody has room: it comes back.
    fn send(&self, next: Next) -> Result<(), Next> {
        let had_room = match (&next, &self.feed) {
            (Next::Wishes, None) => true,
            (Next::Wishes, Some(feed)) => {
                let said = self.dealer.offer(|_| Ok::<_, Infallible>(feed.wishes()));
                let had_room = matches!(said, Said::Sent);
                if !had_room {
                    feed.wish_all();
                }
                // What is too long for the link is so again.
                had_room || matches!(said, Said::TooLong)
            }
            (Next::Request(id, body, deadline), _) => {
                let now = Instant::now().into_std();
                let said = self.dealer.offer(|peer| match self.desk.address(*id, peer) {
                    true => Ok(frames(*id, body.clone(), *deadline, now, self.codec.name())),
                    false => Err(()),
                });
                // What is too long for the link cannot be sent; its deadline will tell.
                matches!(said, Said::Failed(()) | Said::Sent | Said::TooLong)
            }
        };
        if had_room { Ok(()) } else { Err(next) }
    }

    async fn expire(&self) {
        loop {
            let (ended, next) = self.desk.expire(Instant::now().into_std());
            self.tell(ended);
            match next {
                None => self.desk.rearmed().await,
                Some(at) => {
                    // Either way the deadlines are looked at.
                    let _ = timeout_at(at.into(), self.desk.rearmed()).await;
                }
            }
        }
    }
}
