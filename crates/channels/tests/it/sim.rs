//! Channels on a simulated network that breaks, for many seeds.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use gleis_channels::{
    AsyncReplier, AsyncRequester, BroadcastChannel, ChannelMessage, CorrelatedChannel, Event,
    RecvError, RemoteChannel, Reply, RequestError, ServedChannel, SyncPublisher, SyncSubscriber,
};
use gleis_test::sim::{Sim, Weather, run};
use gleis_transport::TaskGuard;
use tokio::time::{Instant, timeout, timeout_at};

/// The host where the one stands that the others connect to.
const CENTRE: &str = "10.0.0.1";
const OUTER: &str = "10.0.0.2";
const PORT: &str = "tcp://10.0.0.1:7000";

/// Something bad, or a relief.
fn befall(sim: &Sim, rng: &mut fastrand::Rng) {
    match rng.u8(0..10) {
        0 => drop(sim.reset(CENTRE, OUTER)),
        1 => drop(sim.silence(CENTRE, OUTER)),
        2 => sim.cut(CENTRE, OUTER),
        3 | 4 => sim.heal(CENTRE, OUTER),
        5 => sim.set_weather(Weather::rough(rng)),
        6 => sim.set_weather(Weather::stormy(rng, 50_000)),
        _ => (),
    }
}

/// A while, mostly short.
fn moment(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(1 << rng.u32(0..14))
}

/// Ends all misfortune and waits until every link that was hurt is made again.
async fn recover(sim: &Sim) {
    sim.calm();
    while 0 < sim.n_silent() {
        sim.pass(Duration::from_secs(5)).await;
    }
    // A dial, a handshake or a back-off may still be on its way to fail; then it is done anew.
    sim.pass(Duration::from_secs(40)).await;
}

/// Answers for ever, each request once, now and then late, now and then not.
async fn answer(sim: Sim, replier: std::sync::Arc<AsyncReplier<u64, u64>>) {
    let (mut rng, mut done) = (sim.rng(), BTreeSet::new());
    let mut late: Vec<Reply<u64>> = Vec::new();
    while let Ok((n, reply)) = replier.recv().await {
        assert!(done.insert(n), "asked twice for {n}");
        match rng.u8(0..16) {
            0 => drop(reply),
            1 => late.push(reply),
            2 => drop(reply.fail("not today").await),
            // The requester may be gone.
            _ => drop(reply.send(n + 1).await),
        }
        if rng.u8(0..8) == 0 {
            sim.pass(moment(&mut rng)).await;
            for reply in late.drain(..) {
                drop(reply.send(0).await);
            }
        }
    }
}

async fn ask(
    sim: &Sim,
    requester: &AsyncRequester<u64, u64>,
    rng: &mut fastrand::Rng,
    numbers: &[u64],
) {
    let mut asking = Vec::new();
    for n in numbers {
        let within = Duration::from_secs(1 + rng.u64(0..10));
        let answer = requester.request(n).unwrap().within(within).start();
        if rng.u8(0..8) != 0 {
            asking.push(async move { (*n, answer.await) });
        }
    }
    for (n, answer) in join_all(asking).await {
        sim.note(format_args!("{n}: {answer:?}"));
        match answer {
            // Nought stands for one that was late, and may have come in time all the same.
            Ok(answer) => assert!(answer == n + 1 || answer == 0),
            Err(
                RequestError::DeadlineExceeded { .. }
                | RequestError::Failed { .. }
                | RequestError::NoReply
                | RequestError::PeerLost { sent: true },
            ) => (),
            Err(other) => panic!("{n}: {other:?}"),
        }
    }
}

/// Asks, whatever happens, until the weather is calm and an answer comes.
async fn ask_on(sim: &Sim, requester: &AsyncRequester<u64, u64>, rng: &mut fastrand::Rng) {
    let mut numbers = 1..;
    for _ in 0..rng.u32(1..12) {
        let some: Vec<u64> = numbers.by_ref().take(rng.usize(1..20)).collect();
        ask(sim, requester, rng, &some).await;
        befall(sim, rng);
        let stats = requester.stats();
        assert!(stats.is_balanced() && stats.in_flight == 0, "{stats:?}");
    }
    recover(sim).await;
    // One reply in four or so is none; the others come.
    loop {
        let last = requester.request(numbers.next().unwrap()).unwrap();
        match last.within(Duration::from_secs(1_000)).await {
            Ok(_) => break,
            Err(RequestError::PeerLost { .. }) => panic!("the link was lost in calm weather"),
            Err(error) => assert!(!matches!(error, RequestError::DeadlineExceeded { sent: false })),
        }
    }
}

async fn requests(sim: Sim) {
    let mut rng = sim.rng();
    sim.set_weather(Weather::stormy(&mut rng, 5_000));
    let replier = AsyncReplier::bind(PORT).options(sim.options(CENTRE)).await.unwrap();
    let replier = std::sync::Arc::new(replier);
    let _answering = TaskGuard::spawn(answer(sim.clone(), replier.clone()));
    let requester = AsyncRequester::connect(PORT).options(sim.options(OUTER)).await.unwrap();
    ask_on(&sim, &requester, &mut rng).await;
    let stats = replier.stats();
    assert!(stats.is_balanced(), "{stats:?}");
}

async fn turns(sim: Sim) {
    let mut rng = sim.rng();
    sim.set_weather(Weather::stormy(&mut rng, 5_000));
    let requester = AsyncRequester::bind(PORT).options(sim.options(CENTRE)).await.unwrap();
    let mut repliers = Vec::new();
    for _ in 0..rng.u32(1..4) {
        let replier = AsyncReplier::connect(PORT).options(sim.options(OUTER)).await.unwrap();
        let replier = std::sync::Arc::new(replier);
        let answering = TaskGuard::spawn(answer(sim.clone(), replier.clone()));
        repliers.push((replier, answering));
    }
    ask_on(&sim, &requester, &mut rng).await;
    for (replier, _) in &repliers {
        let stats = replier.stats();
        assert!(stats.is_balanced(), "{stats:?}");
    }
}

#[test]
fn repliers_that_take_turns_are_lost_and_come_back_and_every_request_ends_once() {
    run(100, turns);
}

#[test]
fn every_request_ends_once_and_none_is_handed_out_twice() {
    run(100, requests);
}

/// What a subscriber saw.
#[derive(Default)]
struct Seen {
    /// Publications and replies, in order; publications are even, replies odd.
    all: Vec<u64>,
    ended: usize,
}

impl Seen {
    /// Takes what comes for some time.
    async fn take(&mut self, subscriber: &SyncSubscriber<u64, u64, u64>, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(item) = timeout_at(end, subscriber.recv()).await {
            match item {
                Ok(Event::Publication { message, .. }) => self.all.push(message),
                Ok(Event::Reply { message, .. }) => {
                    self.all.push(message);
                    self.ended += 1;
                }
                Ok(Event::Failed { .. }) => self.ended += 1,
                Err(RecvError::Gap { .. }) => (),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

async fn publications(sim: Sim) {
    let mut rng = sim.rng();
    sim.set_weather(Weather::stormy(&mut rng, 20_000));
    let publisher = SyncPublisher::<u64, u64, u64>::bind(PORT).options(sim.options(CENTRE));
    let publisher = publisher.high_water(rng.usize(2..50)).await.unwrap();
    let subscriber = SyncSubscriber::<u64, u64, u64>::connect(PORT).subscribe("a");
    let subscriber = subscriber.options(sim.options(OUTER)).await.unwrap();
    let (mut seen, mut n_asked, mut count) = (Seen::default(), 0, 0);
    for _ in 0..rng.u32(1..15) {
        for _ in 0..rng.u32(0..30) {
            count += 2;
            publisher.publish("a", count).await.unwrap();
        }
        for _ in 0..rng.u32(0..4) {
            n_asked += usize::from(subscriber.ask(0).is_ok());
        }
        // Replies that are given now stand behind what was published by now.
        while let Ok(Ok((_, reply))) = timeout(Duration::from_millis(1), publisher.recv()).await {
            drop(reply.send(count + 1).await);
        }
        befall(&sim, &mut rng);
        seen.take(&subscriber, moment(&mut rng)).await;
    }
    recover(&sim).await;
    seen.take(&subscriber, Duration::from_secs(60)).await;
    // Requests that nobody took have run into their deadlines.
    assert_eq!(seen.ended, n_asked);
    assert!(seen.all.is_sorted(), "{:?}", seen.all);
    let evens = seen.all.iter().filter(|it| **it % 2 == 0);
    assert_eq!(evens.clone().collect::<BTreeSet<_>>().len(), evens.count(), "one came twice");
    // Subscriptions are there again.
    subscriber.ready(Duration::from_secs(1_000)).await.unwrap();
    seen.all.clear();
    publisher.publish("a", 7_000_000).await.unwrap();
    seen.take(&subscriber, Duration::from_secs(10)).await;
    assert_eq!(seen.all, [7_000_000]);
    let stats = subscriber.stats();
    assert!(stats.is_balanced() && stats.in_flight == 0, "{stats:?}");
    assert!(publisher.stats().is_balanced());
}

#[test]
fn the_stream_keeps_its_order_and_subscriptions_return() {
    run(100, publications);
}

async fn followers(sim: Sim) {
    let mut rng = sim.rng();
    let news = BroadcastChannel::new("news", "News").start();
    let served = ServedChannel::bind_with(PORT, &news, sim.options(CENTRE)).await.unwrap();
    let remote = RemoteChannel::connect_with(PORT, sim.options(OUTER)).await.unwrap();
    let mut subscription = remote.subscribe().await.unwrap();
    sim.set_weather(Weather::stormy(&mut rng, 20_000));
    let (mut written, mut read) = (0, 0);
    for _ in 0..rng.u32(1..10) {
        for _ in 0..rng.u32(0..50) {
            news.write(ChannelMessage::new("writer", written)).unwrap();
            written += 1;
        }
        befall(&sim, &mut rng);
        let end = Instant::now() + moment(&mut rng);
        while let Ok(message) = timeout_at(end, subscription.recv()).await {
            // A link that is lost is an error, and the next call goes on.
            let Ok(message) = message else { continue };
            assert_eq!(message.content.data().as_i64(), Some(read));
            read += 1;
        }
    }
    recover(&sim).await;
    while read < written {
        let Ok(message) = subscription.recv().await else { continue };
        assert_eq!(message.content.data().as_i64(), Some(read));
        read += 1;
    }
    assert!(served.stats().is_balanced());
}

#[test]
fn a_follower_misses_nothing_whatever_happens_to_the_link() {
    run(60, followers);
}
