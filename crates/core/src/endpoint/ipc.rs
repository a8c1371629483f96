//! Unix sockets: files, abstract names, and files yet to be chosen.

use std::{fmt, path::PathBuf, str::FromStr};

use super::error::{EndpointError, check_part};

/// Which Unix socket.
///
/// Parsed addresses have at most 107 bytes, which is what the system can bind, and no control
/// characters. An address made by hand may break these rules; the binder then says so.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum IpcAddress {
    /// `@name`: a name in the abstract namespace of Linux, without a file.
    Abstract(String),
    /// `*`: a fresh path, chosen by the binder.
    Any,
    /// The path of a socket file.
    Path(PathBuf),
}

impl IpcAddress {
    /// The longest path or abstract name, in bytes.
    pub const MAX_LEN: usize = 107;
}

impl fmt::Display for IpcAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abstract(name) => write!(f, "@{name}"),
            Self::Any => f.write_str("*"),
            Self::Path(path) => {
                let text = path.to_string_lossy();
                // A file that looks like the other two must not be read back as one of them.
                let mark = if text.starts_with('@') || text == "*" { "./" } else { "" };
                write!(f, "{mark}{text}")
            }
        }
    }
}

impl FromStr for IpcAddress {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(name) = text.strip_prefix('@') {
            check_part("abstract ipc name", name, Self::MAX_LEN)?;
            return Ok(Self::Abstract(name.to_owned()));
        }
        check_part("ipc path", text, Self::MAX_LEN)?;
        Ok(Self::Path(text.into()))
    }
}
