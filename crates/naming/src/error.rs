//! What can go wrong with names, one enum per family of operations.

use std::fmt;
use std::time::Duration;

use gleis_core::{Endpoint, EndpointError, Name};
use gleis_transport::ListenError;

use crate::Record;

/// Why a name was not registered.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The directory closes and takes in nobody.
    #[error("the name server is closing")]
    Closing,
    /// As much as allowed is registered, in all or by this client.
    #[error("no room for more than {limit} {what}")]
    Full {
        /// Names, or bytes of names and records.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Anything that can happen to every request.
    #[error(transparent)]
    Naming(#[from] NamingError),
    /// Somebody has the name. Retrying is safe, and of use once the holder is gone.
    #[error("the name `{name}` is taken by {holder}")]
    Taken {
        /// The name.
        name: Name,
        /// Where its holder is.
        holder: Endpoint,
    },
    /// The metadata is too large.
    #[error("the metadata has {len} bytes, the limit is {}", Record::MAX_METADATA)]
    TooLarge {
        /// How many bytes it has.
        len: usize,
    },
}

/// Why a directory did not answer as hoped.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum NamingError {
    /// As many requests or watches as allowed are in progress. Retrying later is safe.
    #[error("too many {what} in progress, the limit is {limit}")]
    Busy {
        /// Requests or watches.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// The directory has closed. A new one may stand there later.
    #[error("the name server has closed")]
    Closed,
    /// The server is there and did not answer in time. Retrying is safe.
    #[error("the name server at {endpoint} did not answer in time")]
    DeadlineExceeded {
        /// Where the server is.
        endpoint: Endpoint,
    },
    /// Somebody else registered this name, so only they may unregister it.
    #[error("the name `{name}` was not registered here")]
    NotHeld {
        /// The name.
        name: Name,
    },
    /// The server could do nothing with the request, or we nothing with its answer.
    #[error("the name server and its client do not understand each other: {reason}")]
    Protocol {
        /// What was wrong.
        reason: String,
    },
    /// Nobody has this name.
    #[error("nobody is called `{name}`{}", Suggestion(near))]
    Unknown {
        /// The name.
        name: Name,
        /// Names that are there and look alike, the nearest first.
        near: Vec<Name>,
    },
    /// The server cannot be reached at present. Retrying is safe.
    #[error("the name server at {endpoint} cannot be reached")]
    Unreachable {
        /// Where it should be.
        endpoint: Endpoint,
    },
}

/// Why there is no name server.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is none.
    #[error("no address for a name server")]
    Endpoint(#[source] EndpointError),
    /// Nobody can listen there.
    #[error("cannot start a name server")]
    Listen(#[source] ListenError),
}

/// Why there is no connection to a name server.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("no address of a name server")]
    Endpoint(#[source] EndpointError),
    /// Nobody answered in time. Retrying is safe.
    #[error("could not locate the name server at {endpoint} within {within:?}")]
    NotLocated {
        /// Where it should be.
        endpoint: Endpoint,
        /// How long we tried.
        within: Duration,
        /// Why the last attempt failed, if one did.
        source: Option<gleis_transport::ConnectError>,
    },
    /// Somebody is there and is no name server, or refuses us.
    #[error("no name server at {endpoint}")]
    Refused {
        /// Where.
        endpoint: Endpoint,
        /// What happened.
        source: gleis_transport::ConnectError,
    },
}

/// `; did you mean ..?`, or nothing.
struct Suggestion<'a>(&'a [Name]);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((last, others)) = self.0.split_last() else {
            return Ok(());
        };
        f.write_str("; did you mean ")?;
        for (i, name) in others.iter().enumerate() {
            write!(f, "{}`{name}`", if i == 0 { "" } else { ", " })?;
        }
        write!(f, "{}`{last}`?", if others.is_empty() { "" } else { " or " })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(near: &[&str], expect: &str) {
        let near = near.iter().map(|it| Name::new(it).unwrap()).collect();
        let error = NamingError::Unknown { name: Name::new("Alcie").unwrap(), near };
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn an_unknown_name_comes_with_the_names_that_look_alike() {
        check(&[], "nobody is called `Alcie`");
        check(&["Alice"], "nobody is called `Alcie`; did you mean `Alice`?");
        check(&["Alice", "Alec"], "nobody is called `Alcie`; did you mean `Alice` or `Alec`?");
        check(&["A", "B", "C"], "nobody is called `Alcie`; did you mean `A`, `B` or `C`?");
    }
}
