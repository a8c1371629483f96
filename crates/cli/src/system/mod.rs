//! `gleis graph`, `gleis top` and `gleis run`: all agents of a name server at once.

mod demo;
mod graph;
mod rates;
mod screen;
mod top;

pub(crate) use self::demo::run;
pub(crate) use self::graph::graph;
pub(crate) use self::top::top;
