//! Publisher and Subscriber against SUB, XSUB, PUB and XPUB.

use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{AnyCodec, Publication, Publisher, Subscriber};

use crate::gleis::plain;
use crate::outcome::{Failure, Outcome, same, soon, until};
use crate::peer::Peer;
use crate::place::Place;
use crate::runner::Scenario;

/// A topic that no text could be.
const BINARY: &[u8] = b"\x00\xff\x01\x80";
/// What is published to see whether anybody hears it.
const PROBE: &[u8] = b"probe";

/// How long one publication may need; only decides how soon the next attempt is made.
const ATTEMPT: Duration = Duration::from_millis(50);

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::all() {
        all.push(Scenario::new(format!("Publisher to SUB, by prefix ({place})"), move || {
            to_sub(place)
        }));
        all.push(Scenario::new(format!("PUB to Subscriber, by prefix ({place})"), move || {
            from_pub(place)
        }));
    }
    for place in Place::TCP {
        all.push(Scenario::new(
            format!("SUB changes its subscriptions and Publisher knows ({place})"),
            move || sub_changes(place),
        ));
        all.push(Scenario::new(
            format!("XSUB gets what it asked for and nothing else ({place})"),
            move || to_xsub(place),
        ));
        all.push(Scenario::new(
            format!("XPUB sees each wish of Subscriber, binary topics included ({place})"),
            move || from_xpub(place),
        ));
    }
    all.push(Scenario::new("values go as JSON to SUB and come from XPUB", values));
    all.push(Scenario::new("Publisher reaches five SUBs, each by its prefix", fan_out));
    all.push(Scenario::new("Subscriber hears three PUBs", hears_many));
    all
}

fn publication(topic: &'static [u8], body: &'static [u8]) -> Publication<Bytes> {
    Publication { message: Bytes::from_static(body), topic: Bytes::from_static(topic) }
}

async fn to_sub(place: Place) -> Outcome {
    let peer = Peer::new(zmq::SUB)?;
    peer.raw().set_subscribe(BINARY)?;
    let publisher: Publisher<Bytes> = place.join(&peer, plain).await?;
    peer.idle(publisher.wait_for_subscribers(1)).await?;
    peer.raw().set_subscribe(b"eu.")?;
    known(&publisher, &peer, "eu.").await?;
    let unwanted = publisher.stats().sent.dropped.no_subscriber;
    for topic in [&b"eu.fr"[..], b"us.ny", b"eu", BINARY, b"", b"eu.de"] {
        publisher.publish(topic, Bytes::from_static(b"42")).await?;
    }
    for topic in [&b"eu.fr"[..], BINARY, b"eu.de"] {
        same(next(&peer)?, [topic, b"42"])?;
    }
    // It was the publisher that did not send the others.
    same(publisher.stats().sent.dropped.no_subscriber, unwanted + 3)
}

async fn sub_changes(place: Place) -> Outcome {
    let peer = Peer::new(zmq::SUB)?;
    peer.raw().set_subscribe(b"a.")?;
    let publisher: Publisher<Bytes> = place.join(&peer, plain).await?;
    peer.idle(publisher.wait_for_subscribers(1)).await?;
    publisher.publish("a.1", Bytes::from_static(b"1")).await?;
    same(next(&peer)?, [b"a.1", &b"1"[..]])?;

    peer.raw().set_subscribe(b"b.")?;
    peer.raw().set_unsubscribe(b"a.")?;
    peer.raw().set_subscribe(b"c.")?;
    known(&publisher, &peer, "c.").await?;
    let unwanted = publisher.stats().sent.dropped.no_subscriber;
    publisher.publish("a.2", Bytes::from_static(b"1")).await?;
    publisher.publish("b.2", Bytes::from_static(b"2")).await?;
    same(publisher.stats().sent.dropped.no_subscriber, unwanted + 1)?;
    same(next(&peer)?, [b"b.2", &b"2"[..]])?;

    peer.raw().set_unsubscribe(b"b.")?;
    peer.raw().set_unsubscribe(b"c.")?;
    peer.idle(until(|| publisher.subscribers() == 0)).await?
}

/// Unlike SUB, XSUB does not filter what arrives: it sees what the wire carries.
async fn to_xsub(place: Place) -> Outcome {
    let peer = Peer::new(zmq::XSUB)?;
    let publisher: Publisher<Bytes> = place.join(&peer, plain).await?;
    for wish in [&b"no wish"[..], b"\x01a.", b"\x01b.", b"\x00a.", b"\x01c."] {
        peer.send(&[wish])?;
    }
    peer.idle(publisher.wait_for_subscribers(1)).await?;
    known(&publisher, &peer, "c.").await?;
    for topic in ["a.1", "b.1", "d.1", "", "b.2"] {
        publisher.publish(topic, Bytes::from_static(b"42")).await?;
    }
    for topic in [b"b.1", b"b.2"] {
        same(next(&peer)?, [&topic[..], b"42"])?;
    }
    Ok(())
}

/// Publishes until a subscription to `prefix`, and so all that were sent before it, are known.
async fn known(publisher: &Publisher<Bytes>, peer: &Peer, prefix: &str) -> Outcome {
    for _ in 0..200 {
        publisher.publish(prefix, Bytes::from_static(PROBE)).await?;
        if peer.recv_within(ATTEMPT)?.is_some() {
            return Ok(());
        }
    }
    Err(Failure::new("Publisher does not reach its peer"))
}

/// The next message; not an attempt that took longer than it was given.
fn next(peer: &Peer) -> Outcome<Vec<Vec<u8>>> {
    loop {
        let frames = peer.recv()?;
        if frames.last().is_none_or(|it| it != PROBE) {
            return Ok(frames);
        }
    }
}

async fn from_pub(place: Place) -> Outcome {
    let peer = Peer::new(zmq::PUB)?;
    let mut subscriber: Subscriber<Bytes> = place.join(&peer, |it| it.subscribe("eu.")).await?;
    reach(&peer, &mut subscriber).await?;
    for topic in ["us.ny", "eu.fr", "eu", "eu.de"] {
        peer.send(&[topic, "42"])?;
    }
    peer.send(&["eu.es 43"])?;
    same(heard(&mut subscriber).await?, publication(b"eu.fr", b"42"))?;
    same(heard(&mut subscriber).await?, publication(b"eu.de", b"42"))?;
    // A publisher of single frames: the topic is where the body begins.
    same(heard(&mut subscriber).await?, publication(b"", b"eu.es 43"))
}

async fn from_xpub(place: Place) -> Outcome {
    let peer = Peer::new(zmq::XPUB)?;
    let mut subscriber: Subscriber<Bytes> = place.join(&peer, |it| it.subscribe(BINARY)).await?;
    same(peer.recv_body()?, [&[1], BINARY].concat())?;
    subscriber.subscribe("eu.");
    same(peer.recv_body()?, b"\x01eu.")?;
    subscriber.subscribe("");
    same(peer.recv_body()?, b"\x01")?;
    same(subscriber.unsubscribe(""), true)?;
    same(peer.recv_body()?, b"\x00")?;

    peer.send(&[BINARY, b"\x00\x01"])?;
    peer.send(&[&b"other"[..], b""])?;
    peer.send(&[&b"eu.fr"[..], b""])?;
    same(heard(&mut subscriber).await?, publication(BINARY, b"\x00\x01"))?;
    same(heard(&mut subscriber).await?, publication(b"eu.fr", b""))?;

    same(subscriber.unsubscribe(BINARY), true)?;
    same(peer.recv_body()?, [&[0], BINARY].concat())?;
    peer.send(&[BINARY, b"1"])?;
    peer.send(&[&b"eu.de"[..], b"2"])?;
    same(heard(&mut subscriber).await?, publication(b"eu.de", b"2"))
}

async fn values() -> Outcome {
    let publisher: Publisher<Vec<u8>> =
        Publisher::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await?;
    let sub = Peer::new(zmq::SUB)?;
    sub.raw().set_subscribe(b"")?;
    sub.connect(&publisher.endpoint().to_string())?;
    soon(publisher.wait_for_subscribers(1)).await?;
    publisher.publish("numbers", vec![1, 2, 3]).await?;
    same(sub.recv()?, [&b"numbers"[..], b"[1,2,3]"])?;

    let subscriber: Subscriber<Vec<u8>> =
        Subscriber::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).subscribe("").await?;
    let xpub = Peer::new(zmq::XPUB)?;
    xpub.connect(&subscriber.endpoint().to_string())?;
    same(xpub.recv_body()?, b"\x01")?;
    xpub.send(&["numbers", "[4, 5, 6]"])?;
    same(soon(subscriber.recv()).await??.message, [4, 5, 6])
}

async fn fan_out() -> Outcome {
    const EACH: usize = 200;
    let publisher: Publisher<Bytes> = Publisher::bind("tcp://127.0.0.1:0").await?;
    let at = publisher.endpoint().to_string();
    let mut peers = Vec::new();
    for prefix in ["0", "1", "2", "3", ""] {
        let peer = Peer::new(zmq::SUB)?;
        peer.raw().set_subscribe(prefix.as_bytes())?;
        peer.connect(&at)?;
        peers.push(peer);
    }
    soon(publisher.wait_for_subscribers(5)).await?;
    for number in 0..4 * EACH {
        let body = Bytes::from(number.to_string());
        publisher.publish((number % 4).to_string(), body).await?;
    }
    for (own, peer) in peers.iter().enumerate() {
        for number in (0..4 * EACH).filter(|it| own == 4 || it % 4 == own) {
            let expected = [(number % 4).to_string(), number.to_string()];
            same(peer.recv()?, expected.map(String::into_bytes))?;
        }
    }
    Ok(())
}

async fn hears_many() -> Outcome {
    let mut subscriber: Subscriber<Bytes> = Subscriber::bind("tcp://127.0.0.1:0").await?;
    subscriber.subscribe("");
    let mut peers = Vec::new();
    for name in ["a", "b", "c"] {
        let peer = Peer::new(zmq::XPUB)?;
        peer.connect(&subscriber.endpoint().to_string())?;
        same(peer.recv_body()?, b"\x01")?;
        peer.send(&[name, name])?;
        peers.push(peer);
    }
    let mut topics = Vec::new();
    for _ in 0..3 {
        topics.push(heard(&mut subscriber).await?.topic);
    }
    topics.sort();
    same(topics, ["a", "b", "c"])
}

async fn heard(subscriber: &mut Subscriber<Bytes>) -> Outcome<Publication<Bytes>> {
    Ok(soon(subscriber.recv()).await??)
}

/// A PUB does not tell who subscribed: it publishes until it is heard.
async fn reach(peer: &Peer, subscriber: &mut Subscriber<Bytes>) -> Outcome {
    for _ in 0..200 {
        peer.send(&["eu.probe", ""])?;
        if tokio::time::timeout(ATTEMPT, subscriber.recv()).await.is_ok() {
            // Attempts that took longer than they were given.
            while tokio::time::timeout(ATTEMPT, subscriber.recv()).await.is_ok() {}
            return Ok(());
        }
    }
    Err(Failure::new("PUB does not reach Subscriber"))
}
