//! Push and Pull against PULL and PUSH.

use std::collections::BTreeSet;

use bytes::Bytes;
use gleis_patterns::{AnyCodec, Pull, Push, RecvError};
use serde::{Deserialize, Serialize};

use crate::gleis::plain;
use crate::outcome::{Failure, Outcome, same, soon};
use crate::peer::Peer;
use crate::place::Place;
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::all() {
        all.push(Scenario::new(
            format!("Push to PULL, bytes of many lengths ({place})"),
            move || push_bytes(place),
        ));
        all.push(Scenario::new(
            format!("PUSH to Pull, bytes of many lengths ({place})"),
            move || pull_bytes(place),
        ));
    }
    for place in Place::TCP {
        all.push(Scenario::new(
            format!("values go as JSON to PULL and come from PUSH ({place})"),
            move || values(place),
        ));
    }
    all.push(Scenario::new("Push hands its messages to three PULLs in turn", in_turn));
    all.push(Scenario::new("Pull takes from three PUSHes", from_many));
    all.push(Scenario::new(
        "Pull reports what PUSH should not have sent and goes on",
        foreign_nonsense,
    ));
    all
}

/// Bodies around the places where the wire changes its shape.
fn bodies() -> impl Iterator<Item = Vec<u8>> {
    [0, 1, 2, 254, 255, 256, 257, 65_535, 65_536, 1 << 20]
        .into_iter()
        .map(|len| (0..len).map(|at| (at % 251) as u8).collect())
}

async fn push_bytes(place: Place) -> Outcome {
    let peer = Peer::new(zmq::PULL)?;
    let push: Push<Bytes> = place.join(&peer, plain).await?;
    for body in bodies() {
        push.send(Bytes::from(body.clone())).await?;
        same(peer.recv_body()?, body)?;
    }
    same(soon(push.close()).await?, 0)
}

async fn pull_bytes(place: Place) -> Outcome {
    let peer = Peer::new(zmq::PUSH)?;
    let pull: Pull<Bytes> = place.join(&peer, plain).await?;
    for body in bodies() {
        peer.send(&[&body])?;
        same(soon(pull.recv()).await??, body)?;
    }
    Ok(())
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Order {
    item: String,
    count: u32,
}

impl Order {
    fn new(count: u32) -> Self {
        let item = "tea".to_owned();
        Self { item, count }
    }
}

async fn values(place: Place) -> Outcome {
    let sink = Peer::new(zmq::PULL)?;
    let push: Push<Order> = place.join(&sink, |it| it.codec(AnyCodec::Json)).await?;
    push.send(Order::new(7)).await?;
    same(sink.recv_body()?, br#"{"item":"tea","count":7}"#)?;

    let source = Peer::new(zmq::PUSH)?;
    let pull: Pull<Order> = place.join(&source, |it| it.codec(AnyCodec::Json)).await?;
    source.send(&[r#"{ "count": 8, "item": "tea" }"#])?;
    same(soon(pull.recv()).await??, Order::new(8))
}

async fn in_turn() -> Outcome {
    let push: Push<Bytes> = Push::bind("tcp://127.0.0.1:0").await?;
    let at = push.endpoint().to_string();
    let sinks = (0..3).map(|_| Peer::new(zmq::PULL)).collect::<Outcome<Vec<_>>>()?;
    for sink in &sinks {
        sink.connect(&at)?;
    }
    soon(push.wait_for_peers(3)).await?;
    for number in 0..30u8 {
        push.send(Bytes::from(vec![number])).await?;
    }
    let mut all = BTreeSet::new();
    for sink in &sinks {
        for _ in 0..10 {
            all.extend(sink.recv_body()?);
        }
    }
    same(all.len(), 30)
}

async fn from_many() -> Outcome {
    let pull: Pull<Bytes> = Pull::bind("tcp://127.0.0.1:0").await?;
    let mut sources = Vec::new();
    for source in 0..3u8 {
        let peer = Peer::new(zmq::PUSH)?;
        peer.connect(&pull.endpoint().to_string())?;
        for number in 0..100u8 {
            peer.send(&[[source, number]])?;
        }
        sources.push(peer);
    }
    // Between sources anything goes, but each keeps its order.
    let mut next = [0u8; 3];
    for _ in 0..300 {
        let body = soon(pull.recv()).await??;
        let [source, number] = body[..] else {
            return Err(Failure::new("a body was changed"));
        };
        same(number, next[usize::from(source)])?;
        next[usize::from(source)] += 1;
    }
    same(next, [100; 3])
}

async fn foreign_nonsense() -> Outcome {
    let pull: Pull<Order> = Pull::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await?;
    let peer = Peer::new(zmq::PUSH)?;
    peer.connect(&pull.endpoint().to_string())?;
    peer.send(&["two", "frames"])?;
    peer.send(&["no JSON"])?;
    peer.send(&[r#"{"item":"tea","count":9}"#])?;
    let frames = soon(pull.recv()).await?;
    same(matches!(frames, Err(RecvError::Frames { frames: 2, .. })), true)?;
    let undecodable = soon(pull.recv()).await?;
    same(matches!(undecodable, Err(RecvError::Decode { .. })), true)?;
    same(soon(pull.recv()).await??, Order::new(9))
}
