//! What can be chosen when a socket is opened.

use std::time::Duration;

use gleis_codec::{AnyCodec, Limits};
use gleis_transport::Options;

use crate::filter::Filter;
use crate::listener::WishLimits;

/// What happens to a message for which there is no room.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Overflow {
    /// The send waits. The default of all sockets that do not send to all their peers.
    Block,
    /// The new message is dropped and counted. The default of [`Publisher`](crate::Publisher),
    /// [`XPub`](crate::XPub) and [`XSub`](crate::XSub).
    DropNewest,
    /// The oldest waiting message is dropped and counted, in favour of the new one.
    DropOldest,
    /// The send is an error.
    Fail,
}

/// Which side of the first link a socket is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Bind,
    Connect,
}

/// Everything a builder collects.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) codec: Option<AnyCodec>,
    pub(crate) conflate: bool,
    pub(crate) connect_patience: Duration,
    pub(crate) drop_unroutable: bool,
    pub(crate) handover: bool,
    pub(crate) options: Options,
    pub(crate) overflow: Option<Overflow>,
    pub(crate) queue_without_peer: bool,
    pub(crate) ready: Option<Duration>,
    pub(crate) recv_timeout: Option<Duration>,
    /// Of how many topics the last message is kept for late subscribers.
    pub(crate) replay_topics: usize,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) subscriptions: Vec<Filter>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) verbose: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codec: None,
            conflate: false,
            connect_patience: Duration::from_millis(250),
            drop_unroutable: false,
            handover: false,
            options: Options::default(),
            overflow: None,
            queue_without_peer: false,
            ready: None,
            recv_timeout: None,
            replay_topics: 0,
            send_timeout: None,
            subscriptions: Vec::new(),
            timeout: None,
            verbose: false,
        }
    }
}

impl Settings {
    /// What follows from all that was chosen, in whatever order.
    pub(crate) fn complete(mut self) -> Self {
        let options = &mut self.options;
        for mark in [&mut options.recv_high_water, &mut options.send_high_water] {
            // Without room for one message none would ever go.
            mark.messages = mark.messages.max(1);
            mark.bytes = mark.bytes.max(1);
        }
        if self.conflate {
            self.overflow = Some(Overflow::DropOldest);
            self.options.send_high_water.messages = 1;
        }
        self
    }

    /// What one encoded message may cost: no frame is longer than the link allows.
    pub(crate) fn limits(&self) -> Limits {
        Limits { bytes: self.options.limits.frame, ..Limits::default() }
    }

    /// What one subscriber may ask for.
    pub(crate) fn wish_limits(&self) -> WishLimits {
        let options = &self.options;
        WishLimits { bytes: options.limits.subscription, filters: options.max_subscriptions }
    }
}
