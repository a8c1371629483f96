//! What messages cost beside time, and programs that measure.

#![expect(clippy::print_stdout, reason = "what was counted is worth knowing while it is allowed")]
#![expect(clippy::unwrap_used, reason = "helpers of tests say what they expect, too")]

mod allocations;
mod growth;
mod pages;
