//! Peers that come and go faster than anybody should.

use std::thread;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{Publisher, Pull, Push};
use zmq::Context;

use crate::outcome::{Failure, Outcome, same, soon, until};
use crate::peer::Peer;
use crate::runner::Scenario;

/// How many peers come and go.
const MANY: usize = 1_000;
/// How long a peer listens before it is seen whether there is anything to hear.
const POLL: Duration = Duration::from_millis(5);
/// How many threads they come from.
const THREADS: usize = 4;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let all = vec![
        Scenario::new(
            "1,000 PUSHes come, say one thing to Pull and go: all is heard",
            say_one_thing,
        ),
        Scenario::new("1,000 PULLs come to Push and go at once: it goes on", come_and_go),
        Scenario::new("1,000 SUBs come to Publisher and go at once: it goes on", subscribe_and_go),
        Scenario::new("1,000 Pushes come, say one thing to PULL and go: all is heard", pushes),
    ];
    all.into_iter().map(Scenario::heavy).collect()
}

/// Lets `visit` be done `MANY` times by several threads.
fn crowd(visit: impl Fn(&Context, usize) -> Outcome + Clone + Send + 'static) -> Outcome {
    let walk = |first: usize| {
        let visit = visit.clone();
        thread::spawn(move || {
            let context = Context::new();
            (first..MANY).step_by(THREADS).try_for_each(|it| visit(&context, it))
        })
    };
    let threads: Vec<_> = (0..THREADS).map(walk).collect();
    threads.into_iter().try_for_each(|thread| {
        let ended = thread.join();
        ended.map_err(|_| Failure::new("a thread panicked"))?
    })
}

async fn say_one_thing() -> Outcome {
    let pull: Pull<Bytes> = Pull::bind("tcp://127.0.0.1:0").await?;
    let at = pull.endpoint().to_string();
    let crowd = tokio::task::spawn_blocking(move || {
        crowd(move |context, number| {
            let peer = Peer::within(context, zmq::PUSH)?;
            peer.connect(&at)?;
            peer.send(&[number.to_string()])
        })
    });
    let mut heard = vec![0; MANY];
    for _ in 0..MANY {
        let body = soon(pull.recv()).await??;
        let number: usize = String::from_utf8(body.to_vec())?.parse()?;
        heard[number] += 1;
    }
    same(heard, vec![1; MANY])?;
    crowd.await??;
    until(|| pull.peers().is_empty()).await
}

async fn come_and_go() -> Outcome {
    let push: Push<Bytes> = Push::bind("tcp://127.0.0.1:0").await?;
    let at = push.endpoint().to_string();
    crowd(move |context, _| {
        let peer = Peer::within(context, zmq::PULL)?;
        peer.connect(&at)
    })?;
    until(|| push.peers().is_empty()).await?;
    let peer = Peer::new(zmq::PULL)?;
    peer.connect(&push.endpoint().to_string())?;
    soon(still_here(&push, &peer)).await?
}

/// Sends until the peer hears it. One that has gone may come up for acceptance last and take a message with
/// it; each of these is counted.
async fn still_here(push: &Push<Bytes>, peer: &Peer) -> Outcome {
    for n_sent in 1.. {
        push.send(Bytes::from_static(b"still here")).await?;
        while push.stats().sent.dropped.closed < n_sent {
            if let Some(frames) = peer.recv_within(POLL)? {
                same(frames, [b"still here"])?;
                return same(push.stats().sent.dropped.closed, n_sent - 1);
            }
            tokio::task::yield_now().await;
        }
    }
    unreachable!("there are more numbers than time")
}

async fn subscribe_and_go() -> Outcome {
    let publisher: Publisher<Bytes> = Publisher::bind("tcp://127.0.0.1:0").await?;
    let at = publisher.endpoint().to_string();
    let faithful = Peer::new(zmq::SUB)?;
    faithful.raw().set_subscribe(b"news")?;
    faithful.connect(&at)?;
    soon(publisher.wait_for_subscribers(1)).await?;
    crowd(move |context, number| {
        let peer = Peer::within(context, zmq::SUB)?;
        peer.raw().set_subscribe(number.to_string().as_bytes())?;
        peer.connect(&at)
    })?;
    until(|| publisher.peers().len() == 1 && publisher.subscribers() == 1).await?;
    publisher.publish("news", Bytes::from_static(b"still here")).await?;
    same(faithful.recv()?, [&b"news"[..], b"still here"])
}

async fn pushes() -> Outcome {
    let peer = Peer::new(zmq::PULL)?;
    let at = peer.bind("tcp://127.0.0.1:0")?;
    let crowd: Vec<_> = (0..THREADS)
        .map(|first| {
            let at = at.clone();
            tokio::spawn(async move {
                for number in (first..MANY).step_by(THREADS) {
                    let push: Push<Bytes> = Push::connect(at.as_str()).await?;
                    push.send(Bytes::from(number.to_string())).await?;
                    same(push.close().await, 0)?;
                }
                Outcome::Ok(())
            })
        })
        .collect();
    let mut heard = vec![0; MANY];
    for _ in 0..MANY {
        let number: usize = String::from_utf8(peer.recv_body()?)?.parse()?;
        heard[number] += 1;
    }
    same(heard, vec![1; MANY])?;
    for walk in crowd {
        soon(walk).await???;
    }
    Ok(())
}
