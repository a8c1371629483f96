//! Requester and Replier against REP, ROUTER, REQ and DEALER.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{AnyCodec, Replier, RequestError, Requester};
use tokio::task::JoinHandle;

use crate::gleis::plain;
use crate::outcome::{Failure, Outcome, same, soon, until};
use crate::peer::Peer;
use crate::place::Place;
use crate::runner::Scenario;

/// Requests in flight at a time.
const MANY: usize = 100;

type Raw = Requester<Bytes, Bytes>;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::TCP {
        all.push(Scenario::new(format!("REQ asks Replier ({place})"), move || req(place)));
        for (what, envelope) in ENVELOPES {
            all.push(Scenario::new(format!("DEALER asks Replier, {what} ({place})"), move || {
                dealer(place, envelope)
            }));
        }
        all.push(Scenario::new(format!("Requester asks REP ({place})"), move || rep(place)));
        all.push(Scenario::new(
            format!("Requester asks ROUTER, which answers in its own order ({place})"),
            move || router(place),
        ));
        all.push(Scenario::new(
            format!("values go as JSON between REQ and Replier ({place})"),
            move || values(place),
        ));
    }
    all.push(Scenario::new("REQ is answered even if Replier fails or drops its request", failures));
    all.push(Scenario::new("Requester gives up on a REP that does not answer", no_answer));
    all.push(Scenario::new("Requester and Replier meet through a ROUTER-DEALER broker", broker));
    all
}

/// What may stand before the body of a request.
const ENVELOPES: [(&str, &[&[u8]]); 3] = [
    ("with an empty delimiter", &[b""]),
    ("without a delimiter", &[]),
    ("with an envelope of many hops", &[b"\x00hop1", b"hop2", b""]),
];

async fn req(place: Place) -> Outcome {
    let peer = Peer::new(zmq::REQ)?;
    let replier: Replier<Bytes, Bytes> = place.join(&peer, plain).await?;
    for len in [0, 1, 300, 100_000] {
        let body = vec![7; len];
        peer.send(&[&body])?;
        let (request, handle) = soon(replier.recv()).await??;
        same(&request, &body)?;
        soon(handle.send(request)).await??;
        same(peer.recv_body()?, body)?;
    }
    Ok(())
}

async fn dealer(place: Place, envelope: &'static [&'static [u8]]) -> Outcome {
    let peer = Peer::new(zmq::DEALER)?;
    let replier: Replier<Bytes, Bytes> = place.join(&peer, plain).await?;
    let message = |number: usize| {
        let mut frames: Vec<Vec<u8>> = envelope.iter().map(|it| it.to_vec()).collect();
        frames.push(number.to_string().into_bytes());
        frames
    };
    let mut handles = Vec::new();
    for number in 0..MANY {
        peer.send(&message(number))?;
        let (request, handle) = soon(replier.recv()).await??;
        same(request, number.to_string().into_bytes())?;
        handles.push(handle);
    }
    for (number, handle) in handles.into_iter().enumerate().rev() {
        handle.send(Bytes::from(number.to_string())).await?;
    }
    for number in (0..MANY).rev() {
        same(peer.recv()?, message(number))?;
    }
    Ok(())
}

async fn rep(place: Place) -> Outcome {
    let peer = Peer::new(zmq::REP)?;
    let requester = Arc::new(place.join::<Raw>(&peer, plain).await?);
    for number in 0..10 {
        let answer = ask(&requester, number);
        same(peer.recv_body()?, number.to_string().into_bytes())?;
        peer.send(&[format!("answer {number}")])?;
        same(soon(answer).await???, format!("answer {number}"))?;
    }
    // REP answers one at a time; Requester need not wait for that.
    let answers: Vec<_> = (0..MANY).map(|number| ask(&requester, number)).collect();
    for _ in 0..MANY {
        let body = peer.recv_body()?;
        peer.send(&[body])?;
    }
    for (number, answer) in answers.into_iter().enumerate() {
        same(soon(answer).await???, number.to_string())?;
    }
    Ok(())
}

async fn router(place: Place) -> Outcome {
    let peer = Peer::new(zmq::ROUTER)?;
    let requester = Arc::new(place.join::<Raw>(&peer, plain).await?);
    let answers: Vec<_> = (0..MANY).map(|number| ask(&requester, number)).collect();
    let mut requests = Vec::new();
    for _ in 0..MANY {
        let frames = peer.recv()?;
        // Who, which, nothing, what.
        same((frames.len(), frames[1].len(), frames[2].len()), (4, 8, 0))?;
        requests.push(frames);
    }
    for frames in requests.iter().rev() {
        peer.send(frames)?;
    }
    for (number, answer) in answers.into_iter().enumerate() {
        same(soon(answer).await???, number.to_string())?;
    }
    // Answers that nobody waits for, and answers that are none.
    peer.send(&requests[0])?;
    peer.send(&[&requests[0][0][..], b"12345678", b"", b"who asked"])?;
    peer.send(&[&requests[0][0][..], b"nonsense"])?;
    let dropped = || requester.stats().received.dropped;
    until(|| (dropped().unwanted, dropped().undecodable) == (2, 1)).await?;
    let answer = ask(&requester, 7);
    peer.send(&peer.recv()?)?;
    same(soon(answer).await???, "7")
}

async fn values(place: Place) -> Outcome {
    let peer = Peer::new(zmq::REQ)?;
    let replier: Replier<Vec<u32>, u32> = place.join(&peer, |it| it.codec(AnyCodec::Json)).await?;
    peer.send(&["[1, 2, 3]"])?;
    let (numbers, handle) = soon(replier.recv()).await??;
    handle.send(numbers.iter().sum::<u32>()).await?;
    same(peer.recv_body()?, b"6")
}

async fn failures() -> Outcome {
    let replier: Replier<u32, u32> =
        Replier::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await?;
    let peer = Peer::new(zmq::REQ)?;
    peer.connect(&replier.endpoint().to_string())?;

    peer.send(&["no number"])?;
    same(soon(replier.recv()).await?.is_err(), true)?;
    same(peer.recv_body()?, b"")?;

    peer.send(&["1"])?;
    let (_, handle) = soon(replier.recv()).await??;
    handle.fail("no such thing").await?;
    same(peer.recv_body()?, b"")?;

    peer.send(&["2"])?;
    drop(soon(replier.recv()).await??);
    same(peer.recv_body()?, b"")?;

    peer.send(&["3"])?;
    let (request, handle) = soon(replier.recv()).await??;
    handle.send(request).await?;
    same(peer.recv_body()?, b"3")
}

async fn no_answer() -> Outcome {
    let peer = Peer::new(zmq::REP)?;
    let at = peer.bind("tcp://127.0.0.1:0")?;
    let requester: Raw = Requester::connect(at).await?;
    let impatient = requester.request(Bytes::from_static(b"1")).within(Duration::from_millis(50));
    let expired = soon(impatient).await?;
    same(matches!(expired, Err(RequestError::DeadlineExceeded { sent: true })), true)?;
    // The late answer is no answer to the next request.
    let requester = Arc::new(requester);
    let answer = ask(&requester, 2);
    for _ in 0..2 {
        let body = peer.recv_body()?;
        peer.send(&[body])?;
    }
    same(soon(answer).await???, "2")?;
    until(|| requester.stats().received.dropped.unwanted == 1).await
}

async fn broker() -> Outcome {
    let (front, back) = (Peer::new(zmq::ROUTER)?, Peer::new(zmq::DEALER)?);
    let front_at = front.bind("tcp://127.0.0.1:0")?;
    let back_at = back.bind("tcp://127.0.0.1:0")?;
    let is_over = Arc::new(AtomicBool::new(false));
    let forwarding = thread::spawn({
        let is_over = is_over.clone();
        move || forward(&front, &back, &is_over)
    });
    let mut repliers: Vec<Replier<Bytes, Bytes>> = Vec::new();
    for _ in 0..2 {
        repliers.push(Replier::connect(back_at.as_str()).await?);
    }
    let requester: Arc<Raw> = Arc::new(Requester::connect(front_at).await?);
    let foreign = Peer::new(zmq::REQ)?;
    foreign.connect(&requester.endpoint().to_string())?;
    for replier in repliers {
        tokio::spawn(async move {
            while let Ok((request, handle)) = replier.recv().await {
                // The requester may have given up; that fails the scenario elsewhere.
                let _ = handle.send(request).await;
            }
        });
    }
    let answers: Vec<_> = (0..MANY).map(|number| ask(&requester, number)).collect();
    for (number, answer) in answers.into_iter().enumerate() {
        same(soon(answer).await???, number.to_string())?;
    }
    for number in 0..10 {
        foreign.send(&[number.to_string()])?;
        same(foreign.recv_body()?, number.to_string().into_bytes())?;
    }
    is_over.store(true, Ordering::Relaxed);
    let forwarded = forwarding.join();
    forwarded.map_err(|_| Failure::new("the broker panicked"))?
}

/// What every libzmq broker does.
fn forward(front: &Peer, back: &Peer, is_over: &AtomicBool) -> Outcome {
    while !is_over.load(Ordering::Relaxed) {
        let mut items = [front, back].map(|it| it.raw().as_poll_item(zmq::POLLIN));
        zmq::poll(&mut items, 20)?;
        let [has_request, has_answer] = items.map(|it| it.is_readable());
        if has_request {
            back.send(&front.recv()?)?;
        }
        if has_answer {
            front.send(&back.recv()?)?;
        }
    }
    Ok(())
}

/// Asks in a task, so that the scenario can play the other side.
pub(crate) fn ask(requester: &Arc<Raw>, number: usize) -> JoinHandle<Result<Bytes, RequestError>> {
    let requester = requester.clone();
    let body = Bytes::from(number.to_string());
    tokio::spawn(async move { requester.request(body).await })
}
