//! What subscribers send: XSub to XPUB, and XSUB to XPub.

use bytes::Bytes;
use gleis_patterns::{Multipart, Upstream, XPub, XSub};

use crate::foreign::{Engine, Foreign, Frames, Wish};
use crate::gleis::plain;
use crate::outcome::{Failure, Outcome, same, soon};
use crate::place::Place;
use crate::runner::Scenario;
use crate::wishes::{heard, met, minus};

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for engine in Engine::ALL {
        for place in Place::TCP {
            let (name, place_name) = (engine.name(), place.named(engine.name()));
            all.push(Scenario::new(
                format!("{name} XPUB hears what XSub sends, beside what it wants ({place_name})"),
                move || to_theirs(engine, place),
            ));
            all.push(Scenario::new(
                format!("XPub hears what {name} XSUB sends, beside what it wants ({place_name})"),
                move || to_ours(engine, place),
            ));
        }
    }
    all
}

/// Messages that are no wishes.
fn messages() -> [Frames; 5] {
    [
        vec![Bytes::from_static(b"hello")],
        vec![Bytes::from_static(b"\x02\x00\x01")],
        vec![Bytes::from(vec![7; 10_000])],
        vec![Bytes::from_static(b"many"), Bytes::new(), Bytes::from_static(b"\x01frames")],
        vec![Bytes::from_static(b"bye")],
    ]
}

async fn to_theirs(engine: Engine, place: Place) -> Outcome {
    let mut theirs = Foreign::open(engine, "XPUB", Wish::default()).await?;
    let xsub: XSub<Multipart> = place.meet(&mut theirs, |it| it.subscribe("eu.")).await?;
    same(theirs.recv(1).await?, [["\x01eu."]])?;
    for message in messages() {
        soon(xsub.send(Multipart::new(message.clone()))).await??;
        same(theirs.recv(1).await?, [message])?;
    }
    // These would be taken for wishes: they do not go, and are counted.
    for message in [&b"\x01us."[..], b"\x00eu."] {
        xsub.send(Multipart::new(vec![Bytes::from_static(message)])).await?;
    }
    same(xsub.stats().sent.dropped.undecodable, 2)?;
    xsub.subscribe("");
    same(theirs.recv(1).await?, [["\x01"]])?;
    theirs.send(&[vec![Bytes::from_static(b"us.ny"), Bytes::from_static(b"42")]]).await?;
    let publication = soon(xsub.recv()).await??;
    same(
        (&publication.topic[..], publication.message.frames),
        (&b"us.ny"[..], vec![Bytes::from_static(b"42")]),
    )?;
    same(xsub.unsubscribe("eu."), true)?;
    same(theirs.recv(1).await?, [["\x00eu."]])
}

async fn to_ours(engine: Engine, place: Place) -> Outcome {
    let eu = Bytes::from_static(b"eu.");
    let mut theirs = Foreign::open(engine, "XSUB", Wish::default()).await?;
    theirs.subscribe(&eu).await?;
    let xpub: XPub<Multipart> = place.meet(&mut theirs, plain).await?;
    met(&xpub, &mut theirs, &eu, Multipart::new(vec![Bytes::from_static(b"met")])).await?;
    for message in messages() {
        theirs.send(std::slice::from_ref(&message)).await?;
        same(said(&xpub).await?, message)?;
    }
    theirs.send(&messages()).await?;
    for message in messages() {
        same(said(&xpub).await?, message)?;
    }
    xpub.publish("eu.fr", Multipart::new(vec![Bytes::from_static(b"42")])).await?;
    same(theirs.recv(1).await?, [["eu.fr", "42"]])?;
    theirs.unsubscribe(&eu).await?;
    same(heard(&xpub).await?.0, minus(&eu))?;
    same(xpub.stats().received.dropped.total(), 0)
}

/// The next message of a subscriber.
async fn said(xpub: &XPub<Multipart>) -> Outcome<Frames> {
    match soon(xpub.recv()).await?? {
        Upstream::Message(message) => Ok(message.frames),
        other => Err(Failure::new(format!("no message: {other:?}"))),
    }
}
