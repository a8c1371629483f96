//! Dealers with identities and a router that answers each of them; it restarts now and then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gleis_patterns::{Dealer, Endpoint, Flow, Router, SendError};
use tokio::sync::watch;

use crate::books::{Seen, Summary, Total, both, check_peers, comes, ends, text};
use crate::cable::Cable;
use crate::pipeline::address;
use crate::weather::Weather;

const DEALERS: usize = 3;
/// Numbers from here on are asked when the weather is clear.
const LAST: u64 = 1 << 60;

pub(crate) async fn run(weather: Arc<Weather>) -> Result<Summary, String> {
    let at = address().await?;
    let cable = Cable::to(at).await.map_err(|it| text("cable")(&it))?;
    let (over, ended) = watch::channel(0);
    let dealers = (0..DEALERS).map(|n| deal(&weather, n, cable.endpoint(), &over));
    let (routed, (), dealt) = futures::join!(
        route(&weather, at, ended),
        cable.suffer(&weather, weather.dice()),
        futures::future::try_join_all(dealers),
    );
    let (routed, dealt) = both(routed, dealt)?;
    let (mut sent, mut received) = (Total::default(), Total::default());
    for (out, back) in dealt {
        sent.enter("a dealer", &out)?;
        received.enter("what a dealer got", &back)?;
    }
    Ok(Summary {
        name: "exchange",
        sent: sent.offered,
        received: received.delivered,
        dropped: sent.dropped + received.dropped + routed.received.dropped + routed.sent.dropped,
        lost_with_links: sent.lost_before(routed.received.offered)?
            + routed.sent.lost_before(received.offered)?,
        restarts: routed.restarts,
    })
}

#[derive(Default)]
struct Routed {
    received: Total,
    restarts: u64,
    sent: Total,
}

async fn route(
    weather: &Weather,
    at: SocketAddr,
    ended: watch::Receiver<usize>,
) -> Result<Routed, String> {
    let mut dice = weather.dice();
    let mut routed = Routed::default();
    loop {
        let router = Router::<u64>::bind(Endpoint::from(at)).handover().high_water(100).await;
        let router = router.map_err(|it| text("router")(&it))?;
        let end = tokio::time::Instant::now() + Duration::from_millis(dice.u64(300..4_000));
        let all_ended = || weather.is_clear() && *ended.borrow() == DEALERS;
        while !all_ended() && (weather.is_clear() || tokio::time::Instant::now() < end) {
            let came = tokio::time::timeout(Duration::from_millis(20), router.recv()).await;
            let Ok(came) = came else { continue };
            let (from, number) = came.map_err(|it| text("router")(&it))?;
            let name = String::from_utf8_lossy(from.as_bytes()).into_owned();
            if !name.starts_with("dealer ") {
                return Err(format!("{number} came from {name:?}"));
            }
            match router.try_send_to(&from, number) {
                Ok(()) | Err(SendError::Full | SendError::NoPeer) => (),
                Err(error) => return Err(text("router")(&error)),
            }
        }
        ends("closing the router", router.close()).await?;
        let stats = router.stats();
        routed.received.enter("what the router got", &stats.received)?;
        routed.sent.enter("the router", &stats.sent)?;
        if all_ended() {
            return Ok(routed);
        }
        routed.restarts += 1;
    }
}

async fn deal(
    weather: &Weather,
    n: usize,
    at: &str,
    over: &watch::Sender<usize>,
) -> Result<(Flow, Flow), String> {
    let it = Dealer::<u64>::connect(at).identity(format!("dealer {n}")).high_water(100).await;
    let it = it.map_err(|it| text("dealer")(&it))?;
    let mut seen = Seen::default();
    let mut echoed = |number: u64| match seen.is_new(number) {
        true => Ok(()),
        false => Err(format!("{number} came twice to dealer {n}")),
    };
    let mut number = 0;
    while !weather.is_clear() {
        number += 1;
        tokio::select! {
            biased;
            () = weather.clears_up() => break,
            back = it.recv() => echoed(back.map_err(|it| text("dealer")(&it))?)?,
            sent = it.send(number) => sent.map_err(|it| text("dealer")(&it))?,
        }
    }
    // When all is well again, so is this: what is asked is answered.
    let last = async {
        for number in LAST.. {
            it.send(number).await.map_err(|it| text("dealer")(&it))?;
            let soon = tokio::time::Instant::now() + Duration::from_millis(200);
            while let Ok(back) = tokio::time::timeout_at(soon, it.recv()).await {
                let back = back.map_err(|it| text("dealer")(&it))?;
                if back == number {
                    return Ok(());
                }
                if back < LAST {
                    echoed(back)?;
                }
            }
        }
        Ok::<_, String>(())
    };
    ends("a dealer is answered after the storm", last).await??;
    comes("a dealer gets rid of its queue", || it.stats().sent.queued == 0).await?;
    check_peers("a dealer", &it.stats())?;
    over.send_modify(|it| *it += 1);
    ends("closing a dealer", it.close()).await?;
    let stats = it.stats();
    Ok((stats.sent, stats.received))
}
