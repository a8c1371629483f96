//! What agents log, and the agent that collects it.

mod book;
mod file;
mod line;
mod lines;
mod logger;
mod talk;

pub(crate) use self::book::Book;
pub use self::line::{LogLevel, LogLevelError, LogLine};
pub(crate) use self::lines::Lines;
pub use self::logger::{Logger, LoggerCalls, LoggerTells, RunLogger, run_logger};
