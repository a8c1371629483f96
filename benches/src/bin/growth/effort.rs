//! How much is done to know a figure.

use std::convert::Infallible;
use std::time::Duration;

use gleis_benches::Rig;

use crate::curve::Curve;

/// How often and how long each point is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Effort {
    is_quick: bool,
    /// Points of each curve, the smallest first.
    n_points: usize,
    n_rounds: usize,
    /// How long nothing is done to see what that costs.
    pub(crate) quiet: Duration,
    /// The shortest turn that counts.
    turn: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        is_quick: false,
        n_points: usize::MAX,
        n_rounds: 9,
        // Twice the interval of heartbeats.
        quiet: Duration::from_secs(10),
        turn: Duration::from_millis(150),
    };

    pub(crate) const QUICK: Self = Self {
        is_quick: true,
        n_rounds: 3,
        quiet: Duration::from_secs(5),
        turn: Duration::from_millis(40),
        ..Self::FULL
    };

    pub(crate) const SMOKE: Self = Self {
        n_points: 2,
        n_rounds: 1,
        quiet: Duration::from_millis(50),
        turn: Duration::ZERO,
        ..Self::QUICK
    };

    /// What is measured of `curve`.
    pub(crate) fn points(&self, curve: &Curve) -> impl Iterator<Item = u64> {
        let points = if self.is_quick { curve.quick } else { curve.points };
        points.iter().copied().take(self.n_points)
    }

    /// As [`each`](Self::each), of the turns of a rig.
    pub(crate) fn of(&self, rig: &mut Rig, least: u64) -> f64 {
        let Ok(each) = self.each(least, |n| Ok::<_, Infallible>(rig.turn(n)));
        each
    }

    /// The median time of one message in ns, of rounds that are long enough to count.
    ///
    /// `turn` moves so many messages and says how long that took. From `least` on, their number grows
    /// until a turn is long enough, which warms up as well.
    ///
    /// # Errors
    /// That of a turn.
    pub(crate) fn each<E>(
        &self,
        least: u64,
        mut turn: impl FnMut(u64) -> Result<Duration, E>,
    ) -> Result<f64, E> {
        let mut n = least.max(1);
        loop {
            let time = turn(n)?;
            if self.turn <= time {
                break;
            }
            let missing = self.turn.as_secs_f64() / time.as_secs_f64().max(1e-9);
            n = (n as f64 * (missing * 1.2).clamp(1.2, 8.0)).ceil() as u64;
        }
        let mut times = Vec::new();
        for _ in 0..self.n_rounds {
            times.push(turn(n)?);
        }
        times.sort_unstable();
        Ok(times[times.len() / 2].as_secs_f64() * 1e9 / n as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_grow_until_they_count() {
        let mut turns = Vec::new();
        let each = Effort::QUICK.each(10, |n| {
            turns.push(n);
            Ok::<_, ()>(Duration::from_nanos(1_000 * n))
        });
        assert_eq!(each, Ok(1_000.0));
        assert!(turns.is_sorted() && turns.len() < 10, "{turns:?}");
        assert!(40_000 <= turns[turns.len() - 1], "{turns:?}");
    }

    #[test]
    fn a_failed_turn_ends_it() {
        assert_eq!(Effort::FULL.each(1, |_| Err::<Duration, _>("gone")), Err("gone"));
    }
}
