//! Under construction.

pub mod codec_suite;
