//! The sockets of an agent, by alias.

mod addr;
mod error;
mod open;
mod pump;
mod table;
mod wire;

pub use self::addr::{Addr, Kind, KindError};
pub use self::error::{AliasError, OpenError, RecvError, RequestError, SendError};
pub use self::open::{Bind, Connect};
pub(crate) use self::table::{Open, Socket, Sockets};
