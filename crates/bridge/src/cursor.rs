//! Places in the log.

use std::fmt;
use std::str::FromStr;

/// A place in a log: behind the message of this number. Written `epoch:number`, the epoch as 16
/// hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Cursor {
    /// Which run of which bridge: each start begins another.
    pub epoch: u64,
    /// How many messages are before it.
    pub number: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}:{}", self.epoch, self.number)
    }
}

/// It is not written as cursors are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a cursor is epoch:number, as the bridge gave it")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (epoch, number) = text.split_once(':').ok_or(CursorError)?;
        let is_plain = |it: &str, len| !it.is_empty() && it.len() <= len && !it.starts_with('+');
        if !is_plain(epoch, 16) || !is_plain(number, 20) {
            return Err(CursorError);
        }
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| CursorError)?;
        Ok(Self { epoch, number: number.parse().map_err(|_| CursorError)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for (epoch, number) in [(0, 0), (1, 7), (u64::MAX, u64::MAX)] {
            let cursor = Cursor { epoch, number };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn nonsense_is_no_cursor() {
        for text in
            ["", ":", "1", "1:", ":1", "x:1", "1:x", "1:-1", "+1:1", "1:+1", "1:1:1", "-1:1"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
        assert!(format!("{}:1", "0".repeat(17)).parse::<Cursor>().is_err());
        assert!("0:18446744073709551616".parse::<Cursor>().is_err());
    }
}
