//! libzmq, the C library.

use std::error::Error;
use std::time::Instant;

use gleis_benches::Load;
use gleis_benches::load::is_last;
use gleis_benches::rig::{Confirm, Cores, Outcome, Ready, Rig, confirmation};
use zmq::{
    Context, DEALER, DONTWAIT, Message, PUB, PULL, PUSH, REP, REQ, ROUTER, SUB, Socket, SocketType,
};

use crate::latency::{arrivals, compute};

/// How long a blocked side waits before it looks whether it is to stop, in milliseconds.
const LOOK: i32 = 50;

fn socket(context: &Context, kind: SocketType) -> Result<Socket, Box<dyn Error>> {
    let socket = context.socket(kind)?;
    socket.set_rcvtimeo(LOOK)?;
    socket.set_linger(0)?;
    Ok(socket)
}

pub(crate) const TCP: &str = "tcp://127.0.0.1:*";
pub(crate) const IPC: &str = "ipc://*";

fn bound(socket: &Socket) -> Result<String, Box<dyn Error>> {
    bound_at(socket, TCP)
}

fn bound_at(socket: &Socket, place: &str) -> Result<String, Box<dyn Error>> {
    socket.bind(place)?;
    Ok(socket.get_last_endpoint()?.map_err(|_| "an address that is no text")?)
}

/// The next message; waits for it without blocking the end of its rig for ever.
async fn recv(socket: &Socket) -> Result<Message, zmq::Error> {
    loop {
        match socket.recv_msg(0) {
            Err(zmq::Error::EAGAIN) => tokio::task::yield_now().await,
            done => return done,
        }
    }
}

/// REQ to REP and back, one request at a time.
pub(crate) fn request(size: usize, cores: Cores) -> Rig {
    request_over(TCP, size, cores, 0.5)
}

/// The same over another transport; each turn tells this quantile.
pub(crate) fn request_over(place: &'static str, size: usize, cores: Cores, quantile: f64) -> Rig {
    Rig::pair(
        cores,
        async move |ready| {
            let context = Context::new();
            let rep = socket(&context, REP)?;
            ready.tell(bound_at(&rep, place)?);
            loop {
                let question = recv(&rep).await?;
                rep.send(question, 0)?;
            }
        },
        async move |mut turns, at| {
            let context = Context::new();
            let req = socket(&context, REQ)?;
            req.connect(&at)?;
            let load = Load::new(size);
            let mut times = Vec::new();
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    req.send(&load.message()[..], 0)?;
                    recv(&req).await?;
                    times.push(start.elapsed());
                }
                turns.done_quantile(&mut times, quantile);
            }
            Ok(())
        },
    )
}

/// DEALER to ROUTER and back, `window` requests in flight.
pub(crate) fn in_flight(size: usize, window: u64) -> Rig {
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let context = Context::new();
            let router = socket(&context, ROUTER)?;
            ready.tell(bound(&router)?);
            loop {
                let peer = recv(&router).await?;
                let body = router.recv_msg(0)?;
                router.send(peer, zmq::SNDMORE)?;
                router.send(body, 0)?;
            }
        },
        async move |mut turns, at| {
            let context = Context::new();
            let dealer = socket(&context, DEALER)?;
            dealer.connect(&at)?;
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for i in 0..n + window {
                    if window <= i {
                        recv(&dealer).await?;
                    }
                    if i < n {
                        dealer.send(&load.message()[..], 0)?;
                    }
                    if n <= i + 1 && n < window {
                        break;
                    }
                }
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

/// PUSH to PULL over tcp.
pub(crate) fn push(size: usize) -> Rig {
    push_over(TCP, size)
}

/// The same over another transport.
pub(crate) fn push_over(place: &'static str, size: usize) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let context = Context::new();
            let pull = socket(&context, PULL)?;
            ready.tell(bound_at(&pull, place)?);
            loop {
                if is_last(&recv(&pull).await?) {
                    confirm.tell();
                }
            }
        },
        async move |mut turns, at| {
            let context = Context::new();
            let push = socket(&context, PUSH)?;
            push.connect(&at)?;
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    push.send(message, 0)?;
                }
                confirmed.wait(1).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

/// PUB to SUBs over tcp; no queue has a mark, so that nothing is dropped.
pub(crate) fn publish(n_subscribers: usize, size: usize) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    let (tell, told) = tokio::sync::oneshot::channel::<String>();
    Rig::pair(
        Cores::Any,
        async move |ready: Ready<()>| {
            ready.tell(());
            let (context, at) = (Context::new(), told.await?);
            let mut subscribers = Vec::new();
            for _ in 0..n_subscribers {
                let next = socket(&context, SUB)?;
                next.set_rcvhwm(0)?;
                next.connect(&at)?;
                next.set_subscribe(b"")?;
                subscribers.push(next);
            }
            receive(&subscribers, &confirm).await
        },
        async move |mut turns, ()| {
            let context = Context::new();
            let publisher = socket(&context, PUB)?;
            publisher.set_sndhwm(0)?;
            tell.send(bound(&publisher)?).map_err(|_| "the subscribers are gone")?;
            let load = Load::new(size);
            // Until all hear, each hears something now and then.
            let ends_a_turn = load.message();
            let mut n_heard = 0;
            while n_heard < n_subscribers {
                publisher.send(&ends_a_turn[..], 0)?;
                tokio::time::sleep(std::time::Duration::from_millis(LOOK as u64)).await;
                n_heard = confirmed.drain();
            }
            tokio::time::sleep(std::time::Duration::from_millis(2 * LOOK as u64)).await;
            confirmed.drain();
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    publisher.send(message, 0)?;
                }
                confirmed.wait(n_subscribers).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

async fn receive(subscribers: &[Socket], confirm: &Confirm) -> Outcome {
    let mut items: Vec<_> = subscribers.iter().map(|it| it.as_poll_item(zmq::POLLIN)).collect();
    loop {
        if zmq::poll(&mut items, i64::from(LOOK))? == 0 {
            tokio::task::yield_now().await;
        }
        for (item, socket) in items.iter().zip(subscribers) {
            if !item.is_readable() {
                continue;
            }
            for _ in 0..256 {
                match socket.recv_msg(DONTWAIT) {
                    Ok(message) if is_last(&message) => confirm.tell(),
                    Ok(_) => (),
                    Err(zmq::Error::EAGAIN) => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

/// REQ to REP within one process.
pub(crate) fn request_in_process() -> Rig {
    let context = Context::new();
    let theirs = context.clone();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let rep = socket(&theirs, REP)?;
            rep.bind("inproc://request")?;
            ready.tell(());
            loop {
                let question = recv(&rep).await?;
                rep.send(question, 0)?;
            }
        },
        async move |mut turns, ()| {
            let req = socket(&context, REQ)?;
            req.connect("inproc://request")?;
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for question in 0..n {
                    req.send(&question.to_be_bytes()[..], 0)?;
                    recv(&req).await?;
                }
                turns.done(start.elapsed());
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
            let context = Context::new();
            let pull = socket(&context, PULL)?;
            ready.tell(bound(&pull)?);
            loop {
                recv(&pull).await?;
                tell.send(Instant::now())?;
            }
        },
        async move |mut turns, at| {
            let context = Context::new();
            let push = socket(&context, PUSH)?;
            push.connect(&at)?;
            let mut times = Vec::new();
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    push.send(&b"ping"[..], 0)?;
                    compute();
                    times.push(arrived.recv().await.ok_or("ended")?.duration_since(start));
                }
                turns.done_each(&mut times);
            }
            Ok(())
        },
    )
}
