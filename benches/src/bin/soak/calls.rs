//! Requests through a link that is cut, to a replier that restarts: each ends, and in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt};
use gleis_patterns::{Endpoint, Replier, RequestError, Requester};
use tokio::sync::watch;

use crate::books::{Summary, Total, both, check_peers, comes, ends, text};
use crate::cable::Cable;
use crate::pipeline::address;
use crate::weather::Weather;

const ASKERS: usize = 2;
const IN_FLIGHT: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(2);
/// A machine that is busy may be late, but not that late.
const LATE: Duration = Duration::from_secs(20);

pub(crate) async fn run(weather: Arc<Weather>) -> Result<Summary, String> {
    let at = address().await?;
    let cable = Cable::to(at).await.map_err(|it| text("cable")(&it))?;
    let (over, ended) = watch::channel(0);
    let answered = AtomicU64::new(0);
    let askers = (0..ASKERS).map(|_| ask(&weather, cable.endpoint(), &answered, &over));
    let (asked, (), served) = futures::join!(
        futures::future::try_join_all(askers),
        cable.suffer(&weather, weather.dice()),
        serve(&weather, at, ended),
    );
    let ((served, restarts), asked) = both(served, asked)?;
    let mut total = Total::default();
    for flow in asked {
        total.enter("a requester", &flow)?;
    }
    Ok(Summary {
        name: "calls",
        sent: total.offered,
        received: answered.into_inner(),
        dropped: total.dropped + served.dropped,
        lost_with_links: total.lost_before(served.offered)?,
        restarts,
    })
}

async fn ask(
    weather: &Weather,
    at: &str,
    answered: &AtomicU64,
    over: &watch::Sender<usize>,
) -> Result<gleis_patterns::Flow, String> {
    let requester = Requester::<u64, u64>::connect(at).high_water(IN_FLIGHT).timeout(TIMEOUT).await;
    let requester = requester.map_err(|it| text("requester")(&it))?;
    let mut number = 0;
    let mut next = || {
        number += 1;
        one(&requester, number)
    };
    let mut pending: FuturesUnordered<_> = (0..IN_FLIGHT).map(|_| next()).collect();
    while let Some(res) = pending.next().await {
        answered.fetch_add(u64::from(res?), Ordering::Relaxed);
        if !weather.is_clear() {
            pending.push(next());
        }
    }
    // The last one is answered, whatever happened before.
    let last = async { while !matches!(one(&requester, 1).await, Ok(true)) {} };
    ends("a request after the storm is answered", last).await?;
    answered.fetch_add(1, Ordering::Relaxed);
    comes("no request is in flight any more", || requester.in_flight() == 0).await?;
    check_peers("a requester", &requester.stats())?;
    over.send_modify(|it| *it += 1);
    ends("closing a requester", requester.close()).await?;
    Ok(requester.stats().sent)
}

/// Whether it was answered; an error only if the outcome is wrong or late.
async fn one(requester: &Requester<u64, u64>, number: u64) -> Result<bool, String> {
    let start = Instant::now();
    let res = requester.request(number).await;
    if TIMEOUT + LATE < start.elapsed() {
        return Err(format!("a request took {:?}", start.elapsed()));
    }
    match res {
        Ok(answer) if answer == number + 1 => Ok(true),
        Ok(answer) => Err(format!("{answer} answers {number}")),
        Err(RequestError::Decode(error)) => Err(text("request")(&error)),
        Err(RequestError::Closed) => Err("the requester is closed".to_owned()),
        Err(_) => Ok(false),
    }
}

async fn serve(
    weather: &Weather,
    at: SocketAddr,
    ended: watch::Receiver<usize>,
) -> Result<(Total, u64), String> {
    let mut dice = weather.dice();
    let (mut restarts, mut total) = (0, Total::default());
    loop {
        let replier = Replier::<u64, u64>::bind(Endpoint::from(at)).await;
        let replier = replier.map_err(|it| text("replier")(&it))?;
        let end = tokio::time::Instant::now() + Duration::from_millis(dice.u64(200..4_000));
        let all_ended = || weather.is_clear() && *ended.borrow() == ASKERS;
        while !all_ended() && (weather.is_clear() || tokio::time::Instant::now() < end) {
            let request = tokio::time::timeout(Duration::from_millis(20), replier.recv()).await;
            let Ok(request) = request else { continue };
            let (number, reply) = request.map_err(|it| text("replier")(&it))?;
            match dice.u32(0..50) {
                // Dropped without an answer, or answered with an error.
                0 => drop(reply),
                1 => drop(reply.fail("no").await),
                // Whoever asked may be gone.
                _ => drop(reply.send(number + 1).await),
            }
        }
        ends("closing the replier", replier.close()).await?;
        total.enter("the replier", &replier.stats().received)?;
        Total::default().enter("the replier's answers", &replier.stats().sent)?;
        if all_ended() {
            return Ok((total, restarts));
        }
        restarts += 1;
    }
}
