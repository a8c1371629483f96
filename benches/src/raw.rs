//! What tokio can do without us: the work is the same, every message is a fresh copy.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::load::{Load, is_last};
use crate::rig::{Confirm, Cores, Ready, Rig, confirmation, in_task};

const BUFFER: usize = 64 << 10;
/// What a queue in this process holds: the high-water mark of our sockets.
const QUEUE: usize = 1_000;

/// What the sender of [`push`] writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Copied {
    /// A fresh copy of each message, as an application has one.
    Fresh,
    /// The same bytes again and again, which no library can match.
    Never,
}

/// Length-prefixed messages over tcp, written and read 64 KiB at a time.
pub fn push(size: usize, copied: Copied) -> Rig {
    fan_out(1, size, copied)
}

/// The same to `n_receivers` at once.
pub fn fan_out(n_receivers: usize, size: usize, copied: Copied) -> Rig {
    fan_out_on(Cores::Any, n_receivers, size, copied)
}

/// The same on other runtimes.
pub fn fan_out_on(cores: Cores, n_receivers: usize, size: usize, copied: Copied) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    Rig::pair(
        cores,
        async move |ready| {
            let listener = listen(ready).await?;
            let mut receivers = JoinSet::new();
            for _ in 0..n_receivers {
                let (stream, _) = listener.accept().await?;
                receivers.spawn(receive(stream, confirm.clone(), size));
            }
            receivers.join_all().await;
            Ok(())
        },
        async move |mut turns, at| {
            let mut streams = Vec::new();
            for _ in 0..n_receivers {
                streams.push(BufWriter::with_capacity(BUFFER, connect(at).await?));
            }
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    write_to_all(&mut streams, message, copied).await?;
                }
                for stream in &mut streams {
                    stream.flush().await?;
                }
                confirmed.wait(n_receivers).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

async fn write_to_all(
    streams: &mut [BufWriter<TcpStream>],
    message: &[u8],
    copied: Copied,
) -> std::io::Result<()> {
    let fresh;
    let body = match copied {
        Copied::Fresh => {
            fresh = Bytes::copy_from_slice(message);
            &fresh[..]
        }
        Copied::Never => message,
    };
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    for stream in streams {
        stream.write_u32(len).await?;
        stream.write_all(body).await?;
    }
    Ok(())
}

async fn receive(stream: TcpStream, confirm: Confirm, size: usize) -> std::io::Result<()> {
    let mut stream = BufReader::with_capacity(BUFFER, stream);
    let mut body = vec![0; size];
    loop {
        let len = stream.read_u32().await? as usize;
        stream.read_exact(&mut body[..len]).await?;
        if is_last(&body) {
            confirm.tell();
        }
    }
}

/// One message there and back over tcp, again and again.
pub fn round_trip(size: usize, cores: Cores) -> Rig {
    round_trip_at(size, cores, 0.5)
}

/// The same; each turn tells this quantile.
pub fn round_trip_at(size: usize, cores: Cores, quantile: f64) -> Rig {
    Rig::pair(
        cores,
        async move |ready| {
            let (mut stream, _) = listen(ready).await?.accept().await?;
            stream.set_nodelay(true)?;
            let mut body = vec![0; size];
            loop {
                stream.read_exact(&mut body).await?;
                stream.write_all(&body).await?;
            }
        },
        async move |mut turns, at| {
            let mut stream = connect(at).await?;
            let mut body = vec![7; size];
            let mut times = Vec::new();
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    stream.write_all(&body).await?;
                    stream.read_exact(&mut body).await?;
                    times.push(start.elapsed());
                }
                turns.done_quantile(&mut times, quantile);
            }
            Ok(())
        },
    )
}

/// A question over an mpsc queue and its answer over a oneshot, between two tasks of one thread.
pub fn ask_in_process() -> Rig {
    Rig::alone(async |mut turns| {
        let (ask, mut asked) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(QUEUE);
        let _server = tokio::spawn(async move {
            while let Some((question, answer)) = asked.recv().await {
                // Whoever asked waits.
                let _ = answer.send(question + 1);
            }
        });
        while let Some(n) = turns.next().await {
            let ask = ask.clone();
            let asked = in_task(async move {
                for question in 0..n {
                    let (answer, answered) = oneshot::channel();
                    ask.send((question, answer)).await.map_err(|it| it.to_string())?;
                    answered.await.map_err(|it| it.to_string())?;
                }
                Ok::<_, String>(())
            });
            turns.done(asked.await?);
        }
        Ok(())
    })
}

/// Messages through an mpsc queue, between two tasks of one thread.
pub fn push_in_process(size: usize) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    Rig::alone(async move |mut turns| {
        let (send, mut sent) = mpsc::channel::<Bytes>(QUEUE);
        let _receiver = tokio::spawn(async move {
            while let Some(message) = sent.recv().await {
                if is_last(&message) {
                    confirm.tell();
                }
            }
        });
        let load = Load::new(size);
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            for message in load.turn(n) {
                send.send(Bytes::copy_from_slice(message)).await?;
            }
            confirmed.wait(1).await?;
            turns.done(start.elapsed());
        }
        Ok(())
    })
}

async fn listen(ready: Ready<SocketAddr>) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    ready.tell(listener.local_addr()?);
    Ok(listener)
}

async fn connect(at: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
