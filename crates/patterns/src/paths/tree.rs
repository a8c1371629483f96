//! Patterns of dotted paths, found by a topic.

use std::collections::HashMap;

use gleis_core::Path;
use smallvec::SmallVec;

use crate::filter::{ONE, Pattern, REST};

/// A set of patterns.
#[derive(Default)]
pub(super) struct Tree {
    // Invariant: has no label.
    root: Node,
}

impl Tree {
    /// To be called once for each pattern.
    pub(super) fn add(&mut self, pattern: &Pattern) {
        let (text, end) = parts(pattern);
        self.root.add(text, end);
    }

    /// Takes away what was added, and the nodes that nothing else needs.
    pub(super) fn remove(&mut self, pattern: &Pattern) {
        let (text, end) = parts(pattern);
        self.root.remove(text, end);
    }

    /// Whether one of the patterns matches `topic`.
    pub(super) fn wants(&self, topic: &[u8]) -> bool {
        self.root.wants(topic)
    }

    /// How many nodes there are beside the root, none of which is too many.
    #[cfg(test)]
    #[track_caller]
    pub(super) fn n_nodes(&self) -> usize {
        let (mut n_nodes, mut n_ends) = (0, 0);
        assert!(self.root.label.is_empty());
        let mut nodes = vec![&self.root];
        while let Some(node) = nodes.pop() {
            let n_left = nodes.len();
            if let Some(below) = &node.below {
                nodes.extend(below.literal.values().chain(&below.one));
                assert!(n_left < nodes.len(), "a box for nothing");
            }
            let n_children = nodes.len() - n_left;
            let is_root = std::ptr::eq(node, &self.root);
            assert!(is_root || node.ends || node.rest || 1 < n_children, "a node for nothing");
            n_nodes += usize::from(!is_root);
            n_ends += usize::from(node.ends) + usize::from(node.rest);
        }
        assert!(n_nodes < (2 * n_ends).max(1));
        n_nodes
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // By itself each node would be dropped within the one above it, and the stack may be short.
        let mut nodes = Vec::from_iter(self.root.below.take());
        while let Some(below) = nodes.pop() {
            let one = below.one.into_iter();
            nodes.extend(one.chain(below.literal.into_values()).filter_map(|it| it.below));
        }
    }
}

/// Patterns that begin alike.
///
/// A tree of segments in which a node that neither ends a pattern nor parts two of them is one with
/// the node below: there are less than two nodes for each pattern, however long it is. Each segment
/// of a topic leads down by two ways at most, its own and `*`, and each node is reached by one way
/// only: so none is looked at twice, and the longest topic costs no more than to try all patterns.
#[derive(Default)]
struct Node {
    // Invariant: there if and only if it has children.
    below: Option<Box<Below>>,
    /// A pattern ends here.
    ends: bool,
    /// The segments that all patterns go on with after the one that leads here, none of them `**`.
    label: Box<[u8]>,
    /// A pattern goes on with `**`.
    rest: bool,
}

/// The children of a node, by the segment that leads to them.
#[derive(Default)]
struct Below {
    literal: HashMap<Box<[u8]>, Node>,
    one: Option<Node>,
}

/// How a pattern ends.
#[derive(Clone, Copy)]
enum End {
    Here,
    Rest,
}

impl Node {
    fn add(&mut self, text: &[u8], end: End) {
        let (mut node, mut text) = (self, text);
        loop {
            let common = common(&node.label, text);
            if common < node.label.len() {
                node.split(common);
            }
            let mut left = Segments::new(after(text, common));
            let Some(segment) = left.next() else {
                *node.end(end) = true;
                return;
            };
            text = left.text();
            node = node.below.get_or_insert_default().get_or_insert(segment, text);
        }
    }

    /// To be called on the root.
    fn remove(&mut self, text: &[u8], end: End) {
        let (mut node, mut left) = (self, Segments::new(text));
        let Some(mut segment) = left.next() else {
            *node.end(end) = false;
            return;
        };
        let mut is_root = true;
        // The node above the last one may have to go as well.
        while let Some(child) = node.below.as_ref().and_then(|it| it.get(segment)) {
            let mut beyond = Segments::new(after(left.text(), child.label.len()));
            let Some(next) = beyond.next() else {
                break;
            };
            let Some(child) = node.below.as_mut().and_then(|it| it.get_mut(segment)) else {
                return;
            };
            (is_root, left, node, segment) = (false, beyond, child, next);
        }
        let Some(child) = node.below.as_mut().and_then(|it| it.get_mut(segment)) else {
            return;
        };
        *child.end(end) = false;
        let is_needed = child.ends || child.rest || child.below.is_some();
        if is_needed {
            child.join();
            return;
        }
        node.below.take_if(|it| {
            it.remove(segment);
            it.is_empty()
        });
        if !is_root {
            node.join();
        }
    }

    fn end(&mut self, end: End) -> &mut bool {
        match end {
            End::Here => &mut self.ends,
            End::Rest => &mut self.rest,
        }
    }

    /// Becomes two, with `at` bytes of the label above.
    fn split(&mut self, at: usize) {
        let mut lower = std::mem::take(self);
        self.label = lower.label[..at].into();
        let mut left = Segments::new(after(&lower.label, at));
        if let Some(segment) = left.next() {
            let child = self.below.get_or_insert_default().get_or_insert(segment, left.text());
            lower.label = std::mem::take(&mut child.label);
            *child = lower;
        }
    }

    /// Becomes one with its only child, unless a pattern ends here.
    fn join(&mut self) {
        if self.ends || self.rest {
            return;
        }
        if let Some((segment, child)) = self.below.as_mut().and_then(|it| it.take_only()) {
            let mut label = Vec::new();
            for text in [&self.label, &segment, &child.label] {
                let dot = if label.is_empty() || text.is_empty() { &b""[..] } else { b"." };
                label.extend_from_slice(dot);
                label.extend_from_slice(text);
            }
            *self = Self { label: label.into(), ..child };
        }
    }

    fn wants(&self, topic: &[u8]) -> bool {
        let mut next = Some((self, Segments::new(topic)));
        // At most one for each segment.
        let mut others: SmallVec<[_; 8]> = SmallVec::new();
        while let Some((node, mut left)) = next.take().or_else(|| others.pop()) {
            if !node.lets_pass(&mut left) {
                continue;
            }
            if node.rest {
                return true;
            }
            let Some(segment) = left.next() else {
                if node.ends {
                    return true;
                }
                continue;
            };
            let Some(below) = &node.below else {
                continue;
            };
            if let Some(one) = &below.one
                && !segment.is_empty()
            {
                others.push((one, left));
            }
            next = below.literal(segment).map(|it| (it, left));
        }
        false
    }

    /// Takes what the label wants from a topic; false if it wants something else.
    #[inline]
    fn lets_pass(&self, left: &mut Segments<'_>) -> bool {
        Segments::new(&self.label).all(|wanted| match left.next() {
            Some(segment) if wanted == ONE.as_bytes() => !segment.is_empty(),
            segment => segment == Some(wanted),
        })
    }
}

impl Below {
    fn literal(&self, segment: &[u8]) -> Option<&Node> {
        // No pattern is longer, but a topic may be, and all of it would be hashed.
        let is_possible = !self.literal.is_empty() && segment.len() <= Path::MAX_LEN;
        if is_possible { self.literal.get(segment) } else { None }
    }

    fn get(&self, segment: &[u8]) -> Option<&Node> {
        if segment == ONE.as_bytes() { self.one.as_ref() } else { self.literal(segment) }
    }

    fn get_mut(&mut self, segment: &[u8]) -> Option<&mut Node> {
        if segment == ONE.as_bytes() { self.one.as_mut() } else { self.literal.get_mut(segment) }
    }

    fn get_or_insert(&mut self, segment: &[u8], label: &[u8]) -> &mut Node {
        let node = || Node { label: label.into(), ..Node::default() };
        if segment == ONE.as_bytes() {
            return self.one.get_or_insert_with(node);
        }
        self.literal.entry(segment.into()).or_insert_with(node)
    }

    fn remove(&mut self, segment: &[u8]) {
        if segment == ONE.as_bytes() {
            self.one = None;
            return;
        }
        self.literal.remove(segment);
        if self.literal.len() < self.literal.capacity() / 8 {
            self.literal.shrink_to(2 * self.literal.len());
        }
    }

    fn is_empty(&self) -> bool {
        self.one.is_none() && self.literal.is_empty()
    }

    /// The child and its segment, if it is the only one.
    fn take_only(&mut self) -> Option<(Box<[u8]>, Node)> {
        match (self.literal.len(), &self.one) {
            (0, Some(_)) => Some((ONE.as_bytes().into(), self.one.take()?)),
            (1, None) => self.literal.drain().next(),
            _ => None,
        }
    }
}

/// What is left of a text, segment by segment; the empty text has none.
#[derive(Clone, Copy)]
struct Segments<'a>(Option<&'a [u8]>);

impl<'a> Segments<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self((!text.is_empty()).then_some(text))
    }

    fn text(self) -> &'a [u8] {
        self.0.unwrap_or_default()
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0?;
        let dot = text.iter().position(|it| *it == b'.');
        self.0 = dot.map(|it| &text[it + 1..]);
        Some(dot.map_or(text, |it| &text[..it]))
    }
}

/// The segments before `**`, and whether it is there.
fn parts(pattern: &Pattern) -> (&[u8], End) {
    let text = pattern.as_str();
    match text.strip_suffix(REST) {
        None => (text.as_bytes(), End::Here),
        Some(text) => (text.strip_suffix('.').unwrap_or(text).as_bytes(), End::Rest),
    }
}

/// How many bytes the segments have that `a` and `b` begin with alike.
fn common(a: &[u8], b: &[u8]) -> usize {
    let n = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let is_end = |it: &[u8]| it.get(n).is_none_or(|it| *it == b'.');
    match is_end(a) && is_end(b) {
        true => n,
        false => a[..n].iter().rposition(|it| *it == b'.').unwrap_or(0),
    }
}

/// What follows the segments in the first `n` bytes.
fn after(text: &[u8], n: usize) -> &[u8] {
    let text = text.get(n..).unwrap_or_default();
    text.strip_prefix(b".").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn a_long_pattern_is_one_node_until_another_parts_from_it() {
        let mut tree = Tree::default();
        tree.add(&pattern("a.b.*.d.e"));
        assert_eq!(tree.n_nodes(), 1);
        tree.add(&pattern("a.b.*.dd"));
        assert_eq!(tree.n_nodes(), 3);
        tree.add(&pattern("a.b.**"));
        assert_eq!(tree.n_nodes(), 4);
        tree.remove(&pattern("a.b.*.dd"));
        assert_eq!(tree.n_nodes(), 2);
        assert!(tree.wants(b"a.b.c.d.e") && tree.wants(b"a.b") && !tree.wants(b"a.c"));
        tree.remove(&pattern("a.b.*.d.e"));
        tree.remove(&pattern("a.b.**"));
        assert!(tree.n_nodes() == 0 && tree.root.below.is_none());
    }

    #[test]
    fn a_crowd_that_leaves_takes_its_room_along() {
        let mut tree = Tree::default();
        for n in 0..2_000 {
            tree.add(&pattern(&format!("{n}.*")));
        }
        for n in 20..2_000 {
            tree.remove(&pattern(&format!("{n}.*")));
        }
        assert_eq!(tree.n_nodes(), 20);
        assert!(tree.root.below.as_ref().unwrap().literal.capacity() < 500);
    }

    #[test]
    fn patterns_that_all_fit_almost_to_the_end_are_each_tried_once() {
        let mut tree = Tree::default();
        for n in 0..4_096_u32 {
            let choices = (0..12).map(|at| if n >> at & 1 == 0 { "a." } else { "*." });
            tree.add(&pattern(&(choices.collect::<String>() + &"*.".repeat(480) + "x")));
        }
        assert_eq!(tree.n_nodes(), 8_190);
        let topic = "a.".repeat(492);
        assert!(!tree.wants((topic.clone() + "y").as_bytes()));
        assert!(tree.wants((topic + "x").as_bytes()));
    }

    #[test]
    fn the_deepest_tree_needs_no_deep_stack() {
        let work = || {
            let mut tree = Tree::default();
            for n in 1..=512 {
                tree.add(&pattern(&"a.".repeat(n)));
                tree.add(&pattern(&("*.".repeat(n - 1) + "*")));
            }
            assert_eq!(tree.n_nodes(), 1_024);
            assert!(tree.wants("b.".repeat(512).trim_end_matches('.').as_bytes()));
            assert!(!tree.wants("a.".repeat(512).as_bytes()));
        };
        std::thread::Builder::new().stack_size(64 << 10).spawn(work).unwrap().join().unwrap();
    }
}
