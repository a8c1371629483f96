//! Target `greeting`: bytes from the first one on.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(
    dead_code,
    reason = "each target uses its part of the driver shared with the tests"
)]
#[path = "../../crates/zmtp/tests/it/drive.rs"]
mod drive;

fuzz_target!(|bytes: &[u8]| drive::greeting(bytes));
