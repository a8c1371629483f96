//! Which topics are wanted.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

/// Prefixes of topics, each counted: subscribed to twice it must be cancelled twice.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    counts: BTreeMap<Bytes, usize>,
    // Invariant: true if and only if the empty prefix is among them. Most subscribe to all.
    everything: bool,
}

impl Topics {
    /// True if `prefix` is new.
    pub(crate) fn add(&mut self, prefix: Bytes) -> bool {
        self.everything |= prefix.is_empty();
        let count = self.counts.entry(prefix).or_insert(0);
        *count += 1;
        *count == 1
    }

    pub(crate) fn contains(&self, prefix: &[u8]) -> bool {
        self.counts.contains_key(prefix)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.counts.keys()
    }

    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether the empty prefix is among them.
    pub(crate) fn want_everything(&self) -> bool {
        self.everything
    }

    /// Whether a prefix of `topic` is among them.
    ///
    /// A prefix of the topic sorts before it, and nothing that is no prefix of the greatest entry
    /// before the topic can be one of the topic: so the search goes on with what the two have in
    /// common, which is shorter each time. With few exceptions that is one or two looks.
    pub(crate) fn want(&self, topic: &[u8]) -> bool {
        if self.everything || self.counts.is_empty() {
            return self.everything;
        }
        let mut topic = topic;
        loop {
            let before = self.counts.range::<[u8], _>((Bound::Unbounded, Bound::Included(topic)));
            let Some((prefix, _)) = before.last() else {
                return false;
            };
            if topic.starts_with(prefix) {
                return true;
            }
            topic = &topic[..common(topic, prefix)];
        }
    }

    /// Cancels all subscriptions to `prefix`; false if there is none.
    pub(crate) fn forget(&mut self, prefix: &[u8]) -> bool {
        self.everything &= !prefix.is_empty();
        self.counts.remove(prefix).is_some()
    }

    /// Cancels one subscription; true if it was the last one of `prefix`, `None` if there is none.
    pub(crate) fn remove(&mut self, prefix: &[u8]) -> Option<bool> {
        let count = self.counts.get_mut(prefix)?;
        *count -= 1;
        let last = *count == 0;
        if last {
            self.everything &= !prefix.is_empty();
            self.counts.remove(prefix);
        }
        Some(last)
    }
}

/// How many bytes `a` and `b` begin with alike.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(prefixes: &[&'static str]) -> Topics {
        let mut topics = Topics::default();
        for prefix in prefixes {
            topics.add(Bytes::from_static(prefix.as_bytes()));
        }
        topics
    }

    #[track_caller]
    fn check(prefixes: &[&'static str], topic: &str, wanted: bool) {
        assert_eq!(topics(prefixes).want(topic.as_bytes()), wanted);
    }

    #[test]
    fn a_topic_is_wanted_if_it_begins_with_a_prefix() {
        check(&["eu."], "eu.de", true);
        check(&["eu."], "eu.", true);
        check(&["eu."], "eu", false);
        check(&["eu."], "us.ny", false);
        check(&["eu.", "us."], "us.ny", true);
    }

    #[test]
    fn the_empty_prefix_wants_everything() {
        check(&[""], "", true);
        check(&["", "x"], "anything", true);
        check(&[], "", false);
        check(&["x"], "", false);
    }

    #[test]
    fn a_prefix_is_found_behind_its_longer_neighbours() {
        check(&["a", "abc", "abd", "abx1"], "abx", true);
        check(&["ab", "abca", "abcb", "abcc0"], "abcc", true);
        check(&["b", "abca", "abcb"], "abcc", false);
    }

    #[test]
    fn every_topic_is_found_as_a_linear_search_finds_it() {
        let words: Vec<String> = (0..300u32).map(|n| format!("{:b}", n * 7919 % 4096)).collect();
        let mut few = Topics::default();
        let prefixes: Vec<&String> = words.iter().step_by(9).collect();
        for prefix in &prefixes {
            few.add(Bytes::from((*prefix).clone()));
        }
        for word in &words {
            let expect = prefixes.iter().any(|it| word.starts_with(it.as_str()));
            assert_eq!(few.want(word.as_bytes()), expect, "{word}");
        }
    }

    #[test]
    fn a_prefix_counts() {
        let mut topics = topics(&["a", "a"]);
        assert_eq!(topics.len(), 1);
        assert_eq!(topics.remove(b"a"), Some(false));
        assert!(topics.want(b"ab"));
        assert_eq!(topics.remove(b"a"), Some(true));
        assert_eq!(topics.remove(b"a"), None);
        assert_eq!(topics.len(), 0);
    }
}
