//! How long a message takes while something else goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gleis_benches::rig::{Cores, Outcome, Rig, Turns};
use gleis_benches::sockets::TCP;
use gleis_patterns::{Dealer, PeerId, Pull, Push, Router};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::MissedTickBehavior;

/// How long a caller computes after each message.
const COMPUTE: Duration = Duration::from_millis(2);
/// What keeps a connection busy: so many messages of so many bytes each millisecond, a quarter to half of
/// what our sockets move on two cores.
const FILL: usize = 500;
const FILL_SIZE: usize = 1 << 10;
/// The message that is answered.
const PING: &[u8] = b"ping";
/// The quantile that counts beside such traffic.
const WORST: f64 = 0.999;
/// A large message.
const LARGE: usize = 64 << 20;
/// A wait that only a failure fills.
const PATIENCE: Duration = Duration::from_secs(30);

/// Computes without letting anybody run.
pub(crate) fn compute() {
    let start = Instant::now();
    while start.elapsed() < COMPUTE {
        std::hint::spin_loop();
    }
}

/// Where a receiver tells when something arrived.
pub(crate) fn arrivals() -> (UnboundedSender<Instant>, UnboundedReceiver<Instant>) {
    unbounded_channel()
}

/// From the call to the arrival, where the caller computes after each message.
pub(crate) fn computing() -> Rig {
    let (tell, mut arrived) = arrivals();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let pull = Pull::<Bytes>::bind(TCP).await?;
            ready.tell(pull.endpoint().clone());
            loop {
                pull.recv().await?;
                tell.send(Instant::now())?;
            }
        },
        async move |mut turns, at| {
            let push = Push::<Bytes>::connect(at).ready(PATIENCE).await?;
            let mut times = Vec::new();
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    push.send(Bytes::from_static(PING)).await?;
                    compute();
                    times.push(arrived.recv().await.ok_or("ended")?.duration_since(start));
                }
                turns.done_each(&mut times);
            }
            Ok(())
        },
    )
}

/// Times `n` round trips each turn and tells the worst of them, but for one in a thousand.
async fn worst(mut turns: Turns, mut ping: impl AsyncFnMut() -> Outcome) -> Outcome {
    let mut times = Vec::new();
    while let Some(n) = turns.next().await {
        for _ in 0..n {
            let start = Instant::now();
            ping().await?;
            times.push(start.elapsed());
        }
        turns.done_quantile(&mut times, WORST);
    }
    Ok(())
}

/// Calls `fill` each millisecond, for ever.
async fn each_millisecond(mut fill: impl AsyncFnMut() -> Outcome) -> Outcome {
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        fill().await?;
    }
}

/// Round trips on a connection that is kept busy.
pub(crate) fn under_load() -> Rig {
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let router = Router::<Bytes>::bind(TCP).await?;
            ready.tell(router.endpoint().clone());
            loop {
                let (peer, message) = router.recv().await?;
                if message == PING {
                    router.send_to(&peer, message).await?;
                }
            }
        },
        async move |turns, at| {
            let dealer = Dealer::<Bytes>::connect(at).await?;
            let body = Bytes::from(vec![7; FILL_SIZE]);
            let fill = each_millisecond(async || {
                for _ in 0..FILL {
                    dealer.send(body.clone()).await?;
                }
                Ok(())
            });
            let pings = worst(turns, async || {
                dealer.send(Bytes::from_static(PING)).await?;
                dealer.recv().await?;
                Ok(())
            });
            tokio::select! {
                done = fill => done,
                done = pings => done,
            }
        },
    )
}

/// The same on tokio alone.
pub(crate) fn raw_under_load() -> Rig {
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            ready.tell(listener.local_addr()?);
            let (read, mut write) = listener.accept().await?.0.into_split();
            let (mut read, mut body) = (BufReader::with_capacity(64 << 10, read), Vec::new());
            loop {
                body.resize(read.read_u32().await? as usize, 0);
                read.read_exact(&mut body).await?;
                if body == PING {
                    write.write_all(PING).await?;
                }
            }
        },
        async move |turns, at| {
            let stream = TcpStream::connect(at).await?;
            stream.set_nodelay(true)?;
            let (mut read, write) = stream.into_split();
            let write = Arc::new(Mutex::new(BufWriter::with_capacity(64 << 10, write)));
            let body = vec![7; FILL_SIZE];
            let fill = each_millisecond(async || raw_send(&write, &body, FILL).await);
            let pings = worst(turns, async || {
                raw_send(&write, PING, 1).await?;
                read.read_exact(&mut [0; PING.len()]).await?;
                Ok(())
            });
            tokio::select! {
                done = fill => done,
                done = pings => done,
            }
        },
    )
}

async fn raw_send(to: &Mutex<BufWriter<OwnedWriteHalf>>, body: &[u8], n: usize) -> Outcome {
    let mut to = to.lock().await;
    for _ in 0..n {
        to.write_u32(u32::try_from(body.len())?).await?;
        to.write_all(body).await?;
    }
    Ok(to.flush().await?)
}

/// The longest round trip on one connection of a socket while a large message leaves by another.
pub(crate) fn beside_large() -> Rig {
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let router = Router::<Bytes>::bind(TCP).max_frame(LARGE).max_message(LARGE).await?;
            ready.tell(router.endpoint().clone());
            let large = Bytes::from(vec![7; LARGE]);
            let mut sending = tokio::task::JoinSet::new();
            let router = Arc::new(router);
            loop {
                let (peer, message) = router.recv().await?;
                if message == PING {
                    router.send_to(&peer, message).await?;
                } else {
                    sending.spawn(send_large(router.clone(), peer, large.clone()));
                }
            }
        },
        async move |mut turns, at| {
            let open = |at| Dealer::<Bytes>::connect(at).max_frame(LARGE).max_message(LARGE);
            let (taker, pinger) = (open(at.clone()).await?, open(at).await?);
            while let Some(n) = turns.next().await {
                let mut times = Vec::new();
                for _ in 0..n {
                    taker.send(Bytes::from_static(b"large")).await?;
                    let taken = taker.recv();
                    times.push(longest_until(taken, &pinger).await?);
                }
                turns.done_each(&mut times);
            }
            Ok(())
        },
    )
}

async fn send_large(router: Arc<Router<Bytes>>, peer: PeerId, large: Bytes) {
    // Whoever asked for it waits for it.
    let _ = router.send_to(&peer, large).await;
}

/// The longest round trip until `taken` is ready.
async fn longest_until<T, E: std::error::Error + 'static>(
    taken: impl Future<Output = Result<T, E>>,
    pinger: &Dealer<Bytes>,
) -> Result<Duration, Box<dyn std::error::Error>> {
    let mut taken = std::pin::pin!(taken);
    let mut longest = Duration::ZERO;
    loop {
        let start = Instant::now();
        let round_trip = async {
            pinger.send(Bytes::from_static(PING)).await?;
            pinger.recv().await?;
            Ok::<_, Box<dyn std::error::Error>>(())
        };
        let mut round_trip = std::pin::pin!(round_trip);
        let done = tokio::select! {
            biased;
            taken = &mut taken => { taken?; round_trip.await?; true }
            answered = &mut round_trip => { answered?; false }
        };
        longest = longest.max(start.elapsed());
        if done {
            return Ok(longest);
        }
    }
}
