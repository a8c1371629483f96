//! Links inside the process: values change hands as they are.

mod pipe;
mod registry;

pub(crate) use pipe::{PipeReader, PipeWriter, pair};
pub(crate) use registry::{InprocListener, connect};
