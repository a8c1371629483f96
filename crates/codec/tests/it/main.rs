//! What the codecs promise.

mod any;
mod custom;
mod formats;
mod raw;
