//! What the codecs promise.

mod any;
mod custom;
mod formats;
mod pickle;
mod raw;
