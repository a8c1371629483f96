//! The sockets of an agent, by alias.

mod addr;
mod ask;
mod asked;
mod carrier;
mod error;
mod glue;
mod handler;
mod handling;
mod make;
mod open;
mod origin;
mod pump;
mod routes;
mod table;
mod wire;

pub use self::addr::{Addr, Kind, KindError};
pub use self::ask::Ask;
pub(crate) use self::carrier::Socket;
pub use self::error::{
    AliasError, EarlyReplyError, OpenError, RecvError, RequestError, SendError, SubscribeError,
};
#[cfg(feature = "script")]
pub(crate) use self::handler::Received;
pub(crate) use self::handler::{AnyHandler, forget, forget_shared, named};
pub(crate) use self::handling::Handling;
pub use self::open::{Bind, Connect};
pub(crate) use self::table::{Open, Sockets};
