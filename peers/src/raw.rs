//! Requests over one connection, written by hand on tokio: what an application would do by itself.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Instant;

use gleis_benches::Load;
use gleis_benches::rig::{Cores, Outcome, Ready, Rig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// An id and a length before each body.
const HEADER: usize = 8;
const BUFFER: usize = 64 << 10;

type Waiting = Arc<Mutex<Vec<Option<oneshot::Sender<Vec<u8>>>>>>;

async fn echo(ready: Ready<std::net::SocketAddr>) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    ready.tell(listener.local_addr()?);
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let (mut read, mut write) =
        (BufReader::with_capacity(BUFFER, read), BufWriter::with_capacity(BUFFER, write));
    loop {
        let (id, body) = read_one(&mut read).await?;
        write.write_all(&header(id, body.len())).await?;
        write.write_all(&body).await?;
        if read.buffer().is_empty() {
            write.flush().await?;
        }
    }
}

fn header(id: u32, len: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&id.to_be_bytes());
    header[4..].copy_from_slice(&(len as u32).to_be_bytes());
    header
}

async fn read_one(read: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<(u32, Vec<u8>)> {
    let (id, len) = (read.read_u32().await?, read.read_u32().await?);
    let mut body = vec![0; len as usize];
    read.read_exact(&mut body).await?;
    Ok((id, body))
}

/// `n_callers` tasks, each of which awaits its answer: one task writes what is queued, one reads.
pub(crate) fn callers(size: usize, n_callers: u64, cores: Cores) -> Rig {
    Rig::pair(cores, echo, async move |mut turns, at| {
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let waiting: Waiting = Arc::default();
        waiting.lock().map_err(|_| "poisoned")?.resize_with(n_callers as usize, || None);
        let (queue, queued) = mpsc::channel(1_024);
        let mut tasks = JoinSet::new();
        tasks.spawn(write_all(queued, BufWriter::with_capacity(BUFFER, write)));
        tasks.spawn(read_all(waiting.clone(), BufReader::with_capacity(BUFFER, read)));
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            let mut callers = JoinSet::new();
            for id in 0..n_callers {
                let (queue, waiting, load) = (queue.clone(), waiting.clone(), Load::new(size));
                callers.spawn(async move {
                    for _ in 0..n / n_callers {
                        let (tell, told) = oneshot::channel();
                        if let Ok(mut waiting) = waiting.lock() {
                            waiting[id as usize] = Some(tell);
                        }
                        queue.send((id as u32, load.message())).await.map_err(|_| "ended")?;
                        told.await.map_err(|_| "lost")?;
                    }
                    Ok::<_, &str>(())
                });
            }
            while let Some(done) = callers.join_next().await {
                done??;
            }
            turns.done(start.elapsed());
        }
        Ok(())
    })
}

async fn write_all(
    mut queued: mpsc::Receiver<(u32, bytes::Bytes)>,
    mut write: BufWriter<tokio::net::tcp::OwnedWriteHalf>,
) {
    let mut batch = Vec::new();
    while 0 < queued.recv_many(&mut batch, 512).await {
        for (id, body) in batch.drain(..) {
            let written = async {
                write.write_all(&header(id, body.len())).await?;
                write.write_all(&body).await
            };
            if written.await.is_err() {
                return;
            }
        }
        if write.flush().await.is_err() {
            return;
        }
    }
}

async fn read_all(waiting: Waiting, mut read: BufReader<tokio::net::tcp::OwnedReadHalf>) {
    while let Ok((id, body)) = read_one(&mut read).await {
        let teller = waiting.lock().ok().and_then(|mut it| it.get_mut(id as usize)?.take());
        if let Some(teller) = teller {
            // The caller may be gone at the end.
            let _ = teller.send(body);
        }
    }
}
