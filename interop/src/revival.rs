//! One side dies and comes back at the same place; the other goes on with it.

use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    Backoff, Builder, Options, Publisher, Pull, Push, Replier, Requester, Subscriber,
};

use crate::child::Child;
use crate::gleis::{Socket, plain};
use crate::outcome::{Failure, Outcome, same, soon, until};
use crate::peer::Peer;
use crate::place::{Binder, Place};
use crate::runner::Scenario;

/// How long an attempt may take. What is on its way when a peer dies is lost, so there are several.
const ATTEMPT: Duration = Duration::from_millis(200);
/// How many there are.
const ATTEMPTS: usize = 50;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::TCP {
        let name = |kind: &str, ours: &str| {
            format!("{kind} is killed and comes back, {ours} goes on ({place})")
        };
        all.push(Scenario::new(name("PULL", "Push"), move || pull_dies(place)));
        all.push(Scenario::new(name("PUSH", "Pull"), move || push_dies(place)));
        all.push(Scenario::new(name("SUB", "Publisher"), move || sub_dies(place)));
        all.push(Scenario::new(name("PUB", "Subscriber"), move || pub_dies(place)));
        all.push(Scenario::new(name("REP", "Requester"), move || rep_dies(place)));
        all.push(Scenario::new(name("REQ", "Replier"), move || req_dies(place)));
    }
    all.push(Scenario::new("Pull closes and binds again, PUSH goes on", pull_returns));
    all.push(Scenario::new("Publisher closes and binds again, SUB goes on", publisher_returns));
    all.push(Scenario::new("Replier closes and binds again, REQ goes on", replier_returns));
    all
}

/// A gleis socket and the libzmq process it talks to.
struct Pair<S> {
    at: String,
    binder: Binder,
    child: Child,
    kind: &'static str,
    socket: S,
}

impl<S: Socket> Pair<S> {
    async fn new(
        place: Place,
        kind: &'static str,
        choose: impl FnOnce(Builder<S>) -> Builder<S>,
    ) -> Outcome<Self> {
        let choose = |builder: Builder<S>| choose(builder.options(hasty()));
        let binder = place.binder;
        let (at, child, socket) = match binder {
            Binder::Gleis => {
                let socket = S::open(choose(S::binding(&place.fresh()))).await?;
                (socket.at(), Child::connecting(kind, &socket.at()).await?, socket)
            }
            Binder::Libzmq => {
                let (child, at) = Child::binding(kind, &place.fresh()).await?;
                let socket = S::open(choose(S::connecting(&at))).await?;
                (at, child, socket)
            }
        };
        soon(socket.has_peers(1)).await?;
        Ok(Self { at, binder, child, kind, socket })
    }

    /// Kills the child; another one takes its place as soon as `socket` knows.
    async fn revive(self) -> Outcome<Self> {
        self.child.kill()?;
        let socket = self.socket;
        until(|| socket.n_peers() == 0).await?;
        let child = match self.binder {
            Binder::Gleis => Child::connecting(self.kind, &self.at).await?,
            Binder::Libzmq => Child::binding(self.kind, &self.at).await?.0,
        };
        soon(socket.has_peers(1)).await?;
        Ok(Self { child, socket, ..self })
    }
}

/// Options that do not make a scenario wait for the next attempt to connect.
fn hasty() -> Options {
    let mut options = Options::default();
    options.backoff =
        Backoff { first: Duration::from_millis(20), most: Duration::from_millis(100) };
    options
}

async fn pull_dies(place: Place) -> Outcome {
    let mut pair = Pair::<Push<Bytes>>::new(place, "PULL", plain).await?;
    for round in 0..3 {
        if round != 0 {
            pair = pair.revive().await?;
        }
        for number in 0..100 {
            let text = format!("{round} {number}");
            pair.socket.send(Bytes::from(text.clone())).await?;
            same(pair.child.recv().await?, [text])?;
        }
    }
    Ok(())
}

async fn push_dies(place: Place) -> Outcome {
    let mut pair = Pair::<Pull<Bytes>>::new(place, "PUSH", plain).await?;
    for round in 0..3 {
        if round != 0 {
            pair = pair.revive().await?;
        }
        for number in 0..100 {
            let text = format!("{round} {number}");
            pair.child.send(&[&text])?;
            same(soon(pair.socket.recv()).await??, text)?;
        }
    }
    Ok(())
}

async fn sub_dies(place: Place) -> Outcome {
    let mut pair = Pair::<Publisher<Bytes>>::new(place, "SUB", plain).await?;
    for round in 0..3 {
        if round != 0 {
            pair = pair.revive().await?;
        }
        soon(pair.socket.wait_for_subscribers(1)).await?;
        for number in 0..100 {
            let text = format!("{round} {number}");
            pair.socket.publish("news", Bytes::from(text.clone())).await?;
            same(pair.child.recv().await?, ["news", text.as_str()])?;
        }
    }
    Ok(())
}

async fn pub_dies(place: Place) -> Outcome {
    let mut pair = Pair::<Subscriber<Bytes>>::new(place, "PUB", |it| it.subscribe("news")).await?;
    for round in 0..3 {
        if round != 0 {
            pair = pair.revive().await?;
        }
        // When a PUB knows of its subscribers it tells nobody.
        let text = format!("{round}");
        let mut attempts = 0..ATTEMPTS;
        let heard = loop {
            pair.child.send(&["news", &text])?;
            let recv = tokio::time::timeout(ATTEMPT, pair.socket.recv()).await;
            if let Ok(publication) = recv {
                break publication?;
            }
            same(attempts.next().is_some(), true)?;
        };
        same(heard.message, text)?;
    }
    Ok(())
}

async fn rep_dies(place: Place) -> Outcome {
    let mut pair = Pair::<Requester<Bytes, Bytes>>::new(place, "REP", plain).await?;
    for round in 0..3 {
        if round != 0 {
            pair = pair.revive().await?;
        }
        for number in 0..100 {
            let text = Bytes::from(format!("{round} {number}"));
            same(soon(pair.socket.request(text.clone())).await??, text)?;
        }
    }
    same(pair.socket.in_flight(), 0)
}

async fn req_dies(place: Place) -> Outcome {
    let mut pair = Pair::<Replier<Bytes, Bytes>>::new(place, "REQ", plain).await?;
    for round in 0..3 {
        if round != 0 {
            // It dies with a question that is not answered yet.
            pair.child.send(&["last"])?;
            let (_, handle) = soon(pair.socket.recv()).await??;
            pair = pair.revive().await?;
            same(handle.send(Bytes::from_static(b"late")).await.is_err(), true)?;
        }
        for number in 0..100 {
            let text = format!("{round} {number}");
            pair.child.send(&[&text])?;
            let (request, handle) = soon(pair.socket.recv()).await??;
            same(&request, &text)?;
            handle.send(request).await?;
            same(pair.child.recv().await?, [text])?;
        }
    }
    Ok(())
}

async fn pull_returns() -> Outcome {
    let pull: Pull<Bytes> = Pull::bind("tcp://127.0.0.1:0").await?;
    let at = pull.endpoint().to_string();
    let peer = Peer::new(zmq::PUSH)?;
    peer.connect(&at)?;
    soon(pull.wait_for_peers(1)).await?;
    pull.close().await;
    drop(pull);
    let mut pull: Pull<Bytes> = Pull::bind(at.as_str()).await?;
    soon(pull.wait_for_peers(1)).await?;
    peer.send(&["again"])?;
    same(soon(pull.recv()).await??, "again")
}

async fn publisher_returns() -> Outcome {
    let publisher: Publisher<Bytes> = Publisher::bind("tcp://127.0.0.1:0").await?;
    let at = publisher.endpoint().to_string();
    let peer = Peer::new(zmq::SUB)?;
    peer.raw().set_subscribe(b"news")?;
    peer.connect(&at)?;
    peer.idle(publisher.wait_for_subscribers(1)).await?;
    publisher.close().await;
    drop(publisher);
    let publisher: Publisher<Bytes> = Publisher::bind(at.as_str()).await?;
    peer.idle(publisher.wait_for_subscribers(1)).await?;
    publisher.publish("news", Bytes::from_static(b"again")).await?;
    same(peer.recv()?, ["news", "again"].map(|it| it.as_bytes().to_vec()))
}

async fn replier_returns() -> Outcome {
    let peer = Peer::new(zmq::REQ)?;
    let mut at = "tcp://127.0.0.1:0".to_owned();
    for round in 0..3 {
        let mut replier: Replier<Bytes, Bytes> = Replier::bind(at.as_str()).await?;
        if round == 0 {
            at = replier.endpoint().to_string();
            peer.connect(&at)?;
        }
        peer.send(&[round.to_string()])?;
        let (request, handle) = soon(replier.recv()).await??;
        handle.send(request).await?;
        let answer = String::from_utf8(peer.recv_body()?);
        let answer = answer.map_err(|_| Failure::new("the answer is no text"))?;
        same(answer, round.to_string())?;
        soon(replier.close()).await?;
    }
    Ok(())
}
