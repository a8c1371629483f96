//! What a subscriber asks for.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use gleis_core::{Path, PathError};

/// Which topics a subscriber wants.
///
/// Bytes and text are prefixes wherever a filter is asked for: `subscribe("eu.")`.
///
/// ```
/// use gleis_patterns::Filter;
///
/// # fn main() -> Result<(), gleis_patterns::FilterError> {
/// assert!(Filter::from("eu").matches(b"europe"));
/// assert!(!Filter::exact("eu").matches(b"europe"));
/// assert!(Filter::path("eu.*.price")?.matches(b"eu.de.price"));
/// # Ok(())
/// # }
/// ```
///
/// A gleis publisher filters by itself, whatever the filter. Any other knows prefixes only: it is
/// asked for what the topics wanted have in common at their beginning, and what it sends beyond
/// that is dropped, and counted, on arrival.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Filter {
    /// This very topic.
    Exact(Bytes),
    /// Topics that are dotted paths of this form.
    Path(Pattern),
    /// All topics that begin with these bytes; without any, every topic.
    Prefix(Bytes),
}

impl Filter {
    /// The topic `topic` alone.
    pub fn exact(topic: impl AsRef<[u8]>) -> Self {
        Self::Exact(Bytes::copy_from_slice(topic.as_ref()))
    }

    /// Topics of the form `pattern`: see [`Pattern`].
    ///
    /// # Errors
    /// [`FilterError`] says what is wrong with the text.
    pub fn path(pattern: impl AsRef<str>) -> Result<Self, FilterError> {
        Pattern::new(pattern).map(Self::Path)
    }

    /// All topics that begin with `prefix`.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        Self::Prefix(Bytes::copy_from_slice(prefix.as_ref()))
    }

    /// Whether `topic` is among those wanted.
    pub fn matches(&self, topic: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => exact == topic,
            Self::Path(pattern) => pattern.matches(topic),
            Self::Prefix(prefix) => topic.starts_with(prefix),
        }
    }

    /// What all wanted topics begin with, as far as can be known.
    pub(crate) fn literal(&self) -> Bytes {
        match self {
            Self::Exact(topic) | Self::Prefix(topic) => topic.clone(),
            Self::Path(pattern) => Bytes::from(pattern.literal()),
        }
    }

    /// The bytes that say it in a command; a prefix has a command of its own.
    pub(crate) fn write(&self) -> Bytes {
        let (kind, text): (u8, &[u8]) = match self {
            Self::Exact(topic) => (b'E', topic),
            Self::Path(pattern) => (b'D', pattern.as_str().as_bytes()),
            Self::Prefix(prefix) => (b'P', prefix),
        };
        [&[kind], text].concat().into()
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, text) = bytes.split_first()?;
        match kind {
            b'D' => Self::path(std::str::from_utf8(text).ok()?).ok(),
            b'E' => Some(Self::exact(text)),
            _ => None,
        }
    }
}

impl<B: AsRef<[u8]>> From<B> for Filter {
    fn from(prefix: B) -> Self {
        Self::prefix(prefix)
    }
}

impl From<Pattern> for Filter {
    fn from(pattern: Pattern) -> Self {
        Self::Path(pattern)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(topic) => write!(f, "\"{}\"", topic.escape_ascii()),
            Self::Path(pattern) => write!(f, "{pattern}"),
            Self::Prefix(prefix) => write!(f, "\"{}\"..", prefix.escape_ascii()),
        }
    }
}

/// The form of a dotted path such as `eu.*.price`: `*` stands for exactly one segment, whatever it
/// is, and `**`, at the end only, for any number of segments, none included.
///
/// So `eu.**` wants `eu`, `eu.de` and `eu.de.price`, and not `europe`; `**` wants everything. Dots
/// around the text are stripped, as in a [`Path`]. A topic is taken as it stands: between two dots,
/// or at either end beside a dot, it has an empty segment, which only `**` takes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Pattern(
    // Invariant: `check` accepts it.
    Path,
);

/// One segment, whatever it is.
pub(crate) const ONE: &str = "*";
/// All segments that follow.
pub(crate) const REST: &str = "**";

impl Pattern {
    /// The pattern `text`.
    ///
    /// # Errors
    /// [`FilterError`] says what is wrong with the text.
    pub fn new(text: impl AsRef<str>) -> Result<Self, FilterError> {
        let path = Path::new(text).map_err(FilterError::Path)?;
        check(&path)?;
        Ok(Self(path))
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether `topic` is a path of this form.
    pub fn matches(&self, topic: &[u8]) -> bool {
        let mut segments = topic.split(|it| *it == b'.').filter(|_| !topic.is_empty());
        for wanted in self.0.segments() {
            if wanted == REST {
                return true;
            }
            match segments.next() {
                Some(segment) if wanted == ONE && !segment.is_empty() => (),
                Some(segment) if wanted.as_bytes() == segment => (),
                _ => return false,
            }
        }
        segments.next().is_none()
    }

    /// The text before the first segment that may be anything.
    fn literal(&self) -> String {
        let mut literal = String::new();
        for segment in self.0.segments() {
            let dot = if literal.is_empty() { "" } else { "." };
            match segment {
                REST => return literal,
                ONE => return literal + dot,
                segment => literal = literal + dot + segment,
            }
        }
        literal
    }
}

fn check(path: &Path) -> Result<(), FilterError> {
    let mut segments = path.segments();
    let last = segments.next_back();
    for segment in segments {
        if segment == REST {
            return Err(FilterError::NotLast);
        }
        check_segment(segment)?;
    }
    last.map_or(Ok(()), check_segment)
}

fn check_segment(segment: &str) -> Result<(), FilterError> {
    match segment {
        ONE | REST => Ok(()),
        _ if segment.contains('*') => Err(FilterError::Mixed { segment: segment.to_owned() }),
        _ => Ok(()),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Pattern {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::new(text)
    }
}

/// Why a text is no [`Pattern`].
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// A segment has a wildcard and something else.
    #[error("segment {segment:?} is neither a wildcard nor a text")]
    Mixed {
        /// The first such segment.
        segment: String,
    },
    /// Something follows what stands for the rest.
    #[error("`**` stands before the end")]
    NotLast,
    /// It is no dotted path.
    #[error("bad pattern")]
    Path(#[source] PathError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, topics: &[&str], others: &[&str]) {
        let filter = Filter::path(pattern).unwrap();
        for topic in topics {
            assert!(filter.matches(topic.as_bytes()), "{pattern} wants {topic}");
            assert!(topic.as_bytes().starts_with(&filter.literal()), "{pattern} asks for {topic}");
        }
        for topic in others {
            assert!(!filter.matches(topic.as_bytes()), "{pattern} does not want {topic}");
        }
    }

    #[test]
    fn a_star_is_one_segment() {
        check(
            "eu.*.price",
            &["eu.de.price", "eu.*.price"],
            &["eu.price", "eu.a.b.price", "eu..price"],
        );
        check("*", &["a", "eu"], &["", "a.b", "."]);
        check("a.*", &["a.b"], &["a", "a.", "a.b.c", "ab"]);
    }

    #[test]
    fn two_stars_are_the_rest() {
        check("eu.**", &["eu", "eu.de", "eu.de.price", "eu.", "eu..x"], &["europe", "", "us"]);
        check("**", &["", "a", "a.b", "."], &[]);
        check("*.**", &["a", "a.b"], &["", ".a"]);
    }

    #[test]
    fn a_pattern_without_wildcards_is_one_topic() {
        check("a.b", &["a.b"], &["a", "a.b.c", "a.bc", "a.b."]);
        check("", &[""], &["a", "."]);
        check(".a.b.", &["a.b"], &[".a.b."]);
    }

    #[test]
    fn what_a_foreign_publisher_is_asked_for_is_the_literal_beginning() {
        let literal = |it: &str| Filter::path(it).unwrap().literal();
        assert_eq!(literal("eu.de.*.price"), "eu.de.");
        assert_eq!(literal("eu.**"), "eu");
        assert_eq!(literal("eu.de"), "eu.de");
        assert_eq!(literal("*.de"), "");
        assert_eq!(Filter::exact("eu").literal(), "eu");
    }

    #[test]
    fn a_bad_pattern_is_refused_with_a_reason() {
        let error = |it: &str| Filter::path(it).unwrap_err().to_string();
        assert_eq!(error("a.b*"), "segment \"b*\" is neither a wildcard nor a text");
        assert_eq!(error("***"), "segment \"***\" is neither a wildcard nor a text");
        assert_eq!(error("a.**.b"), "`**` stands before the end");
        assert_eq!(error("a..b"), "bad pattern");
        assert_eq!(error(&"x".repeat(2_000)), "bad pattern");
    }

    #[test]
    fn a_filter_reads_well_in_a_log() {
        assert_eq!(Filter::from([0, b'a']).to_string(), "\"\\x00a\"..");
        assert_eq!(Filter::exact("a").to_string(), "\"a\"");
        assert_eq!(Filter::path("a.*").unwrap().to_string(), "a.*");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for filter in [Filter::exact(b"\0\xff"), Filter::exact(""), Filter::path("a.*.**").unwrap()]
        {
            assert_eq!(Filter::read(&filter.write()), Some(filter));
        }
        for bytes in [&b""[..], b"Pa", b"D\xff", b"Da..b", b"D**.a", b"X"] {
            assert_eq!(Filter::read(bytes), None);
        }
    }

    /// A match by trying everything.
    fn naive(pattern: &[&str], topic: &[&str]) -> bool {
        match (pattern, topic) {
            ([], []) | (["**"], _) => true,
            (["*", pattern @ ..], [first, topic @ ..]) => {
                !first.is_empty() && naive(pattern, topic)
            }
            ([a, pattern @ ..], [b, topic @ ..]) => a == b && naive(pattern, topic),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_as_a_naive_matcher_does(
            pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*"]), 0..5),
            rest in any::<bool>(),
            topic in prop::collection::vec(prop::sample::select(vec!["a", "b", "c", ""]), 0..6),
        ) {
            let mut pattern = pattern;
            pattern.extend(rest.then_some("**"));
            let text = topic.join(".");
            let segments: Vec<&str> = if text.is_empty() { vec![] } else { text.split('.').collect() };
            let filter = Filter::path(pattern.join(".")).unwrap();
            let expect = naive(&pattern, &segments);
            prop_assert_eq!(filter.matches(text.as_bytes()), expect);
            prop_assert!(!expect || text.as_bytes().starts_with(&filter.literal()));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(filter) = Filter::read(&bytes) {
                prop_assert_eq!(Filter::read(&filter.write()), Some(filter));
            }
        }
    }
}
