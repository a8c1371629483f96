//! The vocabulary of gleis: what every other crate talks about.
//!
//! Names, paths, endpoints, deadlines, pending requests and dynamic values; no IO, no clock of
//! its own, no async runtime. Everything that is read from outside (text, bytes, serde) is
//! checked, and a bad one is an error, never a panic.
//!
//! ```
//! use gleis_core::{Endpoint, Name, Value};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint: Endpoint = "tcp://127.0.0.1:0".parse()?;
//! assert!(endpoint.is_loopback());
//! assert_eq!(Name::new("Alice")?.as_str(), "Alice");
//! assert_eq!(Value::from("hello").kind(), "string");
//! # Ok(())
//! # }
//! ```

pub use crate::{
    chance::SeededNames,
    correlator::{CorrelationId, Correlator, Full},
    deadline::Deadline,
    endpoint::{Endpoint, EndpointError, Host, InprocName, IpcAddress, TcpAddress},
    name::{Name, NameError},
    near::near,
    path::{Path, PathError},
    status::{Condition, Status},
    topology::{AgentInfo, SocketInfo, SocketLink, SocketName, Topology, Traffic},
    value::{Value, ValueError, from_value, to_value},
};

pub mod value;

mod chance;
mod correlator;
mod deadline;
mod endpoint;
mod name;
mod near;
mod path;
mod status;
mod text;
mod topology;
