//! `GET /messages` again and again on one connection.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use axum::routing::get;
use axum::{Json, Router};
use gleis_benches::rig::Outcome;
use gleis_bridge::Bridge;
use gleis_broker::{MessageClient, MessageServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::{Effort, median};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How long the bridge takes beside a bare handler that gives the same answer.
pub(super) async fn ratio(effort: Effort) -> Result<f64> {
    let (tell, told) = oneshot::channel();
    // The servers have a thread of their own, as they have in life.
    thread::spawn(move || crate::beside(serve(tell)));
    let (bridge, bare) = told.await?;
    let (mut ours, mut theirs) = (Asker::new(bridge).await?, Asker::new(bare).await?);
    let mut ratios = Vec::new();
    // The first round is for getting warm.
    for round in 0..=effort.rounds {
        let ours = ours.ask(effort.requests).await?;
        let theirs = theirs.ask(effort.requests).await?;
        if 0 < round {
            ratios.push(ours.as_secs_f64() / theirs.as_secs_f64());
        }
    }
    Ok(median(ratios))
}

async fn serve(tell: oneshot::Sender<(SocketAddr, SocketAddr)>) -> Outcome {
    let hub = MessageServer::bind().await?;
    let bridge = Bridge::to(&hub).await?;
    let client = MessageClient::connect(&hub).await?;
    let message = json!({"type": "subject", "subject": "119"});
    client.send_message(&message).await?;
    let text = message.to_string();
    let answer = move || {
        let answer = json!({"count": 1, "message": text, "cursor": "0123456789abcdef:1"});
        std::future::ready(Json::<Value>(answer))
    };
    let bare = TcpListener::bind("127.0.0.1:0").await?;
    let at = bare.local_addr()?;
    let _ = tell.send((bridge.local_addr(), at));
    axum::serve(bare, Router::new().route("/messages", get(answer))).await?;
    drop((bridge, client, hub));
    Ok(())
}

/// A connection that is kept.
struct Asker {
    buffer: Vec<u8>,
    request: String,
    stream: TcpStream,
}

impl Asker {
    async fn new(at: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        let request = format!("GET /messages HTTP/1.1\r\nhost: {at}\r\n\r\n");
        Ok(Self { buffer: vec![0; 4_096], request, stream })
    }

    async fn ask(&mut self, n_requests: usize) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..n_requests {
            self.stream.write_all(self.request.as_bytes()).await?;
            // The answer is small, and ends with its body.
            let mut read = 0;
            while !self.buffer[..read].ends_with(b"}") {
                match self.stream.read(&mut self.buffer[read..]).await? {
                    0 => return Err("the server closed the connection".into()),
                    n => read += n,
                }
            }
        }
        Ok(start.elapsed())
    }
}
