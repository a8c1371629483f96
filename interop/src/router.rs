//! Router and foreign ROUTERs, DEALERs and REQs: who is who, and who may be.

use bytes::Bytes;
use gleis_patterns::{Dealer, Event, Events, Multipart, PeerId, Router};

use crate::foreign::{Engine, Foreign, Frames, Wish};
use crate::gleis::plain;
use crate::outcome::{Failure, Outcome, holds, same, soon, until};
use crate::place::Place;
use crate::runner::Scenario;

const ANY: &str = "tcp://127.0.0.1:0";

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = vec![Scenario::new(
        "Router tells DEALERs and REQs of all engines apart and answers each",
        crowd,
    )];
    for engine in Engine::ALL {
        let name = engine.name();
        for place in Place::TCP {
            let place_name = place.named(name);
            all.push(Scenario::new(
                format!("Router and {name} ROUTER talk, by the names they have ({place_name})"),
                move || named(engine, place),
            ));
            all.push(Scenario::new(
                format!("Router and {name} ROUTER talk, by the names they give ({place_name})"),
                move || unnamed(engine, place),
            ));
        }
        for kind in ["DEALER", "REQ", "ROUTER"] {
            all.push(Scenario::new(
                format!("Router refuses a {name} {kind} with the identity of another, says why"),
                move || clash(engine, kind),
            ));
        }
        all.push(Scenario::new(
            format!("Router hands the identity of a silent {name} DEALER over to another"),
            move || handover(engine),
        ));
        // That of `zeromq` forgets the first one instead.
        if engine != Engine::Zeromq {
            all.push(Scenario::new(
                format!("{name} ROUTER stays with the first of two Dealers of one identity"),
                move || clash_at_theirs(engine),
            ));
        }
    }
    all
}

fn frames<const N: usize>(texts: [&str; N]) -> Frames {
    texts.iter().map(|it| Bytes::copy_from_slice(it.as_bytes())).collect()
}

async fn said(router: &Router<Multipart>) -> Outcome<(PeerId, Frames)> {
    let (from, message) = soon(router.recv()).await??;
    Ok((from, message.frames))
}

async fn tell(router: &Router<Multipart>, to: &PeerId, message: Frames) -> Outcome {
    Ok(soon(router.send_to(to, Multipart::new(message))).await??)
}

async fn crowd() -> Outcome {
    let router: Router<Multipart> = Router::bind(ANY).await?;
    let mut peers = Vec::new();
    for engine in Engine::ALL {
        for kind in ["DEALER", "REQ"] {
            for name in [format!("{}-{kind}", engine.name()), String::new()] {
                let mut peer = match &name[..] {
                    "" => Foreign::open(engine, kind, Wish::default()).await?,
                    name => Foreign::named(engine, kind, name).await?,
                };
                peer.connect(&router.endpoint().to_string()).await?;
                peers.push((peer, name));
            }
        }
    }
    for round in 0..10 {
        for (peer, name) in &mut peers {
            peer.send(&[frames([name, &round.to_string()])]).await?;
        }
        let mut questions = Vec::new();
        for _ in 0..peers.len() {
            questions.push(said(&router).await?);
        }
        for (from, question) in questions.into_iter().rev() {
            let name = &question[question.len() - 2];
            let is_named =
                if name.is_empty() { from.is_invented() } else { from.as_bytes() == name };
            holds(is_named, "a question of somebody else")?;
            tell(&router, &from, question).await?;
        }
        for (peer, name) in &mut peers {
            same(peer.recv(1).await?, [frames([name, &round.to_string()])])?;
        }
    }
    same(router.peer_ids().len(), peers.len())
}

async fn named(engine: Engine, place: Place) -> Outcome {
    let mut theirs = Foreign::named(engine, "ROUTER", "theirs").await?;
    let router: Router<Multipart> = place.meet(&mut theirs, |it| it.identity("ours")).await?;
    let id = PeerId::from("theirs");
    same(router.peer_ids(), [id.clone()])?;
    for number in 0..20 {
        let text = number.to_string();
        tell(&router, &id, frames([&text, "", "ours"])).await?;
        // What ROUTER receives stands behind a name, and what it sends as well.
        let message = theirs.recv(1).await?.remove(0);
        same(&message, &frames(["ours", &text, "", "ours"]))?;
        theirs.send(&[message]).await?;
        same(said(&router).await?, (id.clone(), frames([&text, "", "ours"])))?;
    }
    Ok(())
}

async fn unnamed(engine: Engine, place: Place) -> Outcome {
    let mut theirs = Foreign::open(engine, "ROUTER", Wish::default()).await?;
    let router: Router<Multipart> = place.meet(&mut theirs, plain).await?;
    let ids = router.peer_ids();
    let [id] = &ids[..] else { return Err(Failure::new("not one peer")) };
    holds(id.is_invented(), "nobody gave it a name")?;
    for number in 0..20 {
        let text = number.to_string();
        tell(&router, id, frames([&text])).await?;
        theirs.echo(1).await?;
        same(said(&router).await?, (id.clone(), frames([&text])))?;
    }
    Ok(())
}

async fn clash(engine: Engine, kind: &'static str) -> Outcome {
    let router: Router<Multipart> = Router::bind(ANY).await?;
    let at = router.endpoint().to_string();
    let mut events = router.events();
    let id = PeerId::from("worker");
    let mut first = Foreign::named(engine, kind, "worker").await?;
    first.connect(&at).await?;
    soon(router.wait_for_peers(1)).await?;
    let mut second = Foreign::named(engine, kind, "worker").await?;
    // One that is refused in the midst of connecting may call that an error.
    let _ = second.connect(&at).await;
    let reason = refused(&mut events).await?;
    holds(reason.contains("worker"), &format!("the reason names nobody: {reason}"))?;
    talk(&router, &id, kind, &mut first).await?;
    if engine.reconnects(kind) {
        // It goes on trying, and gets the name when it is free.
        let mut events = router.events();
        first.kill();
        accepted(&mut events).await?;
        until(|| router.peer_ids() == [id.clone()]).await?;
        return talk(&router, &id, kind, &mut second).await;
    }
    second.kill();
    talk(&router, &id, kind, &mut first).await
}

/// A message each way.
async fn talk(
    router: &Router<Multipart>,
    id: &PeerId,
    kind: &str,
    theirs: &mut Foreign,
) -> Outcome {
    if kind == "ROUTER" {
        // It must first hear by which name it can answer.
        tell(router, id, frames(["hello"])).await?;
        theirs.echo(1).await?;
        return same(said(router).await?, (id.clone(), frames(["hello"])));
    }
    theirs.send(&[frames(["hello"])]).await?;
    let (from, message) = said(router).await?;
    same(&from, id)?;
    tell(router, id, message).await?;
    same(theirs.recv(1).await?, [["hello"]])
}

async fn handover(engine: Engine) -> Outcome {
    let router: Router<Multipart> = Router::bind(ANY).handover().await?;
    let at = router.endpoint().to_string();
    let id = PeerId::from("worker");
    let mut first = Foreign::named(engine, "DEALER", "worker").await?;
    first.connect(&at).await?;
    talk(&router, &id, "DEALER", &mut first).await?;
    // It is not gone, but can do nothing about it.
    first.freeze()?;
    let mut second = Foreign::named(engine, "DEALER", "worker").await?;
    second.connect(&at).await?;
    for _ in 0..3 {
        talk(&router, &id, "DEALER", &mut second).await?;
    }
    until(|| router.peers().len() == 1).await?;
    same(router.peer_ids(), [id])
}

async fn clash_at_theirs(engine: Engine) -> Outcome {
    let mut theirs = Foreign::open(engine, "ROUTER", Wish::default()).await?;
    let at = theirs.bind(ANY).await?;
    let open = || Dealer::<Multipart>::connect(at.as_str()).identity("worker");
    let first = open().await?;
    first.send(Multipart::new(frames(["1"]))).await?;
    theirs.echo(1).await?;
    same(soon(first.recv()).await??.frames, frames(["1"]))?;
    let second = open().await?;
    second.send(Multipart::new(frames(["nobody listens"]))).await?;
    for number in 2..10 {
        let message = frames([&number.to_string()]);
        first.send(Multipart::new(message.clone())).await?;
        theirs.echo(1).await?;
        same(soon(first.recv()).await??.frames, message)?;
    }
    holds(second.try_recv().is_err(), "the second one is answered")
}

async fn accepted(events: &mut Events) -> Outcome {
    loop {
        match soon(events.recv()).await? {
            Some(Event::Accepted { .. }) => {
                return Ok(());
            }
            Some(_) => (),
            None => return Err(Failure::new("the socket is gone")),
        }
    }
}

async fn refused(events: &mut Events) -> Outcome<String> {
    loop {
        match soon(events.recv()).await? {
            Some(Event::HandshakeFailed { reason, .. } | Event::Refused { reason, .. }) => {
                return Ok(reason);
            }
            Some(_) => (),
            None => return Err(Failure::new("the socket is gone")),
        }
    }
}
