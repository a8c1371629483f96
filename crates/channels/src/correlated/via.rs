//! A request through one channel, and its reply through another.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use super::content::Content;
use super::error::RemoteError;
use super::kinds::{BroadcastChannel, CorrelatedChannel, MailboxChannel, PassthroughChannel};
use super::kinds::{WorkQueueChannel, sealed::Handle};
use super::message::{ChannelMessage, unique};

/// Channels, of this process or another, that requests and replies go through.
pub trait Correlated: Sync {
    /// Which channel it is.
    fn channel_id(&self) -> &str;

    /// Waits for a message of this correlation whose id is not `except`, from this call on, not only when
    /// it is polled. `None` if there is none within this time.
    fn expect(
        &self,
        correlation: &str,
        except: &str,
        within: Duration,
    ) -> impl Future<Output = Result<Option<ChannelMessage>, RemoteError>> + Send;

    /// Appends a message.
    fn append(
        &self,
        message: ChannelMessage,
    ) -> impl Future<Output = Result<String, RemoteError>> + Send;
}

macro_rules! correlated {
    ($($channel:ty),*) => {
        $(impl Correlated for $channel {
            fn channel_id(&self) -> &str {
                self.id()
            }

            fn expect(
                &self,
                correlation: &str,
                except: &str,
                within: Duration,
            ) -> impl Future<Output = Result<Option<ChannelMessage>, RemoteError>> + Send {
                let expected = self.shared().expect(correlation, except, within);
                async move { Ok(expected.await?.map(|it| (*it).clone())) }
            }

            fn append(
                &self,
                message: ChannelMessage,
            ) -> impl Future<Output = Result<String, RemoteError>> + Send {
                std::future::ready(self.write(message).map_err(RemoteError::Channel))
            }
        })*
    };
}

correlated!(BroadcastChannel, MailboxChannel, PassthroughChannel, WorkQueueChannel);

/// Writes a request to one channel and waits for the reply in another: the first message there that has
/// the request's correlation id, which the responder copies (see [`ChannelMessage::reply`]).
///
/// The waiter is there before the request is written, and is woken by the reply; no reader moves, the
/// sender's own included, and the reply stays in its channel. The content is what it was made as. Any
/// number of requests may be under way, with one sender, too. `None` means that there was no reply within
/// `timeout`.
///
/// # Errors
/// What a channel says: it is closed, or full.
///
/// # Cancel safety
/// A dropped future waits no more; the request stays in its channel.
pub async fn request_via_channel<Q: Correlated, R: Correlated>(
    request_channel: &Q,
    response_channel: &R,
    sender: impl Into<String> + Send,
    content: impl Into<Content> + Send,
    timeout: Duration,
) -> Result<Option<ChannelMessage>, RemoteError> {
    let correlation = unique();
    let request = ChannelMessage::new(sender, content)
        .correlation_id(correlation.clone())
        .reply_to(response_channel.channel_id());
    let id = request.id.clone();
    let mut reply = pin!(response_channel.expect(&correlation, &id, timeout));
    // The time runs while the request is written.
    tokio::select! {
        biased;
        written = request_channel.append(request) => drop(written?),
        reply = &mut reply => return reply,
    }
    reply.await
}
