//! Whoever watches what passes.

use std::sync::Arc;

use futures::FutureExt;
use tokio::task::coop::unconstrained;

use crate::{Multipart, Publisher, Push};

/// Where a proxy shows what passes: a [`Push`] gets the frames as they pass, behind the identity of the
/// client in a queue; a [`Publisher`] gets the same under the topics `forward` and `backward`.
///
/// Without room or without a peer a message is not shown, which is
/// [counted](crate::ProxyStats::uncaptured).
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Capture {
    /// To peers in turn.
    Push(Arc<Push<Multipart>>),
    /// To whoever subscribed.
    Publisher(Arc<Publisher<Multipart>>),
}

impl Capture {
    /// Shows a message; false if it could not be shown at once.
    pub(super) fn show(&self, topic: &'static str, message: &Multipart) -> bool {
        match self {
            Self::Push(push) => push.try_send(message).is_ok(),
            Self::Publisher(publisher) => {
                // It waits only if it was told to block, which must not hold up the traffic.
                let published = unconstrained(publisher.publish(topic, message)).now_or_never();
                matches!(published, Some(Ok(())))
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Push(push) => push.close().await,
            Self::Publisher(publisher) => publisher.close().await,
        };
    }
}

impl From<Push<Multipart>> for Capture {
    fn from(it: Push<Multipart>) -> Self {
        Self::Push(Arc::new(it))
    }
}

impl From<Arc<Push<Multipart>>> for Capture {
    fn from(it: Arc<Push<Multipart>>) -> Self {
        Self::Push(it)
    }
}

impl From<Publisher<Multipart>> for Capture {
    fn from(it: Publisher<Multipart>) -> Self {
        Self::Publisher(Arc::new(it))
    }
}

impl From<Arc<Publisher<Multipart>>> for Capture {
    fn from(it: Arc<Publisher<Multipart>>) -> Self {
        Self::Publisher(it)
    }
}
