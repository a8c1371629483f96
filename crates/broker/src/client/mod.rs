//! Applications of a hub.

mod active;
mod blocking;
mod generic;
mod passive;

pub use active::MessageClient;
pub use blocking::BlockingMessageClient;
pub use generic::{GenericMessageClient, MessageHandler};
pub use passive::PassiveMessageClient;
