//! Every kind of gleis socket against every kind of foreign one that fits, of every engine, over
//! tcp and ipc, whoever binds.
//!
//! A new kind of socket is an `impl Ours` and a line in [`scenarios`] for each foreign kind.
//! Kinds that differ only in what they carry need not do everything again.

mod exchange;
mod full;
mod meeting;
mod ours;
mod row;
mod survival;

use bytes::Bytes;
use gleis_patterns::{
    Dealer, Multipart, Pair, Publisher, Pull, Push, Router, Subscriber, XPub, XSub,
};

use crate::foreign::Engine;
use crate::matrix::meeting::Plan;
use crate::matrix::ours::{Answerer, Asker, Ours, WhenFull};
use crate::matrix::row::{Row, Way};
use crate::outcome::Outcome;
use crate::place::{Binder, Place};
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    use Way::{Answers, Asks, Gives, Takes};

    let mut all = Table::default();
    all.row::<Push<Bytes>>("PULL", &[Gives], full);
    all.row::<Pull<Bytes>>("PUSH", &[Takes], full);
    all.row::<Publisher<Bytes>>("SUB", &[Gives], full);
    all.row::<Publisher<Bytes>>("XSUB", &[Gives], full);
    all.row::<Subscriber<Bytes>>("PUB", &[Takes], full);
    all.row::<Subscriber<Bytes>>("XPUB", &[Takes], full);
    all.row::<Asker<Bytes>>("REP", &[Asks], full);
    all.row::<Asker<Bytes>>("ROUTER", &[Asks], full);
    all.row::<Answerer<Bytes>>("REQ", &[Answers], full);
    all.row::<Answerer<Bytes>>("DEALER", &[Answers], |it| it.theirs_ahead(&[b""]));
    all.row::<XPub<Bytes>>("SUB", &[Gives], full);
    all.row::<XPub<Bytes>>("XSUB", &[Gives], full);
    all.row::<XSub<Bytes>>("PUB", &[Takes], full);
    all.row::<XSub<Bytes>>("XPUB", &[Takes], full);
    all.row::<Pair<Multipart>>("PAIR", &[Gives, Takes], full);
    all.row::<Dealer<Multipart>>("DEALER", &[Gives, Takes], full);
    all.row::<Dealer<Multipart>>("REP", &[Asks], |it| it.ours_ahead(&[b""]));
    all.row::<Dealer<Multipart>>("ROUTER", &[Asks], full);
    all.row::<Router<Multipart>>("DEALER", &[Answers], full);
    all.row::<Router<Multipart>>("REQ", &[Answers], full);
    all.row::<Pair<Bytes>>("PAIR", &[Gives, Takes], Row::only_messages);
    all.row::<Dealer<Bytes>>("ROUTER", &[Asks], Row::only_messages);
    all.row::<Router<Bytes>>("DEALER", &[Answers], Row::only_messages);
    all.row::<XPub<Multipart>>("SUB", &[Gives], Row::only_messages);
    all.row::<XSub<Multipart>>("XPUB", &[Takes], Row::only_messages);
    all.row::<Push<Multipart>>("PULL", &[Gives], Row::only_messages);
    all.row::<Pull<Multipart>>("PUSH", &[Takes], Row::only_messages);
    all.row::<Publisher<Multipart>>("SUB", &[Gives], Row::only_messages);
    all.row::<Subscriber<Multipart>>("XPUB", &[Takes], Row::only_messages);
    all.row::<Asker<Multipart>>("REP", &[Asks], Row::only_messages);
    all.row::<Asker<Multipart>>("ROUTER", &[Asks], Row::only_messages);
    all.row::<Answerer<Multipart>>("REQ", &[Answers], Row::only_messages);
    all.row::<Answerer<Multipart>>("DEALER", &[Answers], |it| {
        it.only_messages().theirs_ahead(&[b""])
    });
    all.scenarios
}

/// A row about which there is nothing to say.
fn full(row: Row) -> Row {
    row
}

#[derive(Default)]
struct Table {
    scenarios: Vec<Scenario>,
}

impl Table {
    /// All that `O` and the foreign socket `theirs` must be able to do.
    fn row<O: Ours>(
        &mut self,
        theirs: &'static str,
        ways: &'static [Way],
        choose: impl FnOnce(Row) -> Row,
    ) {
        let row = choose(Row::new::<O>(theirs, ways));
        for engine in Engine::ALL.into_iter().filter(|it| it.has(theirs)) {
            for place in Place::meetings() {
                self.scenarios.extend(cell::<O>(&Plan::new(engine, row, place)));
            }
        }
    }
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
    if row.is_frames() {
        all.add::<O>("exchange messages of many frames", exchange::many_frames::<O>);
    } else if row.ways == [Way::Takes] {
        all.add::<O>("go on after a message of too many frames", exchange::too_many_frames::<O>);
    }
    if O::NAME == Answerer::<Bytes>::NAME && theirs == "DEALER" {
        all.add::<O>("keep a long envelope", exchange::long_envelope::<O>);
    }
    if row.is_short() {
        return all.all;
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
    if row.ways[0] == Way::Gives || O::WHEN_FULL == WhenFull::Holds {
        all.add::<O>(
            "lose nothing uncounted when the foreign side does not read",
            full::theirs::<O>,
        );
    }
    if row.ways.contains(&Way::Takes) || theirs == "DEALER" {
        all.add::<O>("go on when the gleis side does not read for a while", full::ours::<O>);
        if engine.flood(theirs).is_long() {
            let last = all.all.pop().map(Scenario::heavy);
            all.all.extend(last);
        }
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
        let ours = if row.is_frames() { format!("{} of frames", O::NAME) } else { O::NAME.into() };
        let sentence = format!("{ours} and {} {} {what} ({place})", engine.name(), row.theirs);
        let plan = self.plan.clone();
        self.all.push(Scenario::new(sentence, move || play(plan)));
    }
}
