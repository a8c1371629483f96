//! What the standard library can do: blocking threads, nothing but bytes with a length before them.

use std::io::{BufReader, BufWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use gleis_benches::Load;
use gleis_benches::load::is_last;
use gleis_benches::rig::{Confirm, Cores, Ready, Rig, confirmation};

const BUFFER: usize = 64 << 10;

fn listen(ready: Ready<SocketAddr>) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    ready.tell(listener.local_addr()?);
    Ok(listener)
}

fn connect(at: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn buffered(stream: TcpStream) -> std::io::Result<(BufReader<TcpStream>, BufWriter<TcpStream>)> {
    stream.set_nodelay(true)?;
    let read = BufReader::with_capacity(BUFFER, stream.try_clone()?);
    Ok((read, BufWriter::with_capacity(BUFFER, stream)))
}

fn write(into: &mut impl Write, body: &[u8]) -> std::io::Result<()> {
    into.write_all(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes())?;
    into.write_all(body)
}

fn read(from: &mut impl Read, body: &mut [u8]) -> std::io::Result<()> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    from.read_exact(&mut body[..u32::from_be_bytes(len) as usize])
}

/// One message there and back, again and again.
pub(crate) fn round_trip(size: usize, cores: Cores) -> Rig {
    Rig::pair(
        cores,
        async move |ready| {
            let (mut stream, _) = listen(ready)?.accept()?;
            stream.set_nodelay(true)?;
            let mut body = vec![0; size];
            loop {
                stream.read_exact(&mut body)?;
                stream.write_all(&body)?;
            }
        },
        async move |mut turns, at| {
            let (mut stream, mut body, mut times) = (connect(at)?, vec![7; size], Vec::new());
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    stream.write_all(&body)?;
                    stream.read_exact(&mut body)?;
                    times.push(start.elapsed());
                }
                turns.done_each(&mut times);
            }
            Ok(())
        },
    )
}

/// There and back with `window` messages in flight; whoever has nothing to read writes what waits.
pub(crate) fn in_flight(size: usize, window: u64) -> Rig {
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let (mut from, mut into) = buffered(listen(ready)?.accept()?.0)?;
            let mut body = vec![0; size];
            loop {
                read(&mut from, &mut body)?;
                write(&mut into, &body)?;
                if from.buffer().is_empty() {
                    into.flush()?;
                }
            }
        },
        async move |mut turns, at| {
            let (mut from, mut into) = buffered(connect(at)?)?;
            let (load, mut body) = (Load::new(size), vec![0; size]);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for i in 0..n + window {
                    if window <= i {
                        if from.buffer().is_empty() {
                            into.flush()?;
                        }
                        read(&mut from, &mut body)?;
                    }
                    if i < n {
                        write(&mut into, &load.message())?;
                    }
                }
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

/// Messages to `n_receivers` at once, each a fresh copy, written and read 64 KiB at a time.
pub(crate) fn fan_out(n_receivers: usize, size: usize) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let listener = listen(ready)?;
            let receive = |_| {
                let (stream, confirm) = (listener.accept()?.0, confirm.clone());
                Ok(std::thread::spawn(move || receive(stream, size, &confirm)))
            };
            let receivers: std::io::Result<Vec<_>> = (0..n_receivers).map(receive).collect();
            for receiver in receivers? {
                receiver.join().map_err(|_| "a receiver panicked")??;
            }
            Ok(())
        },
        async move |mut turns, at| {
            let stream = |_| Ok(BufWriter::with_capacity(BUFFER, connect(at)?));
            let mut streams: Vec<_> =
                (0..n_receivers).map(stream).collect::<std::io::Result<_>>()?;
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    let fresh = message.to_vec();
                    streams.iter_mut().try_for_each(|it| write(it, &fresh))?;
                }
                streams.iter_mut().try_for_each(Write::flush)?;
                confirmed.wait(n_receivers).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

fn receive(stream: TcpStream, size: usize, confirm: &Confirm) -> std::io::Result<()> {
    let (mut from, _) = buffered(stream)?;
    let mut body = vec![0; size];
    loop {
        read(&mut from, &mut body)?;
        if is_last(&body) {
            confirm.tell();
        }
    }
}
