//! Which topics are wanted, and what for.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use gleis_patterns::{Filter, Pattern};

/// A value for each filter. Looking up a topic costs a look per length of prefixes, and one per
/// pattern.
pub(crate) struct Interests<V> {
    exact: HashMap<Bytes, V>,
    /// How many prefixes have each length.
    // Invariant: the sum is the number of prefixes; no length is zero times there.
    lengths: BTreeMap<usize, usize>,
    patterns: Vec<(Pattern, V)>,
    prefixes: HashMap<Bytes, V>,
}

/// Comparing with so many prefixes costs less than looking one up.
const FEW: usize = 8;

impl<V> Default for Interests<V> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            lengths: BTreeMap::new(),
            patterns: Vec::new(),
            prefixes: HashMap::new(),
        }
    }
}

impl<V> Interests<V> {
    /// Remembers `value` for `filter`; what was there before is returned.
    pub(crate) fn insert(&mut self, filter: Filter, value: V) -> Option<V> {
        match filter {
            Filter::Exact(topic) => self.exact.insert(topic, value),
            Filter::Path(pattern) => {
                let old = self.patterns.iter_mut().find(|it| it.0 == pattern);
                if let Some((_, old)) = old {
                    return Some(std::mem::replace(old, value));
                }
                self.patterns.push((pattern, value));
                None
            }
            Filter::Prefix(prefix) => {
                let len = prefix.len();
                let old = self.prefixes.insert(prefix, value);
                if old.is_none() {
                    *self.lengths.entry(len).or_default() += 1;
                }
                old
            }
        }
    }

    pub(crate) fn remove(&mut self, filter: &Filter) -> Option<V> {
        match filter {
            Filter::Exact(topic) => self.exact.remove(topic),
            Filter::Path(pattern) => {
                let at = self.patterns.iter().position(|it| it.0 == *pattern)?;
                Some(self.patterns.remove(at).1)
            }
            Filter::Prefix(prefix) => {
                let old = self.prefixes.remove(prefix)?;
                let n = self.lengths.entry(prefix.len()).or_default();
                *n -= 1;
                if *n == 0 {
                    self.lengths.remove(&prefix.len());
                }
                Some(old)
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn len(&self) -> usize {
        self.exact.len() + self.patterns.len() + self.prefixes.len()
    }

    /// Whether the empty prefix is among them.
    pub(crate) fn want_everything(&self) -> bool {
        self.lengths.contains_key(&0)
    }

    /// Whether any filter wants `topic`.
    pub(crate) fn want(&self, topic: &[u8]) -> bool {
        if FEW < self.prefixes.len() {
            return self.matching(topic).next().is_some();
        }
        self.prefixes.keys().any(|it| topic.starts_with(it))
            || (!self.exact.is_empty() && self.exact.contains_key(topic))
            || self.patterns.iter().any(|it| it.0.matches(topic))
    }

    /// Shows the values of the filters that want `topic`, in whatever order.
    pub(crate) fn visit(&self, topic: &[u8], mut see: impl FnMut(&V)) {
        if FEW < self.prefixes.len() {
            return self.matching(topic).for_each(see);
        }
        self.prefixes.iter().filter(|it| topic.starts_with(it.0)).for_each(|it| see(it.1));
        if !self.exact.is_empty() {
            self.exact.get(topic).into_iter().for_each(&mut see);
        }
        self.patterns.iter().filter(|it| it.0.matches(topic)).for_each(|it| see(&it.1));
    }

    /// The values of the filters that want `topic`: prefixes from the shortest on, then the exact
    /// topic, then patterns in the order they came.
    pub(crate) fn matching<'a>(&'a self, topic: &'a [u8]) -> impl Iterator<Item = &'a V> {
        let lengths = self.lengths.range(..=topic.len());
        let prefixes = lengths.filter_map(|(len, _)| self.prefixes.get(&topic[..*len]));
        let patterns = self.patterns.iter().filter(|it| it.0.matches(topic)).map(|it| &it.1);
        prefixes.chain(self.exact.get(topic)).chain(patterns)
    }

    pub(crate) fn filters(&self) -> impl Iterator<Item = Filter> {
        let exact = self.exact.keys().map(|it| Filter::Exact(it.clone()));
        let patterns = self.patterns.iter().map(|it| Filter::Path(it.0.clone()));
        let prefixes = self.prefixes.keys().map(|it| Filter::Prefix(it.clone()));
        exact.chain(patterns).chain(prefixes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(interests: &Interests<u8>, topic: &str, expect: &[u8]) {
        let values: Vec<u8> = interests.matching(topic.as_bytes()).copied().collect();
        assert_eq!(values, expect, "{topic}");
    }

    #[test]
    fn every_filter_that_wants_a_topic_is_found() {
        let mut interests = Interests::default();
        interests.insert(Filter::path("eu.*").unwrap(), 4);
        interests.insert(Filter::exact("eu.de"), 3);
        interests.insert(Filter::prefix("eu"), 2);
        interests.insert(Filter::prefix(""), 1);
        check(&interests, "eu.de", &[1, 2, 3, 4]);
        check(&interests, "eu.fr", &[1, 2, 4]);
        check(&interests, "us", &[1]);
        interests.remove(&Filter::prefix(""));
        check(&interests, "us", &[]);
        assert!(!interests.want(b"us") && interests.want(b"europe"));
    }

    #[test]
    fn a_filter_that_comes_again_replaces_the_value() {
        let mut interests = Interests::default();
        for filter in [Filter::prefix("a"), Filter::exact("a"), Filter::path("a.*").unwrap()] {
            assert_eq!(interests.insert(filter.clone(), 1), None);
            assert_eq!(interests.insert(filter.clone(), 2), Some(1));
            assert_eq!(interests.len(), 1);
            assert_eq!(interests.remove(&filter), Some(2));
            assert_eq!(interests.remove(&filter), None);
        }
        assert_eq!(interests.filters().count(), 0);
    }
}
