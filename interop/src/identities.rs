//! Identities, which libzmq calls routing ids.

use std::sync::Arc;

use bytes::Bytes;
use gleis_patterns::{Replier, Requester};

use crate::gleis::plain;
use crate::outcome::{Outcome, same, soon};
use crate::peer::Peer;
use crate::place::Place;
use crate::request::ask;
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::TCP {
        for (name, kind) in [("REQ", zmq::REQ), ("DEALER", zmq::DEALER)] {
            all.push(Scenario::new(
                format!("Replier sees the identity of {name} ({place})"),
                move || theirs(place, kind),
            ));
        }
        all.push(Scenario::new(
            format!("ROUTER sees the identity of Requester ({place})"),
            move || ours(place),
        ));
    }
    all
}

async fn theirs(place: Place, kind: zmq::SocketType) -> Outcome {
    let identity = [&b"worker\xff-"[..], &[7; 247]].concat();
    let peer = Peer::new(kind)?;
    peer.raw().set_identity(&identity)?;
    let replier: Replier<Bytes, Bytes> = place.join(&peer, plain).await?;
    same(&replier.peers()[0].identity, &identity)?;
    let delimiter: &[&[u8]] = if kind == zmq::DEALER { &[b""] } else { &[] };
    let question = [delimiter, &[b"1"]].concat();
    peer.send(&question)?;
    let (request, handle) = soon(replier.recv()).await??;
    handle.send(request).await?;
    same(peer.recv()?, question)
}

async fn ours(place: Place) -> Outcome {
    let peer = Peer::new(zmq::ROUTER)?;
    // It must be the identity that the answer finds its way by.
    peer.raw().set_router_mandatory(true)?;
    let choose = |it: gleis_patterns::Builder<Requester<Bytes, Bytes>>| it.identity("asker-1");
    let requester = Arc::new(place.join(&peer, choose).await?);
    let answer = ask(&requester, 5);
    let frames = peer.recv()?;
    same(&frames[0][..], &b"asker-1"[..])?;
    peer.send(&[b"asker-1", &frames[1][..], b"", b"five"])?;
    same(soon(answer).await???, "five")
}
