//! Dotted paths: where in a tree of services, widgets or topics something is.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use crate::text::serde_as_text;

/// A dotted path such as `address.usa`; the empty path is the [root](Path::root).
///
/// Prefixes are compared segment by segment, never as text: `address` is a prefix of
/// `address.usa`, not of `addressbook`. Dots around the text are stripped; an empty segment
/// inside it is an error. Paths are sorted as their texts are. A clone costs a reference count.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Path(
    // Invariant: `check` accepts it, and it neither begins nor ends with a dot.
    Arc<str>,
);

impl Path {
    /// The longest path, in bytes.
    pub const MAX_LEN: usize = 1_024;

    /// The path without segments, a prefix of every path.
    pub fn root() -> Self {
        Self("".into())
    }

    /// The path `text`.
    ///
    /// # Errors
    /// [`PathError`] says which rule `text` breaks.
    pub fn new(text: impl AsRef<str>) -> Result<Self, PathError> {
        let text = text.as_ref().trim_matches('.');
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The path as text, without dots around it; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all segments of `self` are the first segments of `other`; a path is a prefix of itself.
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        self.tail_in(other).is_some()
    }

    /// Whether this is the path without segments.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path `other` below this one.
    ///
    /// # Errors
    /// [`PathError::TooLong`] when the two together exceed [`Path::MAX_LEN`].
    pub fn join(&self, other: &Self) -> Result<Self, PathError> {
        if self.is_root() {
            return Ok(other.clone());
        }
        if other.is_root() {
            return Ok(self.clone());
        }
        Self::new(format!("{self}.{other}"))
    }

    /// The path without its last segment, or `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rfind('.').unwrap_or(0);
        Some(Self(self.0[..end].into()))
    }

    /// The prefixes of this path, growing: `a`, `a.b`, `a.b.c`; none for the root.
    pub fn prefixes(&self) -> impl DoubleEndedIterator<Item = Self> {
        let ends = self.0.match_indices('.').map(|(at, _)| at);
        let whole = (!self.is_root()).then_some(self.0.len());
        ends.chain(whole).map(|end| Self(self.0[..end].into()))
    }

    /// The segments between the dots; none for the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        // The only empty segment is the one `split` makes of the root.
        self.0.split('.').filter(|it| !it.is_empty())
    }

    /// What is left of this path below `prefix`, or `None` when `prefix` is no prefix of it.
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        prefix.tail_in(self).map(|it| Self(it.into()))
    }

    fn tail_in<'a>(&self, other: &'a Self) -> Option<&'a str> {
        if self.is_root() {
            return Some(&other.0);
        }
        let rest = other.0.strip_prefix(&*self.0)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
    }
}

impl AsRef<str> for Path {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Path {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Default for Path {
    fn default() -> Self {
        Self::root()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Path {
    type Error = PathError;

    fn try_from(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Path {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::new(text)
    }
}

serde_as_text!(Path, "a dotted path");

/// Why a text is no [`Path`].
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathError {
    /// Two dots stand side by side inside the path.
    #[error("path has an empty segment at byte {at}")]
    EmptySegment {
        /// Where, once the dots around the path are stripped.
        at: usize,
    },
    /// The character may not stand in a path.
    #[error("path contains {found:?}")]
    Forbidden {
        /// The first such character.
        found: char,
    },
    /// The path is longer than [`Path::MAX_LEN`].
    #[error("path has {len} bytes, the limit is {}", Path::MAX_LEN)]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
}

fn check(text: &str) -> Result<(), PathError> {
    if Path::MAX_LEN < text.len() {
        return Err(PathError::TooLong { len: text.len() });
    }
    if let Some(at) = text.find("..") {
        return Err(PathError::EmptySegment { at: at + 1 });
    }
    match text.chars().find(|it| it.is_control()) {
        Some(found) => Err(PathError::Forbidden { found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[track_caller]
    fn prefixes(text: &str, expect: &[&str]) {
        let res: Vec<_> = path(text).prefixes().collect();
        assert!(res.iter().map(Path::as_str).eq(expect.iter().copied()), "{res:?}");
    }

    #[test]
    fn dots_around_a_path_are_stripped() {
        assert_eq!(path("..a.b.").as_str(), "a.b");
        assert_eq!(path("."), Path::root());
        assert_eq!(path(""), Path::root());
    }

    #[test]
    fn an_empty_inner_segment_is_refused() {
        let error = Path::new(".a..b").unwrap_err();
        assert_eq!(error.to_string(), "path has an empty segment at byte 2");
    }

    #[test]
    fn control_characters_and_too_long_paths_are_refused() {
        assert_eq!(Path::new("a.\n"), Err(PathError::Forbidden { found: '\n' }));
        assert!(Path::new("x".repeat(1_024)).is_ok());
        assert_eq!(Path::new("x".repeat(1_025)), Err(PathError::TooLong { len: 1_025 }));
    }

    #[test]
    fn prefixes_grow_and_fire_once_each() {
        prefixes("a.b.c", &["a", "a.b", "a.b.c"]);
        prefixes(".a", &["a"]);
        prefixes("", &[]);
    }

    #[test]
    fn a_prefix_ends_at_a_dot() {
        assert!(path("address").is_prefix_of(&path("address.usa")));
        assert!(path("address").is_prefix_of(&path("address")));
        assert!(Path::root().is_prefix_of(&path("address")));
        assert!(!path("address").is_prefix_of(&path("addressbook")));
        assert!(!path("address.usa").is_prefix_of(&path("address")));
    }

    #[test]
    fn stripping_a_prefix_leaves_the_tail() {
        let whole = path("part.1.part.2.part.3");
        assert_eq!(whole.strip_prefix(&path("part.1")), Some(path("part.2.part.3")));
        assert_eq!(whole.strip_prefix(&whole), Some(Path::root()));
        assert_eq!(whole.strip_prefix(&path("part.2")), None);
        assert_eq!(whole.strip_prefix(&path("par")), None);
    }

    #[test]
    fn the_parent_of_a_single_segment_is_the_root() {
        assert_eq!(path("a.b").parent(), Some(path("a")));
        assert_eq!(path("a").parent(), Some(Path::root()));
        assert_eq!(Path::root().parent(), None);
    }

    #[test]
    fn joining_beyond_the_limit_is_an_error() {
        let long = path(&"x".repeat(600));
        assert_eq!(long.join(&long), Err(PathError::TooLong { len: 1_201 }));
    }
}
