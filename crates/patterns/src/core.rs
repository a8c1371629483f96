//! The core of every socket.
