//! Readers of events to whom nothing is said.

use std::process::Stdio;

use gleis_benches::process::resident;
use gleis_benches::rig::Outcome;
use gleis_bridge::Bridge;
use gleis_broker::MessageServer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::Effort;

/// The argument of the process that serves.
pub(super) const SERVE: &str = "serve-idle";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What one of them costs the process of the bridge, in bytes.
pub(super) async fn bytes(effort: Effort) -> Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(SERVE).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut server = command.spawn()?;
    let pid = server.id().ok_or("the server ended")?;
    let lines = server.stdout.take().ok_or("no output")?;
    let at = BufReader::new(lines).lines().next_line().await?.ok_or("no address")?;
    // A few first: what the first ones cost is not theirs.
    let mut readers = Vec::new();
    for _ in 0..10 {
        readers.push(reader(&at).await?);
    }
    let before = resident(pid);
    for _ in 0..effort.idle {
        readers.push(reader(&at).await?);
    }
    Ok((resident(pid) - before) / effort.idle as f64)
}

/// One that has heard that the bridge knows of it.
async fn reader(at: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(at).await?;
    stream.write_all(format!("GET /events HTTP/1.1\r\nhost: {at}\r\n\r\n").as_bytes()).await?;
    let mut buffer = [0; 1_024];
    let mut heard = Vec::new();
    while !heard.windows(5).any(|it| it == b"hello") {
        match stream.read(&mut buffer).await? {
            0 => return Err("the bridge closed a connection".into()),
            n => heard.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(stream)
}

/// The other process: until its input ends.
pub(super) async fn serve() -> Outcome {
    gleis_benches::process::raise_files();
    let hub = MessageServer::bind().await?;
    let bridge = Bridge::to(&hub).await?;
    println!("{}", bridge.local_addr());
    let mut nothing = Vec::new();
    tokio::io::stdin().read_to_end(&mut nothing).await?;
    Ok(())
}
