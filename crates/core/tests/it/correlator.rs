//! The correlator against a plain map.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use gleis_core::{CorrelationId, Correlator, Deadline, Full};
use proptest::prelude::*;

const LIMIT: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    Drain,
    Expire,
    Insert { after: u64 },
    Pass { time: u64 },
    Take { nth: prop::sample::Index },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Drain),
        4 => Just(Step::Expire),
        12 => (0..9_u64).prop_map(|after| Step::Insert { after }),
        4 => (0..4_u64).prop_map(|time| Step::Pass { time }),
        8 => any::<prop::sample::Index>().prop_map(|nth| Step::Take { nth }),
    ]
}

/// What a correlator is, written as simply as possible.
struct Model {
    pending: HashMap<CorrelationId, (Deadline, usize)>,
    issued: Vec<CorrelationId>,
    now: Instant,
}

impl Model {
    fn remove_all(&mut self, which: impl Fn(Deadline) -> bool) -> Vec<(CorrelationId, usize)> {
        let mut gone: Vec<_> = self.pending.iter().map(|(id, (at, it))| (*at, *id, *it)).collect();
        gone.retain(|(at, ..)| which(*at));
        gone.sort_unstable();
        gone.into_iter()
            .map(|(_, id, _)| (id, self.pending.remove(&id).expect("pending").1))
            .collect()
    }

    fn run(&mut self, real: &mut Correlator<usize>, number: usize, step: &Step) {
        match step {
            Step::Drain => assert_eq!(real.drain(), self.remove_all(|_| true)),
            Step::Expire => {
                let now = self.now;
                assert_eq!(real.expire(now), self.remove_all(|at| at.has_passed(now)));
            }
            Step::Insert { after } => {
                let deadline = Deadline::after(self.now, Duration::from_secs(*after));
                match real.insert(deadline, number) {
                    Ok(id) => {
                        assert!(!self.issued.contains(&id), "{id} was issued twice");
                        self.issued.push(id);
                        self.pending.insert(id, (deadline, number));
                    }
                    Err(Full(value)) => {
                        assert_eq!((value, self.pending.len()), (number, LIMIT));
                    }
                }
            }
            Step::Pass { time } => self.now += Duration::from_secs(*time),
            Step::Take { nth } if !self.issued.is_empty() => {
                let id = *nth.get(&self.issued);
                assert_eq!(real.get(id), self.pending.get(&id).map(|(_, it)| it));
                assert_eq!(real.take(id), self.pending.remove(&id).map(|(_, it)| it));
            }
            Step::Take { .. } => (),
        }
        assert_eq!(real.len(), self.pending.len());
        assert_eq!(real.is_empty(), self.pending.is_empty());
        assert_eq!(real.next_deadline(), self.pending.values().map(|(at, _)| *at).min());
    }
}

proptest! {
    #[test]
    fn a_correlator_behaves_like_a_map(steps in prop::collection::vec(step(), 0..80)) {
        let mut real = Correlator::new(LIMIT);
        let mut model = Model { pending: HashMap::new(), issued: Vec::new(), now: Instant::now() };
        for (number, step) in steps.iter().enumerate() {
            model.run(&mut real, number, step);
        }
    }

    #[test]
    fn any_bytes_of_the_right_length_are_an_id(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
        let id = CorrelationId::from_bytes(&bytes);
        prop_assert_eq!(id.is_some(), bytes.len() == 8);
        prop_assert!(id.is_none_or(|it| it.to_bytes() == *bytes));
    }
}
