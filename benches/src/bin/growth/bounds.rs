//! What figures must not exceed: one entry each.

use crate::figures::{figure, grouped};
use crate::rest::{END_OF_PULL, PULL_SILENT, PUSH_SILENT};
use crate::subscriptions::{UNWANTED, WANTED};

/// A bound of one figure.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) curve: &'static str,
    pub(crate) column: &'static str,
    /// The point that is looked at.
    pub(crate) at: u64,
    pub(crate) most: Most,
}

#[derive(Debug)]
pub(crate) enum Most {
    /// In the unit of the column.
    Figure(f64),
    /// Times the figure at another point.
    Times(f64, u64),
}

pub(crate) const BOUNDS: &[Bound] = &[
    bound("rest", END_OF_PULL, 1_000, Most::Figure(8_192.0)),
    // A thousandth of a core: what else a process does in a second is not ours.
    bound("rest", PULL_SILENT, 1_000, Most::Figure(1_000.0)),
    bound("rest", PUSH_SILENT, 1_000, Most::Figure(1_000.0)),
    bound("subscriptions", WANTED, 100_000, Most::Times(5.0, 10)),
    bound("subscriptions", UNWANTED, 100_000, Most::Times(5.0, 10)),
];

const fn bound(curve: &'static str, column: &'static str, at: u64, most: Most) -> Bound {
    Bound { curve, column, at, most }
}

impl Bound {
    /// What to tell of it, and whether it is kept; `None` if what it needs was not measured.
    pub(crate) fn judge(&self, of: impl Fn(u64) -> Option<f64>) -> Option<(String, bool)> {
        let of = |at| of(at).filter(|it| !it.is_nan());
        let found = of(self.at)?;
        let (found, text, most) = match self.most {
            Most::Figure(most) => (found, figure(found), most),
            Most::Times(most, at) => {
                let times = found / of(at)?;
                (times, format!("{} times that at {}", figure(times), grouped(at)), most)
            }
        };
        let is_kept = found <= most;
        let word = if is_kept { "ok" } else { "exceeded" };
        let (curve, column, at) = (self.curve, self.column, grouped(self.at));
        let most = figure(most);
        let line = format!("growth: {curve}, {column}, at {at}: {text} (bound {most}) {word}");
        Some((line, is_kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::CURVES;

    #[test]
    fn every_bound_is_of_a_figure_that_is_measured() {
        for bound in BOUNDS {
            let curve = CURVES.iter().find(|it| it.name == bound.curve).unwrap();
            assert!(curve.columns.iter().any(|it| it.name == bound.column), "{bound:?}");
            assert!(curve.quick.contains(&bound.at), "{bound:?}");
        }
    }

    #[test]
    fn a_bound_of_growth_needs_both_points() {
        let bound = bound("a", "b", 100, Most::Times(5.0, 10));
        let judged = bound.judge(|at| Some(at as f64));
        assert_eq!(
            judged,
            Some((
                "growth: a, b, at 100: 10.0 times that at 10 (bound 5.00) exceeded".to_owned(),
                false
            ))
        );
        assert_eq!(bound.judge(|at| (at == 100).then_some(1.0)), None);
    }
}
