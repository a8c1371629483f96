//! All that one subscriber wants.

use std::collections::btree_map::{BTreeMap, Entry};

use bytes::Bytes;

use crate::filter::Filter;
use crate::paths::Paths;
use crate::topics::Topics;

/// Filters, each counted: subscribed to twice it must be cancelled twice.
///
/// All are looked up; none is tried one by one.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    exact: BTreeMap<Bytes, usize>,
    paths: Paths,
    prefixes: Topics,
}

impl Filters {
    /// True if `filter` is new.
    pub(crate) fn add(&mut self, filter: Filter) -> bool {
        match filter {
            Filter::Exact(topic) => {
                let count = self.exact.entry(topic).or_insert(0);
                *count += 1;
                *count == 1
            }
            Filter::Path(pattern) => self.paths.add(pattern),
            Filter::Prefix(prefix) => self.prefixes.add(prefix),
        }
    }

    pub(crate) fn contains(&self, filter: &Filter) -> bool {
        match filter {
            Filter::Exact(topic) => self.exact.contains_key(topic),
            Filter::Path(pattern) => self.paths.contains(pattern),
            Filter::Prefix(prefix) => self.prefixes.contains(prefix),
        }
    }

    /// Cancels all subscriptions to `filter`; false if there is none.
    pub(crate) fn forget(&mut self, filter: &Filter) -> bool {
        match filter {
            Filter::Exact(topic) => self.exact.remove(topic).is_some(),
            Filter::Path(pattern) => self.paths.forget(pattern),
            Filter::Prefix(prefix) => self.prefixes.forget(prefix),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The filters, each once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Filter> {
        let prefixes = self.prefixes.iter().cloned().map(Filter::Prefix);
        let exact = self.exact.keys().cloned().map(Filter::Exact);
        prefixes.chain(exact).chain(self.paths.iter().cloned().map(Filter::Path))
    }

    /// How many there are, each counted once.
    pub(crate) fn len(&self) -> usize {
        self.prefixes.len() + self.exact.len() + self.paths.len()
    }

    /// Cancels one subscription; true if it was the last one of `filter`, `None` if there is none.
    pub(crate) fn remove(&mut self, filter: &Filter) -> Option<bool> {
        match filter {
            Filter::Exact(topic) => uncount(self.exact.entry(topic.clone())),
            Filter::Path(pattern) => self.paths.remove(pattern),
            Filter::Prefix(prefix) => self.prefixes.remove(prefix),
        }
    }

    /// Whether one of them wants every topic there is.
    pub(crate) fn want_everything(&self) -> bool {
        self.prefixes.want_everything()
    }

    /// Whether any of them wants `topic`.
    pub(crate) fn want(&self, topic: &[u8]) -> bool {
        self.prefixes.want(topic) || self.exact.contains_key(topic) || self.paths.want(topic)
    }
}

/// Counts down; what is at zero goes.
fn uncount<K: Ord>(entry: Entry<'_, K, usize>) -> Option<bool> {
    let Entry::Occupied(mut entry) = entry else {
        return None;
    };
    *entry.get_mut() -= 1;
    let last = *entry.get() == 0;
    if last {
        entry.remove();
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = String> {
        let segment = prop::sample::select(vec!["a", "b", "ab", "\u{e9}"]);
        prop::collection::vec(segment, 0..4).prop_map(|it| it.join("."))
    }

    fn filter() -> impl Strategy<Value = Filter> {
        prop_oneof![
            text().prop_map(Filter::exact),
            text().prop_map(Filter::from),
            (text(), any::<bool>()).prop_map(|(text, rest)| {
                let rest = if rest { ".**" } else { "" };
                Filter::path(text.replace("ab", "*") + rest).unwrap()
            }),
        ]
    }

    proptest! {
        #[test]
        fn they_want_what_one_of_them_wants(
            changes in prop::collection::vec((filter(), any::<bool>()), 0..30),
            topics in prop::collection::vec(text(), 1..20),
        ) {
            let (mut filters, mut naive) = (Filters::default(), Vec::new());
            for (filter, add) in changes {
                let here = naive.iter().filter(|it| **it == filter).count();
                prop_assert_eq!(filters.contains(&filter), 0 < here);
                if add {
                    prop_assert_eq!(filters.add(filter.clone()), here == 0);
                    naive.push(filter);
                } else {
                    prop_assert_eq!(filters.remove(&filter), (0 < here).then_some(here == 1));
                    if let Some(at) = naive.iter().position(|it| *it == filter) {
                        naive.remove(at);
                    }
                }
            }
            for topic in topics {
                let expect = naive.iter().any(|it| it.matches(topic.as_bytes()));
                prop_assert_eq!(filters.want(topic.as_bytes()), expect, "{}", topic);
            }
            naive.sort();
            naive.dedup();
            let mut all: Vec<Filter> = filters.iter().collect();
            all.sort();
            prop_assert_eq!(filters.len(), naive.len());
            prop_assert_eq!(all, naive);
        }
    }

    #[test]
    fn filters_of_different_kinds_and_the_same_text_are_different() {
        let mut filters = Filters::default();
        assert!(filters.add(Filter::from("a")));
        assert!(filters.add(Filter::exact("a")));
        assert!(filters.add(Filter::path("a").unwrap()));
        assert_eq!(filters.len(), 3);
        assert_eq!(filters.remove(&Filter::from("a")), Some(true));
        assert!(filters.want(b"a") && !filters.want(b"ab"));
    }
}
