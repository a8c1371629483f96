//! A gleis socket and the foreign one it talks to.

use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{Backoff, Heartbeat, Options};

use crate::foreign::{Beat, Engine, Foreign, Frames, Wish};
use crate::gleis::Socket;
use crate::matrix::ours::Ours;
use crate::matrix::row::{Row, Way};
use crate::outcome::{Failure, Outcome, holds, same, soon, until};
use crate::peer::{INTERVAL, TIMEOUT, TTL};
use crate::place::{Binder, Place};

/// What is published to see whether anybody hears it.
const PROBE: &[u8] = b"probe";
/// How long one attempt may need; only decides how soon the next one is made.
const ATTEMPT: Duration = Duration::from_millis(50);

/// What there is to know before two sockets meet.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) engine: Engine,
    pub(crate) high_water: Option<usize>,
    pub(crate) place: Place,
    /// Who sends heartbeats often: gleis, the other one.
    pub(crate) pulses: (bool, bool),
    pub(crate) prefix: Bytes,
    pub(crate) row: Row,
}

impl Plan {
    pub(crate) fn new(engine: Engine, row: Row, place: Place) -> Self {
        let prefix = Bytes::from_static(b"eu.");
        Self { engine, high_water: None, place, pulses: (false, false), prefix, row }
    }

    fn options(&self) -> Options {
        let mut options = Options::default();
        // No scenario waits for the next attempt to connect.
        options.backoff =
            Backoff { first: Duration::from_millis(20), most: Duration::from_millis(100) };
        if self.pulses.0 {
            options.heartbeat = Some(Heartbeat { interval: INTERVAL, timeout: TIMEOUT, ttl: TTL });
        }
        if let Some(high_water) = self.high_water {
            options.recv_high_water.messages = high_water;
            options.send_high_water.messages = high_water;
        }
        options
    }

    fn wish(&self) -> Wish {
        let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        let beat = Beat { interval: millis(INTERVAL), timeout: millis(TIMEOUT), ttl: millis(TTL) };
        Wish {
            heartbeat: self.pulses.1.then_some(beat),
            // A ROUTER or REP that has no room for an answer drops it.
            high_water: self.high_water.filter(|_| !self.row.ways.contains(&Way::Asks)),
            identity: None,
        }
    }

    async fn foreign(&self) -> Outcome<Foreign> {
        let mut theirs = Foreign::open(self.engine, self.row.theirs, self.wish()).await?;
        if self.row.subscribes() {
            theirs.subscribe(&self.prefix).await?;
        }
        Ok(theirs)
    }

    /// Opens the gleis socket at `at`.
    async fn open<O: Ours>(&self, binder: Binder, at: &str) -> Outcome<O> {
        let builder = match binder {
            Binder::Foreign => O::Socket::connecting(at),
            Binder::Gleis => O::Socket::binding(at),
        };
        let builder = O::want(builder.options(self.options()), &self.prefix);
        Ok(O::new(O::Socket::open(builder).await?))
    }
}

/// A pair of connected sockets.
pub(crate) struct Meeting<O> {
    at: String,
    pub(crate) ours: O,
    pub(crate) plan: Plan,
    pub(crate) theirs: Foreign,
}

impl<O: Ours> Meeting<O> {
    pub(crate) async fn new(plan: Plan) -> Outcome<Self> {
        let mut theirs = plan.foreign().await?;
        let fresh = plan.place.lasting()?;
        let (at, ours) = match plan.place.binder {
            Binder::Foreign => {
                let at = theirs.bind(&fresh).await?;
                let ours = plan.open(Binder::Foreign, &at).await?;
                (at, ours)
            }
            Binder::Gleis => {
                let ours: O = plan.open(Binder::Gleis, &fresh).await?;
                let at = ours.socket().at();
                theirs.connect(&at).await?;
                (at, ours)
            }
        };
        let mut meeting = Self { at, ours, plan, theirs };
        meeting.settle().await?;
        Ok(meeting)
    }

    /// Waits until a message that is sent arrives.
    async fn settle(&mut self) -> Outcome {
        soon(self.ours.ready()).await?;
        match self.plan.row.theirs {
            "XPUB" => {
                let expected = [&[1], &self.plan.prefix[..]].concat();
                same(self.theirs.recv(1).await?, [[Bytes::from(expected)]])
            }
            "PUB" => self.reach().await.map(drop),
            _ => Ok(()),
        }
    }

    /// Has the foreign socket publish until it is heard; returns what was heard before that.
    pub(crate) async fn reach(&mut self) -> Outcome<Vec<Frames>> {
        let mut before = Vec::new();
        for attempt in 0..200u8 {
            let probe = [PROBE, &[attempt]].concat();
            let probe = self.plan.row.message(&self.plan.prefix, probe);
            self.theirs.send(std::slice::from_ref(&probe)).await?;
            let mut patience = ATTEMPT;
            // The first probe that is heard may not be the last one that was sent.
            while let Ok(heard) = tokio::time::timeout(patience, self.ours.recv()).await {
                let heard = heard?;
                if heard == probe {
                    return Ok(before);
                }
                if heard.last().is_some_and(|it| it.starts_with(PROBE)) {
                    patience = Duration::from_secs(5);
                } else {
                    before.push(heard);
                }
            }
        }
        Err(Failure::new("nothing of what is published arrives"))
    }

    /// Sends these messages all ways that there are.
    pub(crate) async fn exchange(&mut self, messages: &[Frames]) -> Outcome {
        for way in self.plan.row.ways {
            match way {
                Way::Answers if self.plan.row.is_lockstep() => {
                    for message in messages {
                        self.answers(std::slice::from_ref(message)).await?;
                    }
                }
                Way::Answers => self.answers(messages).await?,
                Way::Asks => self.asks(messages).await?,
                Way::Gives => self.gives(messages).await?,
                Way::Takes => self.takes(messages).await?,
            }
        }
        Ok(())
    }

    async fn answers(&mut self, messages: &[Frames]) -> Outcome {
        let (ours, theirs) = self.both_sides(messages);
        self.theirs.send(&theirs).await?;
        for expected in &ours {
            let question = soon(self.ours.recv()).await??;
            holds(question.ends_with(expected), "another question came")?;
            soon(self.ours.send(question)).await??;
        }
        same(self.theirs.recv(theirs.len()).await?, theirs)
    }

    async fn asks(&mut self, messages: &[Frames]) -> Outcome {
        let (ours, _) = self.both_sides(messages);
        for message in &ours {
            soon(self.ours.send(message.clone())).await??;
        }
        self.theirs.echo(ours.len()).await?;
        for message in ours {
            same(soon(self.ours.recv()).await??, message)?;
        }
        Ok(())
    }

    async fn gives(&mut self, messages: &[Frames]) -> Outcome {
        let (ours, theirs) = self.both_sides(messages);
        for message in ours {
            soon(self.ours.send(message)).await??;
        }
        same(self.theirs.recv(theirs.len()).await?, theirs)
    }

    async fn takes(&mut self, messages: &[Frames]) -> Outcome {
        let (ours, theirs) = self.both_sides(messages);
        self.theirs.send(&theirs).await?;
        for message in ours {
            same(soon(self.ours.recv()).await??, message)?;
        }
        Ok(())
    }

    fn both_sides(&self, messages: &[Frames]) -> (Vec<Frames>, Vec<Frames>) {
        let row = self.plan.row;
        messages.iter().map(|it| (row.as_ours(it), row.as_theirs(it))).unzip()
    }

    /// Kills the foreign process; another one takes its place as soon as gleis knows.
    pub(crate) async fn revive_theirs(self) -> Outcome<Self> {
        let Self { at, ours, plan, theirs } = self;
        theirs.kill();
        until(|| ours.socket().n_peers() == 0).await?;
        let mut theirs = plan.foreign().await?;
        match plan.place.binder {
            Binder::Foreign => theirs.bind(&at).await.map(drop)?,
            Binder::Gleis => theirs.connect(&at).await?,
        }
        let mut meeting = Self { at, ours, plan, theirs };
        meeting.settle().await?;
        Ok(meeting)
    }

    /// Closes the gleis socket that bound; another one takes its place.
    pub(crate) async fn revive_ours(self) -> Outcome<Self> {
        let Self { at, ours, plan, theirs } = self;
        ours.socket().shut().await;
        drop(ours);
        let ours: O = plan.open(Binder::Gleis, &at).await?;
        soon(ours.ready()).await?;
        let mut meeting = Self { at, ours, plan, theirs };
        if ["PUB", "XPUB"].contains(&meeting.plan.row.theirs) {
            // An XPUB keeps what was subscribed over the connection before, and says nothing.
            meeting.reach().await?;
        }
        Ok(meeting)
    }
}
