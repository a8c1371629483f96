//! Keys of maps.
