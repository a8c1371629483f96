//! One message of the hub to many readers of events.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gleis_benches::rig::Outcome;
use gleis_bridge::Bridge;
use gleis_broker::{MessageClient, MessageServer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::{Effort, median};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How long the bridge takes beside a server that writes the same bytes to as many sockets.
pub(super) async fn ratio(effort: Effort) -> Result<f64> {
    let (tell, told) = oneshot::channel();
    let (order, orders) = mpsc::channel(1);
    std::thread::spawn(move || crate::beside(serve(tell, orders)));
    let (bridge, bare) = told.await?;
    let mut ours = Crowd::new(bridge, effort.readers).await?;
    let mut theirs = Crowd::new(bare, effort.readers).await?;
    let mut ratios = Vec::new();
    for round in 0..=effort.rounds {
        let ours = ours.time(&order, Order::Bridge, effort.messages).await?;
        let theirs = theirs.time(&order, Order::Bare, effort.messages).await?;
        if 0 < round {
            ratios.push(ours.as_secs_f64() / theirs.as_secs_f64());
        }
    }
    Ok(median(ratios))
}

/// Who is to send one message.
#[derive(Clone, Copy)]
enum Order {
    Bare,
    Bridge,
}

async fn serve(
    tell: oneshot::Sender<(SocketAddr, SocketAddr)>,
    mut orders: mpsc::Receiver<Order>,
) -> Outcome {
    let hub = MessageServer::bind().await?;
    let bridge = Bridge::to(&hub).await?;
    let client = MessageClient::connect(&hub).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    let (out, _) = broadcast::channel::<Bytes>(64);
    let to_all = out.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut lines = to_all.subscribe();
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                while let Ok(line) = lines.recv().await {
                    if stream.write_all(&line).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let _ = tell.send((bridge.local_addr(), at));
    let text = "x".repeat(100);
    let message = json!({"type": "n", "text": text});
    // As an event is written.
    let line = format!("id: 0123456789abcdef:12345\ndata: {message}\n\n");
    let line = Bytes::from(line);
    while let Some(order) = orders.recv().await {
        match order {
            Order::Bare => drop(out.send(line.clone())),
            Order::Bridge => client.send_message(&message).await?,
        }
    }
    Ok(())
}

/// Readers, which tell when they have a message more.
struct Crowd {
    n_readers: usize,
    _readers: JoinSet<()>,
    read: mpsc::Receiver<()>,
}

impl Crowd {
    async fn new(at: SocketAddr, n_readers: usize) -> Result<Self> {
        let (tell, read) = mpsc::channel(n_readers);
        let mut readers = JoinSet::new();
        for _ in 0..n_readers {
            let mut stream = TcpStream::connect(at).await?;
            stream
                .write_all(format!("GET /events HTTP/1.1\r\nhost: {at}\r\n\r\n").as_bytes())
                .await?;
            readers.spawn(follow(stream, tell.clone()));
        }
        Ok(Self { n_readers, _readers: readers, read })
    }

    /// Until all have as many messages, one by one.
    async fn time(
        &mut self,
        order: &mpsc::Sender<Order>,
        what: Order,
        n_messages: usize,
    ) -> Result<Duration> {
        let mut whole = Duration::ZERO;
        for _ in 0..n_messages {
            let start = Instant::now();
            order.send(what).await?;
            for _ in 0..self.n_readers {
                self.read.recv().await.ok_or("the readers are gone")?;
            }
            whole += start.elapsed();
        }
        Ok(whole)
    }
}

async fn follow(mut stream: TcpStream, tell: mpsc::Sender<()>) {
    let mut buffer = [0; 4_096];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        // Each message comes alone, as the next one is sent when all have it.
        if buffer[..n].windows(8).any(|it| it == b"data: {\"") && tell.send(()).await.is_err() {
            return;
        }
    }
}
