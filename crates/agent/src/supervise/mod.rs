//! What happens after a failure: agents begin anew, by themselves or because a supervisor has them.

mod anew;
mod child;
mod ended;
mod kid;
mod leash;
mod restart;
mod supervisor;

pub(crate) use self::anew::{Anew, Over};
pub use self::child::{Child, ChildInfo, ChildKind};
pub(crate) use self::ended::ended;
pub use self::ended::{Ended, Link};
pub(crate) use self::leash::{End, Leash};
pub use self::restart::Restart;
pub use self::supervisor::{Strategy, Supervisor, SupervisorCalls, SupervisorTells};
