//! A hub for applications that talk by small JSON messages: what one of them sends, all of them get.
//!
//! A [`MessageServer`] has two addresses: one that applications send to, and one that they listen at.
//! What it receives it forwards unchanged, byte for byte. On the wire a message is one frame, the text of
//! a JSON object, so that any `PUSH` and `SUB` socket of ZeroMQ is an application: this is the broker of
//! Braviz, and works with its programs.
//!
//! | client | gets |
//! |---|---|
//! | [`MessageClient`] | messages of others, one by one; never its own |
//! | [`PassiveMessageClient`] | the last message, and how many there were |
//! | [`GenericMessageClient`] | all messages, its own included, by a [`MessageHandler`] |
//! | [`BlockingMessageClient`] | as `MessageClient`, in programs without a runtime |
//!
//! ```
//! use gleis_broker::{MessageClient, MessageServer};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = MessageServer::bind().await?;
//! let alice = MessageClient::connect(&server).await?;
//! let bob = MessageClient::connect(&server).await?;
//! alice.send_message(&json!({"type": "subject", "subject": "42"})).await?;
//! let message = bob.recv().await?;
//! assert_eq!(message.kind(), Some("subject"));
//! assert_eq!(message.value()["subject"], "42");
//! # Ok(())
//! # }
//! ```
//!
//! How a client knows its own messages: it writes 64 blanks behind them, spaces and tabs, which JSON
//! allows and ignores, and which spell a number of its own. So an equal message of somebody else always
//! arrives, whatever was lost or ignored in between.

mod addresses;
mod braviz;
mod client;
mod ends;
mod error;
mod json;
mod mark;
mod server;

pub use crate::addresses::Addresses;
pub use crate::braviz::{BravizMessage, Log, instance_id};
pub use crate::client::{
    BlockingMessageClient, GenericMessageClient, MessageClient, MessageHandler,
    PassiveMessageClient,
};
pub use crate::error::{ClientError, InvalidMessage};
pub use crate::json::Json;
pub use crate::server::{MessageServer, Messages, ServerBuilder, ServerStats};
