//! Subscriptions: what a publication costs that has to be looked up among so many filters of one
//! subscriber.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gleis_benches::Load;
use gleis_benches::load::is_last;
use gleis_benches::rig::{Confirm, Cores, Outcome, Ready, Rig, confirmation};
use gleis_patterns::{Filter, Overflow, Publisher, Subscriber};
use tokio::sync::oneshot;

use crate::curve::{Column, Fault, Measured, Unit};
use crate::effort::Effort;

pub(crate) const COLUMNS: &[Column] = &[
    Column { name: WANTED, unit: Unit::Nanos },
    Column { name: UNWANTED, unit: Unit::Nanos },
    Column { name: "subscribing", unit: Unit::Nanos },
];
pub(crate) const WANTED: &str = "wanted publication";
pub(crate) const UNWANTED: &str = "unwanted publication";

/// As many filters are told at once: of 64 Ki that wait on one link, it would be ended.
const BLOCK: usize = 10_000;
const READY: Duration = Duration::from_secs(60);
const SIZE: usize = 64;
/// Different topics that are published in turn.
const TOPICS: u64 = 1_000;

pub(crate) fn prefixes(n: u64, effort: &Effort) -> Measured {
    let wanted = |it| format!("{it:06}.eu.price");
    // Between two prefixes, and alike to one of them up to its last byte.
    let unwanted = |it| format!("{it:06}-eu.price");
    measure(n, effort, |it| Ok(Filter::from(format!("{it:06}."))), wanted, unwanted)
}

pub(crate) fn paths(n: u64, effort: &Effort) -> Measured {
    let wanted = |it| format!("{it:06}.eu.price");
    let unwanted = |it| format!("{it:06}.eu.volume");
    let filter = |it| Ok(Filter::path(format!("{it:06}.*.price"))?);
    measure(n, effort, filter, wanted, unwanted)
}

fn measure(
    n: u64,
    effort: &Effort,
    filter: fn(u64) -> Result<Filter, Fault>,
    wanted: fn(u64) -> String,
    unwanted: fn(u64) -> String,
) -> Measured {
    let filters = (0..n).map(filter).collect::<Result<Vec<_>, _>>()?;
    // Spread over all filters.
    let of = |name: fn(u64) -> String| {
        let at = (0..TOPICS).map(|it| it * n.div_ceil(TOPICS) % n);
        at.map(name).map(Bytes::from).collect::<Vec<_>>()
    };
    let is_wanted = Arc::new(AtomicBool::new(true));
    let (tell_time, time) = oneshot::channel();
    let topics =
        Topics { is_wanted: is_wanted.clone(), unwanted: of(unwanted), wanted: of(wanted) };
    let mut rig = rig(filters, topics, tell_time);
    let wanted = effort.of(&mut rig, 8);
    is_wanted.store(false, Ordering::Relaxed);
    let unwanted = effort.of(&mut rig, 8);
    let subscribing = time.blocking_recv()?.as_secs_f64() * 1e9 / n as f64;
    Ok(vec![wanted, unwanted, subscribing])
}

/// What is published.
struct Topics {
    is_wanted: Arc<AtomicBool>,
    unwanted: Vec<Bytes>,
    wanted: Vec<Bytes>,
}

/// A publisher and one subscriber, which tells how long it took to subscribe. Turns are over when the
/// last wanted publication has arrived, or the last unwanted one was looked up.
fn rig(filters: Vec<Filter>, topics: Topics, tell_time: oneshot::Sender<Duration>) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    let (tell, told) = oneshot::channel();
    let n_filters = filters.len();
    Rig::pair(
        Cores::Any,
        async move |ready: Ready<()>| {
            ready.tell(());
            let subscriber = Subscriber::connect(&told.await?).ready(READY).await?;
            let time = subscribe(&subscriber, filters).await?;
            // Whoever measures waits for it.
            let _ = tell_time.send(time);
            confirm.tell();
            receive(&subscriber, confirm).await
        },
        async move |mut turns, ()| {
            let builder = Publisher::bind("tcp://127.0.0.1:0").overflow(Overflow::Block);
            let publisher = builder.max_subscriptions(n_filters).await?;
            tell.send(publisher.endpoint().clone()).map_err(|_| "the subscriber is gone")?;
            confirmed.wait(1).await?;
            let load = Load::new(SIZE);
            while let Some(n) = turns.next().await {
                let is_wanted = topics.is_wanted.load(Ordering::Relaxed);
                let topics = if is_wanted { &topics.wanted } else { &topics.unwanted };
                let start = Instant::now();
                for (topic, message) in topics.iter().cycle().zip(load.turn(n)) {
                    publisher.publish(topic, Bytes::copy_from_slice(message)).await?;
                }
                confirmed.wait(usize::from(is_wanted)).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

async fn subscribe(
    subscriber: &Subscriber<Bytes>,
    filters: Vec<Filter>,
) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    for block in filters.chunks(BLOCK) {
        block.iter().for_each(|it| subscriber.subscribe(it.clone()));
        subscriber.ready(READY).await?;
    }
    Ok(start.elapsed())
}

async fn receive(subscriber: &Subscriber<Bytes>, confirm: Confirm) -> Outcome {
    loop {
        if is_last(&subscriber.recv().await?.message) {
            confirm.tell();
        }
    }
}
