//! Peers that do not fit: they are told apart, and nobody else notices.

use bytes::Bytes;
use gleis_patterns::{Event, Events, OpenError, Pull, Push};

use crate::outcome::{Failure, Outcome, holds, same, soon};
use crate::peer::Peer;
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("Pull refuses PUB, says why, and serves PUSH", wrong_type),
        Scenario::new("Push that connects to PUB is told why", wrong_type_connecting),
        Scenario::new("Pull tells of a peer that wants a password, and serves PUSH", password),
        Scenario::new(
            "a message beyond PULL's limit ends the link, and Push makes a new one",
            limit,
        ),
    ]
}

async fn wrong_type() -> Outcome {
    let mut pull: Pull<Bytes> = Pull::bind("tcp://127.0.0.1:0").await?;
    let mut events = pull.events();
    let wrong = Peer::new(zmq::PUB)?;
    wrong.connect(&pull.endpoint().to_string())?;
    let reason = refusal(&mut events).await?;
    holds(
        reason.contains("PULL") && reason.contains("PUB"),
        &format!("the reason names no sockets: {reason}"),
    )?;
    serves(&mut pull).await
}

async fn wrong_type_connecting() -> Outcome {
    let peer = Peer::new(zmq::PUB)?;
    let at = peer.bind("tcp://127.0.0.1:0")?;
    let opened: Result<Push<Bytes>, OpenError> = Push::connect(at).await;
    let Err(error) = opened else {
        return Err(Failure::new("Push took PUB for its peer"));
    };
    let text = Failure::from(error).to_string();
    holds(
        text.contains("PUSH") && text.contains("PUB"),
        &format!("the error names no sockets: {text}"),
    )
}

async fn password() -> Outcome {
    let mut pull: Pull<Bytes> = Pull::bind("tcp://127.0.0.1:0").await?;
    let mut events = pull.events();
    let wrong = Peer::new(zmq::PUSH)?;
    wrong.raw().set_linger(0)?;
    wrong.raw().set_plain_username(Some("ada"))?;
    wrong.raw().set_plain_password(Some("secret"))?;
    wrong.connect(&pull.endpoint().to_string())?;
    // libzmq sees that this cannot work and goes before it says which mechanism it wants.
    refusal(&mut events).await?;
    serves(&mut pull).await
}

async fn limit() -> Outcome {
    let peer = Peer::new(zmq::PULL)?;
    peer.raw().set_maxmsgsize(1_000)?;
    let at = peer.bind("tcp://127.0.0.1:0")?;
    let push: Push<Bytes> = Push::connect(at).await?;
    let mut events = push.events();
    push.send(Bytes::from(vec![0; 1_001])).await?;
    loop {
        let event = soon(events.recv()).await?;
        if matches!(event, Some(Event::Disconnected { .. })) {
            break;
        }
    }
    push.send(Bytes::from(vec![7; 1_000])).await?;
    same(peer.recv_body()?, vec![7; 1_000])
}

/// The reason why the first peer was sent away.
async fn refusal(events: &mut Events) -> Outcome<String> {
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

async fn serves(pull: &mut Pull<Bytes>) -> Outcome {
    let peer = Peer::new(zmq::PUSH)?;
    peer.connect(&pull.endpoint().to_string())?;
    peer.send(&["here"])?;
    same(soon(pull.recv()).await??, "here")
}
