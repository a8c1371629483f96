//! Timers: what an agent does later, once or again and again.

mod set;
mod table;

pub(crate) use self::set::after;
pub use self::set::{Missed, TimerId, TimerInfo, TimerKey, TimerPlan};
pub(crate) use self::table::{AnyAction, Due, Timers, forget_action};
