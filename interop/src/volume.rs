//! Much at once: long messages, and many.

use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use gleis_patterns::{Pull, Push, Replier, Requester};

use crate::gleis::plain;
use crate::outcome::{Failure, Outcome, holds, same, soon};
use crate::peer::Peer;
use crate::place::Place;
use crate::runner::Scenario;

/// The length of a long message.
const LONG: usize = 16 << 20;
/// How many short messages are many.
const MANY: u64 = 100_000;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::TCP {
        all.push(Scenario::new(
            format!("16 MiB go from Push to PULL and from PUSH to Pull ({place})"),
            move || long_one_way(place),
        ));
        all.push(Scenario::new(
            format!("16 MiB go from REQ to Replier and back ({place})"),
            move || long_to_replier(place),
        ));
        all.push(Scenario::new(
            format!("16 MiB go from Requester to REP and back ({place})"),
            move || long_to_rep(place),
        ));
        all.push(
            Scenario::new(
                format!("100,000 messages go from Push to PULL in order, none lost ({place})"),
                move || many_to_pull(place),
            )
            .heavy(),
        );
        all.push(
            Scenario::new(
                format!("100,000 messages go from PUSH to Pull in order, none lost ({place})"),
                move || many_from_push(place),
            )
            .heavy(),
        );
    }
    all
}

fn long_body() -> Vec<u8> {
    (0..LONG).map(|at| (at % 251) as u8).collect()
}

async fn long_one_way(place: Place) -> Outcome {
    let body = long_body();
    let sink = Peer::new(zmq::PULL)?;
    let push: Push<Bytes> = place.join(&sink, plain).await?;
    let source = Peer::new(zmq::PUSH)?;
    let pull: Pull<Bytes> = place.join(&source, plain).await?;
    for _ in 0..3 {
        push.send(Bytes::from(body.clone())).await?;
        holds(sink.recv_body()? == body, "PULL got another body")?;
        source.send(&[&body])?;
        holds(soon(pull.recv()).await?? == body, "Pull got another body")?;
    }
    Ok(())
}

async fn long_to_replier(place: Place) -> Outcome {
    let body = long_body();
    let peer = Peer::new(zmq::REQ)?;
    let replier: Replier<Bytes, Bytes> = place.join(&peer, plain).await?;
    peer.send(&[&body])?;
    let (request, handle) = soon(replier.recv()).await??;
    holds(request == body, "Replier got another body")?;
    handle.send(request).await?;
    holds(peer.recv_body()? == body, "REQ got another body")
}

async fn long_to_rep(place: Place) -> Outcome {
    let body = Bytes::from(long_body());
    let peer = Peer::new(zmq::REP)?;
    let requester: Arc<Requester<Bytes, Bytes>> = Arc::new(place.join(&peer, plain).await?);
    let answer = tokio::spawn({
        let (requester, body) = (requester.clone(), body.clone());
        async move { requester.request(body).await }
    });
    let request = peer.recv_body()?;
    holds(request == body, "REP got another body")?;
    peer.send(&[request])?;
    holds(soon(answer).await??? == body, "Requester got another body")
}

async fn many_to_pull(place: Place) -> Outcome {
    let peer = Peer::new(zmq::PULL)?;
    let push: Push<Bytes> = place.join(&peer, plain).await?;
    let reading = thread::spawn(move || {
        for number in 0..MANY {
            same(peer.recv_body()?, number.to_be_bytes())?;
        }
        Ok(peer)
    });
    for number in 0..MANY {
        push.send(Bytes::copy_from_slice(&number.to_be_bytes())).await?;
    }
    let unsent = soon(push.close()).await?;
    // PULL lives until Push has closed: what a peer may have missed that goes first counts as unsent.
    drop(joined(reading)?);
    same(unsent, 0)
}

async fn many_from_push(place: Place) -> Outcome {
    let peer = Peer::new(zmq::PUSH)?;
    let pull: Pull<Bytes> = place.join(&peer, plain).await?;
    let writing = thread::spawn(move || {
        for number in 0..MANY {
            peer.send(&[number.to_be_bytes()])?;
        }
        Ok(())
    });
    for number in 0..MANY {
        same(soon(pull.recv()).await??, number.to_be_bytes().to_vec())?;
    }
    same(pull.stats().received.dropped.total(), 0)?;
    joined(writing)
}

fn joined<T>(thread: thread::JoinHandle<Outcome<T>>) -> Outcome<T> {
    let ended = thread.join();
    ended.map_err(|_| Failure::new("a thread panicked"))?
}
