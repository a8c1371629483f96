//! Typed values to bytes and back, with limits.
//!
//! A codec turns any serde type into bytes. [`AnyCodec`] holds one of the built-in
//! codecs, which are cargo features of the same name, or a [`Codec`] of your own:
//!
//! | codec | for |
//! |---|---|
//! | `bincode` | the default: small and fast, both ends share the Rust type |
//! | `json` | reading along, and talking to everybody |
//! | `msgpack` | small and self-describing, with named fields |
//! | `postcard` | the smallest, with a written wire format |
//! | `raw` | [`Bytes`](bytes::Bytes) only, passed on without a copy; always there |
//!
//! ```
//! # #[cfg(feature = "bincode")] {
//! use gleis_codec::{AnyCodec, Limits};
//!
//! let codec = AnyCodec::default_for::<(u32, String)>();
//! let bytes = codec.encode(&(7_u32, "seven".to_owned()), &Limits::default())?;
//! let back: (u32, String) = codec.decode(&bytes, &Limits::default())?;
//! assert_eq!(back, (7, "seven".to_owned()));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A value comes back unchanged or is refused. What a peer sends is decoded within
//! [`Limits`]: neither a claimed length nor deep nesting costs more than the bytes that came.

mod any;
#[cfg(feature = "bincode")]
mod bincode;
mod codec;
mod custom;
mod error;
mod guard;
#[cfg(feature = "json")]
mod json;
mod limits;
mod message;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "postcard")]
mod postcard;
mod raw;
mod sink;

pub use crate::{
    any::AnyCodec,
    codec::Codec,
    error::{BoxError, DecodeError, EncodeError, Fault},
    limits::Limits,
    message::Message,
};
