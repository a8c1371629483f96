//! The last message of each topic, for subscribers that come later.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use gleis_codec::{AnyCodec, EncodeError, Limits, Message};
use gleis_transport::{Body, Message as Frames};
use parking_lot::{Mutex, MutexGuard};

use crate::filter::Filter;
use crate::negotiate::Negotiation;
use crate::options::Settings;
use crate::peer::Link;

/// What a publisher keeps for late subscribers.
///
/// A publisher decides who gets a message under the same lock under which it is kept, and a new
/// filter is noted and answered under it as well. So whoever subscribes gets the last message once,
/// either way, and nothing older after it, as long as one task publishes without waiting: what was
/// decided leaves after the lock is given back.
pub(crate) struct Replay {
    cache: Mutex<Cache>,
    codec: AnyCodec,
    recode: Recode,
}

/// Encodes a body that was encoded by one codec by another.
type Recode = Box<dyn Fn(&Bytes, &AnyCodec, &AnyCodec) -> Option<Bytes> + Send + Sync>;

/// The last messages, oldest first.
pub(crate) struct Cache {
    bytes: usize,
    by_topic: HashMap<Bytes, u64>,
    last: u64,
    limits: CacheLimits,
    // Invariant: the same messages as in `by_topic`, by the order in which they were published.
    messages: BTreeMap<u64, Kept>,
}

#[derive(Clone, Copy, Debug)]
struct CacheLimits {
    bytes: usize,
    topics: usize,
}

struct Kept {
    frames: Frames,
    topic: Bytes,
}

impl Kept {
    fn weight(&self) -> usize {
        self.topic.len() + self.frames.weight()
    }
}

impl Replay {
    /// For a socket that carries `T`; `None` if it is to keep nothing.
    pub(crate) fn new<T: Message>(settings: &Settings) -> Option<Self> {
        let limits = CacheLimits {
            bytes: settings.options.send_high_water.bytes,
            topics: settings.replay_topics,
        };
        let codec = Negotiation::new::<T>(settings.codec.clone()).ours().clone();
        let (cache, recode) = (Mutex::new(Cache::new(limits)), recode::<T>(settings.limits()));
        (0 < limits.topics).then_some(Self { cache, codec, recode })
    }

    /// What kept messages are encoded by.
    pub(crate) fn codec(&self) -> &AnyCodec {
        &self.codec
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock()
    }

    /// A kept message as `link` takes it.
    pub(crate) fn frames(&self, kept: Frames, link: &Link) -> Option<Frames> {
        match kept.body {
            Body::Bytes(bytes) if link.codec.name() != self.codec.name() => {
                let bytes = (self.recode)(&bytes, &self.codec, &link.codec)?;
                Some(Frames::multipart(kept.head, bytes))
            }
            body => Some(Frames { head: kept.head, body }),
        }
    }
}

fn recode<T: Message>(limits: Limits) -> Recode {
    Box::new(move |bytes, from, to| {
        let value: T = from.decode(bytes, &limits).ok()?;
        let encoded: Result<Bytes, EncodeError> = to.encode(&value, &limits);
        encoded.ok()
    })
}

impl Cache {
    fn new(limits: CacheLimits) -> Self {
        let (by_topic, messages) = Default::default();
        Self { bytes: 0, by_topic, last: 0, limits, messages }
    }

    /// Keeps the message that is published under `topic`. One that cannot be kept makes the topic
    /// forgotten: what came before it must not be taken for the last one.
    pub(crate) fn keep(&mut self, topic: &[u8], frames: Option<Frames>) {
        if let Some(at) = self.by_topic.remove(topic) {
            self.forget(at);
        }
        let Some(frames) = frames else {
            return;
        };
        // The topic may be a slice of a large read buffer.
        let topic = Bytes::copy_from_slice(topic);
        let kept = Kept { frames, topic: topic.clone() };
        if self.limits.bytes < kept.weight() {
            return;
        }
        self.last += 1;
        self.bytes += kept.weight();
        self.messages.insert(self.last, kept);
        self.by_topic.insert(topic, self.last);
        while self.limits.topics < self.messages.len() || self.limits.bytes < self.bytes {
            let Some(oldest) = self.messages.keys().next().copied() else {
                return;
            };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, at: u64) {
        if let Some(kept) = self.messages.remove(&at) {
            self.bytes -= kept.weight();
            self.by_topic.remove(&kept.topic);
        }
    }

    /// What `filter` wants, oldest first.
    pub(crate) fn matching(&self, filter: &Filter) -> impl Iterator<Item = Frames> {
        let wanted = self.messages.values().filter(|it| filter.matches(&it.topic));
        wanted.map(|it| it.frames.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(topics: usize, bytes: usize) -> Cache {
        Cache::new(CacheLimits { bytes, topics })
    }

    /// Publishes `topic=body` one after the other, `topic` alone for what cannot be kept.
    #[track_caller]
    fn check(mut cache: Cache, published: &str, filter: &Filter, expect: &str) {
        for it in published.split(' ') {
            let (topic, body) = it.split_once('=').map_or((it, None), |(a, b)| (a, Some(b)));
            let frames = body.map(|it| Frames::single(Bytes::copy_from_slice(it.as_bytes())));
            cache.keep(&Bytes::copy_from_slice(topic.as_bytes()), frames);
        }
        let kept: Vec<_> = cache.matching(filter).map(|it| it.body.to_bytes().unwrap()).collect();
        assert_eq!(kept, expect.split_terminator(' ').collect::<Vec<_>>());
        let weight: usize = cache.messages.values().map(Kept::weight).sum();
        assert_eq!((cache.bytes, cache.by_topic.len()), (weight, cache.messages.len()));
    }

    #[test]
    fn the_last_of_each_topic_is_kept_in_the_order_of_publishing() {
        check(cache(9, 9_999), "a=1 b=2 a=3 c=4", &Filter::from(""), "2 3 4");
        check(cache(9, 9_999), "a=1 ab=2 b=3", &Filter::from("a"), "1 2");
        check(cache(9, 9_999), "a=1 ab=2 b=3", &Filter::exact("a"), "1");
    }

    #[test]
    fn the_least_recently_published_topics_give_way() {
        check(cache(2, 9_999), "a=1 b=2 a=3 c=4", &Filter::from(""), "3 4");
        check(cache(9, 140), "a=1 b=2 c=3", &Filter::from(""), "2 3");
    }

    #[test]
    fn nothing_older_stands_for_what_cannot_be_kept() {
        check(cache(9, 9_999), "a=1 b=2 a", &Filter::from(""), "2");
        let large = format!("a=1 b=2 a={}", "x".repeat(200));
        check(cache(9, 200), &large, &Filter::from(""), "2");
    }
}
