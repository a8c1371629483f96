//! Pushers and a puller that restarts; every message is numbered.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{Endpoint, Pull, Push};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::books::{Seen, Summary, Total, both, check_peers, comes, ends, text};
use crate::cable::Cable;
use crate::weather::Weather;

const PUSHERS: usize = 3;

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Job {
    from: usize,
    number: u64,
    load: Bytes,
}

/// A free port of this machine, to be bound again and again.
pub(crate) async fn address() -> Result<SocketAddr, String> {
    let it = tokio::net::TcpListener::bind((own_host(), 0)).await.map_err(|it| it.to_string())?;
    it.local_addr().map_err(|it| it.to_string())
}

/// A host of this process alone, where there is more than one loopback address: connections of others come
/// from 127.0.0.1, so none of them takes a port while nobody is bound to it.
fn own_host() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    match cfg!(target_os = "linux") {
        true => Ipv4Addr::new(127, 64 | (high & 63), middle, low),
        false => Ipv4Addr::LOCALHOST,
    }
}

pub(crate) async fn run(weather: Arc<Weather>) -> Result<Summary, String> {
    let at = address().await?;
    let cable = Cable::to(at).await.map_err(|it| text("cable")(&it))?;
    let (done, pushed) = watch::channel(0);
    let pulling = pull(&weather, at, pushed);
    let pushing = async {
        let mut pushers = Vec::new();
        for from in 0..PUSHERS {
            pushers.push(push(&weather, from, cable.endpoint(), &done));
        }
        futures::future::try_join_all(pushers).await
    };
    let suffering = cable.suffer(&weather, weather.dice());
    let ((), pushed, pulled) = futures::join!(suffering, pushing, pulling);
    let ((pulled, restarts), pushed) = both(pulled, pushed)?;
    let mut total = Total::default();
    for flow in pushed {
        total.enter("a pusher", &flow)?;
    }
    let received = pulled.delivered;
    Ok(Summary {
        name: "pipeline",
        sent: total.offered,
        received,
        dropped: total.dropped + pulled.dropped,
        lost_with_links: total.lost_before(pulled.offered)?,
        restarts,
    })
}

async fn push(
    weather: &Weather,
    from: usize,
    at: &str,
    done: &watch::Sender<usize>,
) -> Result<gleis_patterns::Flow, String> {
    let mut dice = weather.dice();
    let push = Push::<Job>::connect(at).high_water(200).await.map_err(|it| text("push")(&it))?;
    let mut number = 0;
    while !weather.is_clear() {
        number += 1;
        let load = Bytes::from(vec![7; dice.usize(0..3_000)]);
        let sent = push.send(Job { from, number, load });
        tokio::select! {
            biased;
            res = sent => res.map_err(|it| text("push")(&it))?,
            // A send that waits for a peer is given up: it has sent nothing.
            () = weather.clears_up() => break,
        }
    }
    // Everything that still waits arrives now that the weather is clear.
    let rest = || push.stats().sent.queued + push.stats().sent.in_flight == 0;
    comes("a pusher gets rid of its queue", rest).await?;
    check_peers("a pusher", &push.stats())?;
    done.send_modify(|it| *it += 1);
    ends("closing a pusher", push.close()).await?;
    Ok(push.stats().sent)
}

/// Pulls until all pushers are done and silent; restarts now and then.
async fn pull(
    weather: &Weather,
    at: SocketAddr,
    pushed: watch::Receiver<usize>,
) -> Result<(Total, u64), String> {
    let mut dice = weather.dice();
    let (mut total, mut restarts) = (Total::default(), 0);
    let mut seen: [Seen; PUSHERS] = Default::default();
    loop {
        let pull = Pull::<Job>::bind(Endpoint::from(at)).high_water(200).await;
        let pull = pull.map_err(|it| text("pull")(&it))?;
        let life = Duration::from_millis(dice.u64(200..3_000));
        let end = tokio::time::Instant::now() + life;
        let mut n_read = 0;
        loop {
            let over = weather.is_clear() && *pushed.borrow() == PUSHERS && pull.peers().is_empty();
            let until = if weather.is_clear() {
                tokio::time::Instant::now() + Duration::from_millis(50)
            } else {
                end
            };
            match tokio::time::timeout_at(until, pull.recv()).await {
                Ok(Ok(job)) => {
                    n_read += 1;
                    if !seen[job.from].is_new(job.number) {
                        return Err(format!("{} of pusher {} came twice", job.number, job.from));
                    }
                }
                Ok(Err(error)) => return Err(text("pull")(&error)),
                Err(_) if over => break,
                Err(_) if weather.is_clear() => (),
                Err(_) => break,
            }
        }
        check_peers("the puller", &pull.stats())?;
        ends("closing the puller", pull.close()).await?;
        let received = pull.stats().received;
        if received.delivered != n_read {
            return Err(format!("{n_read} read, {received:?}"));
        }
        total.enter("the puller", &received)?;
        if weather.is_clear() && *pushed.borrow() == PUSHERS {
            return Ok((total, restarts));
        }
        restarts += 1;
    }
}
