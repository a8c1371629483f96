//! Which dotted paths are wanted.

use std::collections::btree_map::{BTreeMap, Entry};
use std::fmt;

use crate::filter::Pattern;
use crate::paths::tree::Tree;

mod tree;

/// Patterns, each counted: subscribed to twice it must be cancelled twice.
#[derive(Default)]
pub(crate) struct Paths {
    counts: BTreeMap<Pattern, usize>,
    // Invariant: has the patterns that are counted.
    tree: Tree,
}

impl Paths {
    /// True if `pattern` is new.
    pub(crate) fn add(&mut self, pattern: Pattern) -> bool {
        match self.counts.entry(pattern) {
            Entry::Occupied(mut entry) => {
                *entry.get_mut() += 1;
                false
            }
            Entry::Vacant(entry) => {
                self.tree.add(entry.key());
                entry.insert(1);
                true
            }
        }
    }

    pub(crate) fn contains(&self, pattern: &Pattern) -> bool {
        self.counts.contains_key(pattern)
    }

    /// Cancels all subscriptions to `pattern`; false if there is none.
    pub(crate) fn forget(&mut self, pattern: &Pattern) -> bool {
        let is_here = self.counts.remove(pattern).is_some();
        if is_here {
            self.tree.remove(pattern);
        }
        is_here
    }

    /// The patterns, each once, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.counts.keys()
    }

    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Cancels one subscription; true if it was the last one of `pattern`, `None` if there is none.
    pub(crate) fn remove(&mut self, pattern: &Pattern) -> Option<bool> {
        let count = self.counts.get_mut(pattern)?;
        *count -= 1;
        let last = *count == 0;
        if last {
            self.forget(pattern);
        }
        Some(last)
    }

    /// Whether one of the patterns wants `topic`.
    pub(crate) fn want(&self, topic: &[u8]) -> bool {
        // A topic may be as long as a message, and is not looked at for nothing.
        !self.counts.is_empty() && self.tree.wants(topic)
    }
}

impl fmt::Debug for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    fn paths(patterns: &[&str]) -> Paths {
        let mut paths = Paths::default();
        for it in patterns {
            paths.add(pattern(it));
        }
        paths
    }

    #[track_caller]
    fn check(patterns: &[&str], topics: &[&str], others: &[&str]) {
        let paths = paths(patterns);
        for topic in topics {
            assert!(paths.want(topic.as_bytes()), "{topic} is wanted");
        }
        for topic in others {
            assert!(!paths.want(topic.as_bytes()), "{topic} is not wanted");
        }
    }

    #[test]
    fn a_topic_is_wanted_if_one_pattern_has_its_form() {
        check(&["a.*.c", "a.b.d"], &["a.b.c", "a.b.d", "a.x.c"], &["a.x.d", "a.b", "a..c", ""]);
        check(&["a.**", "a.b.c"], &["a", "a.b", "a..", "a.*"], &["", "ab", ".a"]);
        check(&["", "*.*"], &["", "a.b", "**.*"], &["a", ".", "a.", ".b", "a.b.c"]);
        check(&["**"], &["", ".", "a.b"], &[]);
        check(&[], &[], &["", ".", "a"]);
    }

    #[test]
    fn a_pattern_counts() {
        let mut paths = paths(&["a.*", "a.*"]);
        assert_eq!(paths.len(), 1);
        assert_eq!(paths.remove(&pattern("a.*")), Some(false));
        assert!(paths.want(b"a.b") && paths.contains(&pattern("a.*")));
        assert_eq!(paths.remove(&pattern("a.*")), Some(true));
        assert_eq!(paths.remove(&pattern("a.*")), None);
        assert!(!paths.want(b"a.b") && !paths.forget(&pattern("a.*")));
    }

    fn any_pattern() -> impl Strategy<Value = Pattern> {
        let segment = prop::sample::select(vec!["a", "b", "ab", "*"]);
        let segments = prop::collection::vec(segment, 0..6);
        (segments, any::<bool>()).prop_map(|(mut it, rest)| {
            it.extend(rest.then_some("**"));
            pattern(&it.join("."))
        })
    }

    fn any_topic() -> impl Strategy<Value = Vec<u8>> {
        let segment = prop::sample::select(vec![&b"a"[..], b"b", b"ab", b"", b"\xff", b"*", b"**"]);
        prop::collection::vec(segment, 0..7).prop_map(|it| it.join(&b'.'))
    }

    proptest! {
        #[test]
        fn they_want_what_one_of_them_wants_and_leave_nothing_behind(
            changes in prop::collection::vec((any_pattern(), 0..5), 0..60),
            topics in prop::collection::vec(any_topic(), 1..30),
        ) {
            let (mut paths, mut naive) = (Paths::default(), Vec::new());
            for (pattern, change) in changes {
                let here = naive.iter().filter(|it| **it == pattern).count();
                prop_assert_eq!(paths.contains(&pattern), 0 < here);
                match change {
                    0 => {
                        prop_assert_eq!(paths.forget(&pattern), 0 < here);
                        naive.retain(|it| *it != pattern);
                    }
                    1 => {
                        prop_assert_eq!(paths.remove(&pattern), (0 < here).then_some(here == 1));
                        naive.iter().position(|it| *it == pattern).map(|at| naive.remove(at));
                    }
                    _ => {
                        prop_assert_eq!(paths.add(pattern.clone()), here == 0);
                        naive.push(pattern);
                    }
                }
                paths.tree.n_nodes();
            }
            for topic in &topics {
                let expect = naive.iter().any(|it| it.matches(topic));
                prop_assert_eq!(paths.want(topic), expect, "{}", topic.escape_ascii());
            }
            naive.sort();
            while let Some(pattern) = naive.pop() {
                prop_assert!(paths.iter().is_sorted());
                prop_assert_eq!(paths.remove(&pattern), Some(!naive.contains(&pattern)));
                paths.tree.n_nodes();
                let topic = &topics[naive.len() % topics.len()];
                prop_assert_eq!(paths.want(topic), naive.iter().any(|it| it.matches(topic)));
            }
            prop_assert_eq!((paths.len(), paths.tree.n_nodes()), (0, 0));
        }
    }
}
