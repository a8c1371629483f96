//! Every kind of gleis socket against every kind of foreign one that fits, of every engine, over
//! tcp and ipc, whoever binds.
//!
//! A new kind of socket is an `impl Ours` and a line in [`scenarios`] for each foreign kind.

mod exchange;
mod full;
mod meeting;
mod ours;
mod survival;

use bytes::Bytes;
use gleis_patterns::{Publisher, Pull, Push, Subscriber};

use crate::foreign::Engine;
use crate::matrix::meeting::{Plan, Row, Shape, Way};
use crate::matrix::ours::{Answerer, Asker, Ours};
use crate::outcome::Outcome;
use crate::place::{Binder, Place};
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    use Shape::{Body, TopicAndBody};
    use Way::{Answers, Asks, Gives, Takes};

    [
        row::<Push<Bytes>>("PULL", &[], Body, &[Gives]),
        row::<Pull<Bytes>>("PUSH", &[], Body, &[Takes]),
        row::<Publisher<Bytes>>("SUB", &[], TopicAndBody, &[Gives]),
        row::<Publisher<Bytes>>("XSUB", &[], TopicAndBody, &[Gives]),
        row::<Subscriber<Bytes>>("PUB", &[], TopicAndBody, &[Takes]),
        row::<Subscriber<Bytes>>("XPUB", &[], TopicAndBody, &[Takes]),
        row::<Asker>("REP", &[], Body, &[Asks]),
        row::<Asker>("ROUTER", &[], Body, &[Asks]),
        row::<Answerer>("REQ", &[], Body, &[Answers]),
        row::<Answerer>("DEALER", &[b""], Body, &[Answers]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// All that `O` and the foreign socket `theirs` must be able to do.
fn row<O: Ours>(
    theirs: &'static str,
    theirs_ahead: &'static [&'static [u8]],
    shape: Shape,
    ways: &'static [Way],
) -> Vec<Scenario> {
    let row = Row { shape, theirs, theirs_ahead, ways };
    let engines = Engine::ALL.into_iter().filter(|it| it.has(theirs));
    let meetings = engines.flat_map(|engine| Place::meetings().map(move |place| (engine, place)));
    meetings.flat_map(|(engine, place)| cell::<O>(&Plan::new(engine, row, place))).collect()
}

/// What one engine must be able to do at one place.
fn cell<O: Ours>(plan: &Plan) -> Vec<Scenario> {
    let Plan { engine, place, row, .. } = *plan;
    let theirs = row.theirs;
    let mut all = Themes { all: Vec::new(), plan };
    all.add::<O>("exchange 100 messages", exchange::hundred::<O>);
    all.add::<O>("exchange empty messages", exchange::empty::<O>);
    all.add::<O>("exchange messages of all bytes there are", exchange::binary::<O>);
    if row.has_topics() {
        all.add::<O>("agree on topics that are no text", exchange::binary_topics::<O>);
    }
    if exchange::takes_many_frames(&row) {
        all.add::<O>("exchange messages of many frames", exchange::many_frames::<O>);
    } else if row.ways == [Way::Takes] {
        all.add::<O>("go on after a message of too many frames", exchange::too_many_frames::<O>);
    }
    all.add::<O>("exchange 16 MiB", exchange::long::<O>);
    if engine.has_heartbeats() {
        all.add::<O>("outlive a silence, the foreign side with heartbeats", |plan| {
            survival::silence::<O>(plan, (false, true))
        });
        all.add::<O>("outlive a silence, both sides with heartbeats", |plan| {
            survival::silence::<O>(plan, (true, true))
        });
    } else {
        all.add::<O>("outlive a silence, gleis with heartbeats", |plan| {
            survival::silence::<O>(plan, (true, false))
        });
    }
    all.add::<O>("meet again when the foreign side was killed", survival::theirs_dies::<O>);
    if place.binder == Binder::Gleis && engine.reconnects(theirs) {
        all.add::<O>("meet again when the gleis side was dropped", survival::ours_dies::<O>);
    }
    if [Way::Asks, Way::Gives].contains(&row.ways[0]) {
        all.add::<O>(
            "lose nothing uncounted when the foreign side does not read",
            full::theirs::<O>,
        );
    }
    if row.ways.contains(&Way::Takes) || theirs == "DEALER" {
        all.add::<O>("go on when the gleis side does not read for a while", full::ours::<O>);
    }
    all.all
}

/// The scenarios of one cell.
struct Themes<'a> {
    all: Vec<Scenario>,
    plan: &'a Plan,
}

impl Themes<'_> {
    fn add<O: Ours>(
        &mut self,
        what: &str,
        play: impl AsyncFnOnce(Plan) -> Outcome + Send + 'static,
    ) {
        let Plan { engine, place, row, .. } = self.plan;
        let place = place.named(engine.name());
        let sentence = format!("{} and {} {} {what} ({place})", O::NAME, engine.name(), row.theirs);
        let plan = self.plan.clone();
        self.all.push(Scenario::new(sentence, move || play(plan)));
    }
}
