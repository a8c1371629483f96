//! Faults that must hurt nobody but those who are hit.

mod alone;
mod crowd;
mod killed;
mod stalled;
