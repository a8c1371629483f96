//! One side goes and comes back at the same place; the other goes on with it. More of this kind is
//! in the matrix.

use bytes::Bytes;
use gleis_patterns::{Publisher, Pull, Replier};

use crate::foreign::{Engine, Foreign, Wish};
use crate::outcome::{Failure, Outcome, same, soon, until};
use crate::peer::Peer;
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("Pull closes and binds again, PUSH goes on", pull_returns),
        Scenario::new("Publisher closes and binds again, SUB goes on", publisher_returns),
        Scenario::new("Replier closes and binds again, REQ goes on", replier_returns),
        Scenario::new("REQ is killed before it is answered, Replier hears of it", || {
            asker_dies("REQ", &["last"])
        }),
        Scenario::new("DEALER is killed before it is answered, Replier hears of it", || {
            asker_dies("DEALER", &["", "last"])
        }),
    ]
}

/// It dies with a question that is not answered yet.
async fn asker_dies(kind: &'static str, question: &'static [&'static str]) -> Outcome {
    let replier: Replier<Bytes, Bytes> = Replier::bind("tcp://127.0.0.1:0").await?;
    for _ in 0..3 {
        let mut peer = Foreign::open(Engine::Libzmq, kind, Wish::default()).await?;
        peer.connect(&replier.endpoint().to_string()).await?;
        peer.send(&[question.iter().map(|it| Bytes::from_static(it.as_bytes())).collect()]).await?;
        let (question, handle) = soon(replier.recv()).await??;
        peer.kill();
        until(|| replier.peers().is_empty()).await?;
        same(handle.send(question).await.is_err(), true)?;
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
    let pull: Pull<Bytes> = Pull::bind(at.as_str()).await?;
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
        let replier: Replier<Bytes, Bytes> = Replier::bind(at.as_str()).await?;
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
