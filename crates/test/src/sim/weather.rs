//! How well a network works.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The chances of what passes between two hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// Bytes per second and direction; `None` when calm: no bound.
    pub bandwidth: Option<u64>,
    /// Time on the way, drawn per write; 1 ms when calm. Connections overtake each other, bytes of
    /// one do not. The clock ticks in milliseconds.
    pub delay: RangeInclusive<Duration>,
    /// The share of reads and writes that find the system not ready although it could be; 0 when
    /// calm.
    pub hiccups: f64,
    /// After how many bytes, of both directions together and the handshake among them, a new
    /// connection breaks; `None` when calm: never.
    pub lifetime: Option<RangeInclusive<u64>>,
    /// The most bytes that one read gives and one write takes, drawn for each; unbounded when calm.
    pub piece: RangeInclusive<usize>,
    /// The share of connections that break in silence rather than by a reset; 0 when calm.
    pub silent: f64,
    /// Bytes that may be on the way or unread per direction before writes wait; 64 KiB when calm.
    pub window: usize,
}

impl Weather {
    /// Nothing goes wrong.
    pub fn calm() -> Self {
        let millisecond = Duration::from_millis(1);
        Self {
            bandwidth: None,
            delay: millisecond..=millisecond,
            hiccups: 0.0,
            lifetime: None,
            piece: usize::MAX..=usize::MAX,
            silent: 0.0,
            window: 64 << 10,
        }
    }

    /// Slow, uneven and narrow, each as chance will have it, but nothing breaks.
    pub fn rough(rng: &mut fastrand::Rng) -> Self {
        let delay = Duration::from_millis(rng.u64(0..20));
        let jitter = Duration::from_millis(rng.u64(0..50));
        let piece = if rng.u8(0..8) == 0 { 2 } else { 1 << rng.u32(4..14) };
        Self {
            bandwidth: rng.bool().then(|| 1 << rng.u32(14..24)),
            delay: delay..=delay + jitter,
            hiccups: rng.f64() * 0.3,
            piece: 1..=piece,
            window: 1 << rng.u32(8..18),
            ..Self::calm()
        }
    }

    /// As [`rough`](Self::rough), and connections break after up to `most` bytes, some in silence.
    pub fn stormy(rng: &mut fastrand::Rng, most: u64) -> Self {
        let lifetime = Some(0..=rng.u64(most / 2..=most));
        Self { lifetime, silent: rng.f64() * 0.3, ..Self::rough(rng) }
    }
}

impl Default for Weather {
    /// Calm.
    fn default() -> Self {
        Self::calm()
    }
}
