//! PING, PONG and TTL with libzmq on the other side.

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use gleis_patterns::{
    Backoff, Builder, Event, Heartbeat, Options, Publisher, Pull, Push, Replier, Requester,
    Subscriber,
};

use crate::foreign::{Beat, Engine, Foreign, Wish};
use crate::gleis::{Socket, so_far};
use crate::outcome::{Failure, Outcome, holds, same, soon, until};
use crate::peer::{INTERVAL, Peer, SILENCE, TIMEOUT, TTL};
use crate::place::Place;
use crate::request::ask;
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::TCP {
        for pulse in [Pulse::Theirs, Pulse::Ours, Pulse::Both] {
            let name = |pair: &str| format!("{pair} outlive a silence, {} ({place})", pulse.name());
            all.push(Scenario::new(name("Push and PULL"), move || push(place, pulse)));
            all.push(Scenario::new(name("Pull and PUSH"), move || pull(place, pulse)));
            all.push(Scenario::new(name("Publisher and SUB"), move || publish(place, pulse)));
            all.push(Scenario::new(name("Subscriber and XPUB"), move || subscribe(place, pulse)));
            all.push(Scenario::new(name("Requester and REP"), move || request(place, pulse)));
            all.push(Scenario::new(name("Replier and REQ"), move || reply(place, pulse)));
        }
    }
    all.push(Scenario::new(
        "Pull does not read for a while and keeps its PUSH, both with short heartbeats",
        unread_pull,
    ));
    all.push(Scenario::new(
        "a frozen PULL is given up by Push's heartbeats, and found again",
        || frozen(Some(short())),
    ));
    all.push(Scenario::new(
        "a frozen PULL is given up by the TTL it promised, and found again",
        || frozen(None),
    ));
    all
}

/// Who sends heartbeats often.
#[derive(Clone, Copy, Debug)]
enum Pulse {
    Both,
    Ours,
    Theirs,
}

impl Pulse {
    fn name(self) -> &'static str {
        match self {
            Self::Both => "both with short heartbeats",
            Self::Ours => "gleis with short heartbeats",
            Self::Theirs => "libzmq with short heartbeats",
        }
    }

    fn peer(self, kind: zmq::SocketType) -> Outcome<Peer> {
        let peer = Peer::new(kind)?;
        match self {
            Self::Ours => Ok(peer),
            Self::Both | Self::Theirs => peer.with_heartbeats(),
        }
    }

    fn options(self) -> Options {
        let mut options = Options::default();
        options.heartbeat = match self {
            Self::Both | Self::Ours => Some(short()),
            Self::Theirs => None,
        };
        options
    }

    async fn join<S: Socket>(self, place: Place, peer: &Peer) -> Outcome<S> {
        place.join(peer, |it: Builder<S>| it.options(self.options())).await
    }
}

fn short() -> Heartbeat {
    Heartbeat { interval: INTERVAL, timeout: TIMEOUT, ttl: TTL }
}

/// Says nothing for a while, and fails if the link did not last.
async fn silence(socket: &impl Socket) -> Outcome {
    let mut events = socket.told();
    // Not synchronisation: that nothing happens for this long is what is tested.
    tokio::time::sleep(SILENCE).await;
    let told = so_far(&mut events).await;
    same(told.len(), 0).map_err(|_| Failure::new(format!("in silence: {told:?}")))?;
    same(socket.n_peers(), 1)
}

async fn push(place: Place, pulse: Pulse) -> Outcome {
    let peer = pulse.peer(zmq::PULL)?;
    let push: Push<Bytes> = pulse.join(place, &peer).await?;
    silence(&push).await?;
    push.send(Bytes::from_static(b"1")).await?;
    same(peer.recv_body()?, b"1")?;
    Ok(())
}

async fn pull(place: Place, pulse: Pulse) -> Outcome {
    let peer = pulse.peer(zmq::PUSH)?;
    let pull: Pull<Bytes> = pulse.join(place, &peer).await?;
    silence(&pull).await?;
    peer.send(&["1"])?;
    same(soon(pull.recv()).await??, "1")?;
    Ok(())
}

async fn publish(place: Place, pulse: Pulse) -> Outcome {
    let peer = pulse.peer(zmq::SUB)?;
    peer.raw().set_subscribe(b"")?;
    let publisher: Publisher<Bytes> = pulse.join(place, &peer).await?;
    peer.idle(publisher.wait_for_subscribers(1)).await?;
    silence(&publisher).await?;
    publisher.publish("a", Bytes::from_static(b"1")).await?;
    same(peer.recv()?, [b"a", b"1"])?;
    Ok(())
}

async fn subscribe(place: Place, pulse: Pulse) -> Outcome {
    let peer = pulse.peer(zmq::XPUB)?;
    let subscriber: Subscriber<Bytes> = pulse.join(place, &peer).await?;
    subscriber.subscribe("");
    same(peer.recv_body()?, b"\x01")?;
    silence(&subscriber).await?;
    peer.send(&["a", "1"])?;
    same(soon(subscriber.recv()).await??.message, "1")?;
    Ok(())
}

async fn request(place: Place, pulse: Pulse) -> Outcome {
    let peer = pulse.peer(zmq::REP)?;
    let requester: Arc<Requester<Bytes, Bytes>> = Arc::new(pulse.join(place, &peer).await?);
    silence(&*requester).await?;
    let answer = ask(&requester, 1);
    let question = peer.recv()?;
    // The answer takes its time as well.
    silence(&*requester).await?;
    peer.send(&question)?;
    same(soon(answer).await???, "1")?;
    Ok(())
}

async fn reply(place: Place, pulse: Pulse) -> Outcome {
    let peer = pulse.peer(zmq::REQ)?;
    let replier: Replier<Bytes, Bytes> = pulse.join(place, &peer).await?;
    silence(&replier).await?;
    peer.send(&["1"])?;
    let (question, handle) = soon(replier.recv()).await??;
    silence(&replier).await?;
    handle.send(question).await?;
    same(peer.recv_body()?, b"1")?;
    Ok(())
}

/// More than fits into the queues between the two sides.
const FLOOD: u64 = 200_000;

/// A socket that does not read sees no PING, but its own tell that it is there.
async fn unread_pull() -> Outcome {
    let peer = Pulse::Both.peer(zmq::PUSH)?;
    let pull: Pull<Bytes> = Pulse::Both.join(Place::TCP[0], &peer).await?;
    let writing = thread::spawn(move || {
        for number in 0..FLOOD {
            peer.send(&[[&number.to_be_bytes()[..], &[0; 92]].concat()])?;
        }
        Ok(peer)
    });
    silence(&pull).await?;
    for number in 0..FLOOD {
        same(&soon(pull.recv()).await??[..8], &number.to_be_bytes()[..])?;
    }
    // Had libzmq closed before with a PONG unread, the system would have reset the connection.
    let ended: Outcome<Peer> = writing.join().map_err(|_| Failure::new("a thread panicked"))?;
    ended.map(drop)
}

/// The peer's process is stopped: its connection stays, and only silence tells.
async fn frozen(heartbeat: Option<Heartbeat>) -> Outcome {
    let [interval, timeout, ttl] = [INTERVAL, TIMEOUT, TTL].map(|it| it.as_millis() as u64);
    let heartbeats = Wish { heartbeat: Some(Beat { interval, timeout, ttl }), ..Wish::default() };
    let mut child = Foreign::open(Engine::Libzmq, "PULL", heartbeats).await?;
    let at = child.bind("tcp://127.0.0.1:0").await?;
    let mut options = Options::default();
    options.heartbeat = heartbeat;
    options.handshake_timeout = TIMEOUT;
    options.backoff = Backoff { first: INTERVAL, most: TIMEOUT };
    let push: Push<Bytes> = Push::connect(at).options(options).await?;
    soon(push.wait_for_peers(1)).await?;
    push.send(Bytes::from_static(b"1")).await?;
    same(child.recv(1).await?, [["1"]])?;
    // Without a PING there is no promise; the first has come when the second interval is over.
    // Not synchronisation: nothing tells that a PING has come.
    tokio::time::sleep(2 * INTERVAL).await;
    let mut events = push.events();
    child.freeze()?;
    until(|| push.peers().is_empty()).await?;
    let told = so_far(&mut events).await;
    let is_silence =
        |it: &Event| matches!(it, Event::Disconnected { reason, .. } if reason.contains("silent"));
    holds(told.iter().any(is_silence), &format!("no word of silence: {told:?}"))?;
    child.thaw()?;
    soon(push.wait_for_peers(1)).await?;
    push.send(Bytes::from_static(b"2")).await?;
    same(child.recv(1).await?, [["2"]])
}
