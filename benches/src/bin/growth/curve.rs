//! What grows, and what is looked at meanwhile: one entry each.

use std::error::Error;

use crate::effort::Effort;
use crate::{connections, pushes, rest, subscribers, subscriptions};

/// Why there is no figure.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// The figures of one point, in the order of the columns.
pub(crate) type Measured = Result<Vec<f64>, Fault>;

/// Cost against one kind of work.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    /// What stands above its pictures.
    pub(crate) title: &'static str,
    /// What grows.
    pub(crate) x: &'static str,
    pub(crate) columns: &'static [Column],
    pub(crate) points: &'static [u64],
    /// The points of a quick run.
    pub(crate) quick: &'static [u64],
    /// How many files a process has open at a point.
    pub(crate) files: fn(u64) -> u64,
    pub(crate) measure: fn(u64, &Effort) -> Measured,
}

/// One figure of every point.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// Figures of one unit share a picture.
    pub(crate) unit: Unit,
}

/// What figures are counted in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unit {
    Bytes,
    MegabytesPerSecond,
    /// Of the processor's time, in each second.
    MicrosPerSecond,
    Nanos,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::MegabytesPerSecond => "MB/s",
            Self::MicrosPerSecond => "us of a core per s",
            Self::Nanos => "ns",
        }
    }

    /// The end of a file's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Bytes => "memory",
            Self::MegabytesPerSecond => "rate",
            Self::MicrosPerSecond => "load",
            Self::Nanos => "time",
        }
    }
}

/// Every curve, in the order in which they are measured.
pub(crate) const CURVES: &[Curve] = &[
    Curve {
        name: "connections",
        title: "one Pull and so many Push over tcp, 64 B in turn",
        x: "connections",
        columns: connections::COLUMNS,
        points: &[1, 10, 100, 1_000, 10_000],
        quick: &[1, 10, 100, 1_000, 10_000],
        files: |n| n + FILES,
        measure: connections::measure,
    },
    Curve {
        name: "rest",
        title: "idle connections over tcp, one Pull and so many Push",
        x: "connections",
        columns: rest::COLUMNS,
        points: &[100, 1_000, 10_000],
        quick: &[1_000],
        files: |n| n + FILES,
        measure: rest::measure,
    },
    Curve {
        name: "subscribers",
        title: "one Publisher over tcp, 64 B to so many Subscribers",
        x: "subscribers",
        columns: subscribers::COLUMNS,
        points: &[1, 10, 100, 1_000],
        quick: &[1, 10, 100, 1_000],
        files: |n| 2 * n + FILES,
        measure: subscribers::measure,
    },
    Curve {
        name: "subscriptions",
        title: "one Subscriber with so many prefixes over tcp, 64 B",
        x: "subscriptions",
        columns: subscriptions::COLUMNS,
        points: SUBSCRIPTIONS,
        quick: SUBSCRIPTIONS,
        files: |_| FILES,
        measure: subscriptions::prefixes,
    },
    Curve {
        name: "subscriptions-paths",
        title: "one Subscriber with so many path filters over tcp, 64 B",
        x: "subscriptions",
        columns: subscriptions::COLUMNS,
        points: SUBSCRIPTIONS,
        quick: SUBSCRIPTIONS,
        files: |_| FILES,
        measure: subscriptions::paths,
    },
    Curve {
        name: "sizes",
        title: "Push to Pull, messages of so many bytes",
        x: "bytes",
        columns: pushes::SIZES,
        points: SIZES,
        quick: SIZES,
        files: |_| FILES,
        measure: pushes::size,
    },
    Curve {
        name: "depths",
        title: "Push to Pull over tcp, 64 B, queues of so many messages",
        x: "high-water mark",
        columns: pushes::DEPTHS,
        points: &[1, 10, 100, 1_000, 10_000, 100_000],
        quick: &[1, 10, 100, 1_000, 10_000, 100_000],
        files: |_| FILES,
        measure: pushes::depth,
    },
];

/// What a process has open beside its connections, at most.
const FILES: u64 = 64;
const SUBSCRIPTIONS: &[u64] = &[1, 10, 100, 1_000, 10_000, 100_000];
/// From 16 bytes to 64 MiB.
const SIZES: &[u64] = &[
    1 << 4,
    1 << 6,
    1 << 8,
    1 << 10,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_go_up_and_a_quick_run_has_some_of_them() {
        for curve in CURVES {
            assert!(curve.points.is_sorted(), "{}", curve.name);
            assert!(curve.quick.iter().all(|it| curve.points.contains(it)), "{}", curve.name);
        }
    }
}
