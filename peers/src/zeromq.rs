//! The `zeromq` crate.

use std::time::Instant;

use bytes::Bytes;
use gleis_benches::Load;
use gleis_benches::load::is_last;
use gleis_benches::rig::{Cores, Rig, confirmation};
use zeromq::{
    PullSocket, PushSocket, RepSocket, ReqSocket, Socket, SocketRecv, SocketSend, ZmqMessage,
};

use crate::latency::{arrivals, compute};

const TCP: &str = "tcp://127.0.0.1:0";

/// PUSH to PULL over tcp.
pub(crate) fn push(size: usize) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let mut pull = PullSocket::new();
            ready.tell(pull.bind(TCP).await?.to_string());
            loop {
                if pull.recv().await?.get(0).is_some_and(|it| is_last(it)) {
                    confirm.tell();
                }
            }
        },
        async move |mut turns, at| {
            let mut push = PushSocket::new();
            push.connect(&at).await?;
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    push.send(Bytes::copy_from_slice(message).into()).await?;
                    // It keeps the volume in memory unless others get a turn.
                    tokio::task::coop::consume_budget().await;
                }
                confirmed.wait(1).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

/// REQ to REP and back, one request at a time.
pub(crate) fn request(size: usize, cores: Cores) -> Rig {
    Rig::pair(
        cores,
        async move |ready| {
            let mut rep = RepSocket::new();
            ready.tell(rep.bind(TCP).await?.to_string());
            loop {
                let question = rep.recv().await?;
                rep.send(question).await?;
            }
        },
        async move |mut turns, at| {
            let mut req = ReqSocket::new();
            req.connect(&at).await?;
            let (load, mut times) = (Load::new(size), Vec::new());
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    req.send(ZmqMessage::from(load.message())).await?;
                    req.recv().await?;
                    times.push(start.elapsed());
                }
                turns.done_each(&mut times);
            }
            Ok(())
        },
    )
}

/// PUSH to PULL, from the call to the arrival, where the caller computes after each message.
pub(crate) fn computing() -> Rig {
    let (tell, mut arrived) = arrivals();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let mut pull = PullSocket::new();
            ready.tell(pull.bind(TCP).await?.to_string());
            loop {
                pull.recv().await?;
                tell.send(Instant::now())?;
            }
        },
        async move |mut turns, at| {
            let mut push = PushSocket::new();
            push.connect(&at).await?;
            let mut times = Vec::new();
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    push.send(ZmqMessage::from(Bytes::from_static(b"ping"))).await?;
                    compute();
                    times.push(arrived.recv().await.ok_or("ended")?.duration_since(start));
                }
                turns.done_each(&mut times);
            }
            Ok(())
        },
    )
}
