//! What an agent is given while it runs: attributes and methods by name.

mod access;
mod attribute;
mod attributes;
#[cfg(not(feature = "script"))]
mod given;
mod methods;
mod names;
mod start;

pub(crate) use self::access::{call_here, method};
pub use self::attribute::Attribute;
pub(crate) use self::attributes::Attributes;
#[cfg(feature = "script")]
pub(crate) use self::methods::DynMethod;
pub(crate) use self::methods::{Functions, Methods, dynamic};
pub use self::methods::{MethodInfo, ScriptInfo};
pub(crate) use self::names::initial;
pub(crate) use self::start::{Fields, Start};
