//! What XPub hears of the wishes of foreign SUBs and XSUBs.

use bytes::Bytes;
use gleis_patterns::{Message, PeerInfo, Upstream, XPub};

use crate::foreign::{Engine, Foreign, Wish};
use crate::gleis::plain;
use crate::outcome::{Failure, Outcome, same, soon, until};
use crate::place::Place;
use crate::runner::Scenario;

const ANY: &str = "tcp://127.0.0.1:0";

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for engine in Engine::ALL {
        let name = engine.name();
        for kind in ["SUB", "XSUB"] {
            for place in Place::TCP {
                let place_name = place.named(name);
                all.push(Scenario::new(
                    format!(
                        "XPub hears what {name} {kind} wants and no longer wants ({place_name})"
                    ),
                    move || changes(engine, kind, place),
                ));
                all.push(Scenario::new(
                    format!("XPub is done with a wish that {name} {kind} had twice ({place_name})"),
                    move || twice(engine, kind, place),
                ));
            }
            all.push(Scenario::new(
                format!(
                    "XPub hears what the first of two {name} {kind}s wants, and the last no longer"
                ),
                move || shared(engine, kind),
            ));
            all.push(Scenario::new(
                format!("XPub hears what each of two {name} {kind}s wants, and which one it is"),
                move || verbose(engine, kind),
            ));
        }
    }
    all
}

/// A prefix; one that is no text, where there is such a thing.
fn prefix(engine: Engine, kind: &str) -> Bytes {
    let is_bytes = engine.subscribes_to_bytes(kind);
    Bytes::from_static(if is_bytes { b"\x00\xff\x01" } else { b"\x00\x01" })
}

async fn changes(engine: Engine, kind: &'static str, place: Place) -> Outcome {
    let odd = prefix(engine, kind);
    let (all, eu) = (Bytes::new(), Bytes::from_static(b"eu."));
    let mut theirs = Foreign::open(engine, kind, Wish::default()).await?;
    // What is wanted before the two meet, and what is wanted later.
    theirs.subscribe(&odd).await?;
    let xpub: XPub<Bytes> = place.meet(&mut theirs, plain).await?;
    met(&xpub, &mut theirs, &odd, Bytes::from_static(b"met")).await?;
    for prefix in [&eu, &all] {
        theirs.subscribe(prefix).await?;
        same(heard(&xpub).await?.0, plus(prefix))?;
    }
    for prefix in [&all, &odd] {
        theirs.unsubscribe(prefix).await?;
        same(heard(&xpub).await?.0, minus(prefix))?;
    }
    for topic in [&odd[..], b"us", b"eu.fr"] {
        xpub.publish(topic, Bytes::from_static(b"42")).await?;
    }
    same(theirs.recv(1).await?, [[&b"eu.fr"[..], b"42"]])?;
    theirs.kill();
    same(heard(&xpub).await?.0, minus(&eu))
}

/// libzmq tells each time that something is wanted, and once that it no longer is.
async fn twice(engine: Engine, kind: &'static str, place: Place) -> Outcome {
    let [eu, us, met_by] = [b"eu.", b"us.", b"met"].map(|it| Bytes::from_static(it));
    let mut theirs = Foreign::open(engine, kind, Wish::default()).await?;
    theirs.subscribe(&met_by).await?;
    let xpub: XPub<Bytes> = place.meet(&mut theirs, plain).await?;
    met(&xpub, &mut theirs, &met_by, Bytes::from_static(b"met")).await?;
    for _ in 0..3 {
        for _ in 0..2 {
            theirs.subscribe(&eu).await?;
        }
        same(heard(&xpub).await?.0, plus(&eu))?;
        for _ in 0..2 {
            theirs.unsubscribe(&eu).await?;
        }
        same(heard(&xpub).await?.0, minus(&eu))?;
    }
    theirs.unsubscribe(&met_by).await?;
    same(heard(&xpub).await?.0, minus(&met_by))?;
    same(xpub.subscribers(), 0)?;
    theirs.subscribe(&us).await?;
    same(heard(&xpub).await?.0, plus(&us))
}

async fn shared(engine: Engine, kind: &'static str) -> Outcome {
    let [a, b, c] = [b"a.", b"b.", b"c."].map(|it| Bytes::from_static(it));
    let xpub: XPub<Bytes> = XPub::bind(ANY).await?;
    let at = xpub.endpoint().to_string();
    let mut one = Foreign::at(engine, kind, &at).await?;
    let mut two = Foreign::at(engine, kind, &at).await?;
    one.subscribe(&a).await?;
    same(heard(&xpub).await?.0, plus(&a))?;
    // Of the first of these there is nothing to be heard.
    two.subscribe(&a).await?;
    two.subscribe(&b).await?;
    same(heard(&xpub).await?.0, plus(&b))?;
    one.unsubscribe(&a).await?;
    one.subscribe(&c).await?;
    same(heard(&xpub).await?.0, plus(&c))?;
    xpub.publish("a.", Bytes::from_static(b"1")).await?;
    same(two.recv(1).await?, [["a.", "1"]])?;
    two.kill();
    let mut last = [heard(&xpub).await?.0, heard(&xpub).await?.0];
    last.sort();
    same(last, [minus(&a), minus(&b)])?;
    until(|| xpub.subscribers() == 1).await
}

async fn verbose(engine: Engine, kind: &'static str) -> Outcome {
    let a = Bytes::from_static(b"a.");
    let xpub: XPub<Bytes> = XPub::bind(ANY).verbose().await?;
    let at = xpub.endpoint().to_string();
    let mut peers = Vec::new();
    for _ in 0..2 {
        let mut theirs = Foreign::at(engine, kind, &at).await?;
        theirs.subscribe(&a).await?;
        let (what, who) = heard(&xpub).await?;
        same(what, plus(&a))?;
        peers.push((theirs, who));
    }
    let addresses: Vec<_> = peers.iter().map(|(_, who)| who.address.clone()).collect();
    same(addresses[0] == addresses[1], false)?;
    for (mut theirs, address) in peers.into_iter().map(|it| it.0).zip(addresses).rev() {
        theirs.unsubscribe(&a).await?;
        let (what, who) = heard(&xpub).await?;
        same((what, who.address), (minus(&a), address.clone()))?;
        theirs.subscribe(&a).await?;
        same(heard(&xpub).await?.0, plus(&a))?;
        theirs.kill();
        let (what, who) = heard(&xpub).await?;
        same((what, who.address), (minus(&a), address))?;
    }
    Ok(())
}

/// Until both can be sure of each other: `theirs` wanted `prefix` before they met.
///
/// A socket of `zeromq` that was bound tells a new peer its wishes and only then counts it among
/// those whom it tells more; what it receives shows that it does.
pub(crate) async fn met<T: Message>(
    xpub: &XPub<T>,
    theirs: &mut Foreign,
    prefix: &Bytes,
    word: T,
) -> Outcome {
    same(heard(xpub).await?.0, plus(prefix))?;
    xpub.publish(prefix.clone(), word).await?;
    same(theirs.recv(1).await?, [[prefix, &b"met"[..]]])
}

/// What is heard next of wishes, in short, and whose it is.
pub(crate) async fn heard<T: Message>(xpub: &XPub<T>) -> Outcome<(String, PeerInfo)> {
    match soon(xpub.recv()).await?? {
        Upstream::Cancel { filter, peer } => Ok((format!("-{filter}"), peer)),
        Upstream::Message(_) => Err(Failure::new("a message, and no wish")),
        Upstream::Subscribe { filter, peer } => Ok((format!("+{filter}"), peer)),
    }
}

pub(crate) fn plus(prefix: &[u8]) -> String {
    format!("+\"{}\"..", prefix.escape_ascii())
}

pub(crate) fn minus(prefix: &[u8]) -> String {
    format!("-\"{}\"..", prefix.escape_ascii())
}
