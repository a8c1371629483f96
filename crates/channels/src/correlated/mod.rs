//! Correlated channels: logs of messages that many write to and many read, each at its own pace.

mod content;
mod error;
mod kinds;
mod log;
mod message;
mod remote;
mod rules;
mod served;
mod shared;
mod subscription;
mod via;

pub use self::content::{Content, ValidationError};
pub use self::error::{ChannelError, ConnectError, RemoteError};
pub use self::kinds::{
    BroadcastChannel, ChannelBuilder, ClaimChannel, CorrelatedChannel, MailboxChannel,
    PassthroughChannel, ReadChannel, WorkQueueChannel,
};
pub use self::log::{Claim, ClaimToken, LogStats};
pub use self::message::ChannelMessage;
pub use self::remote::{RemoteChannel, RemoteSubscription};
pub use self::served::{ChannelInfo, ServedChannel};
pub use self::subscription::Subscription;
pub use self::via::{Correlated, request_via_channel};
