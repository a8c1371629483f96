//! What became of requests and answers.

use crate::case::End;

/// The books of whoever asks; `asked = answered + failed + expired + cancelled + lost + closed +
/// in_flight` at every moment.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestStats {
    /// Requests that have their answers.
    pub answered: u64,
    /// Requests that were made.
    pub asked: u64,
    /// Requests that were given up: their futures were dropped, or somebody said so.
    pub cancelled: u64,
    /// Requests that were in flight when the channel was closed.
    pub closed: u64,
    /// Requests whose deadlines passed.
    pub expired: u64,
    /// Requests that were answered with an error, or with "no reply".
    pub failed: u64,
    /// Requests that have no answer yet.
    pub in_flight: u64,
    /// Answers for which nobody waited: late ones, second ones, and forged ones. They are ignored, with
    /// a warning.
    pub late: u64,
    /// Requests whose connection was lost.
    pub lost: u64,
    /// Messages that are nothing that a replier says; they are ignored.
    pub unreadable: u64,
}

impl RequestStats {
    /// True if every request is accounted for.
    pub fn is_balanced(&self) -> bool {
        let over = self.answered + self.failed + self.expired + self.cancelled + self.lost;
        self.asked == over + self.closed + self.in_flight
    }
}

/// What became of publications, at their subscriber.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FeedStats {
    /// Publications that came.
    pub came: u64,
    /// Publications that the publisher dropped, for want of room.
    pub missed: u64,
    /// Publications that came and were not wanted any more.
    pub unwanted: u64,
    /// What waits to be received by hand.
    pub waiting: u64,
}

/// What became of publications, at their publisher.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PublishStats {
    /// How often one was handed to a subscriber.
    pub delivered: u64,
    /// How often one was dropped, because a subscriber had no room or was just gone.
    pub dropped: u64,
    /// Publications.
    pub published: u64,
    /// Publications that nobody had subscribed to.
    pub unheard: u64,
}

/// The books of whoever answers; `asked = answered + failed + unanswered + cancelled + gone + dropped +
/// expired + open` at every moment.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReplyStats {
    /// Requests whose answers were sent.
    pub answered: u64,
    /// Requests that came.
    pub asked: u64,
    /// Requests that were given up by their requesters before they were answered.
    pub cancelled: u64,
    /// Answers for which their requesters had no room.
    pub dropped: u64,
    /// Requests whose deadlines passed before anybody took them.
    pub expired: u64,
    /// Requests that were answered with an error, those among them that cannot be read.
    pub failed: u64,
    /// Requests whose requesters were gone before they were answered.
    pub gone: u64,
    /// Requests that wait for their answers.
    pub open: u64,
    /// Requests that were let go of without an answer; their requesters are told.
    pub unanswered: u64,
    /// Messages that are nothing that a requester says; they are ignored.
    pub unreadable: u64,
}

impl ReplyStats {
    /// Counts how a request ended.
    pub(crate) fn count(&mut self, end: End) {
        *match end {
            End::Answered => &mut self.answered,
            End::Cancelled => &mut self.cancelled,
            End::Dropped => &mut self.dropped,
            End::Expired => &mut self.expired,
            End::Failed => &mut self.failed,
            End::Gone => &mut self.gone,
            End::Unanswered => &mut self.unanswered,
        } += 1;
    }

    /// True if every request is accounted for.
    pub fn is_balanced(&self) -> bool {
        let over = self.answered + self.failed + self.unanswered + self.cancelled + self.gone;
        self.asked == over + self.dropped + self.expired + self.open
    }
}
