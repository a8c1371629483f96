//! Agents in processes of their own: this program runs again, with the agent alone.

mod child;
mod folder;
mod handle;
mod run;
mod spec;

pub use self::child::{ProcessType, processes};
pub(crate) use self::folder::note;
pub use self::handle::ProcessHandle;
pub use self::run::{RunAgentProcess, run_agent_process};
