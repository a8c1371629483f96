//! What a session does with bytes and times.

mod corpus;
mod drive;
mod handshake;
mod heartbeat;
mod limits;
mod pair;
mod splits;
mod subscriptions;
mod traffic;
