//! Messages to frames and back, in memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use criterion::{Criterion, Throughput};
use gleis_benches::{Load, measure};
use gleis_zmtp::{Config, Encoder, Error, Event, Session, SocketType};

/// The sizes of messages, and how many of them make up a buffer.
const SIZES: [(&str, usize, u64); 2] = [("64", 64, 1_000), ("64Ki", 64 << 10, 1)];

fn main() {
    let mut criterion = measure::criterion();
    for (name, size, n_messages) in SIZES {
        encode(&mut criterion, name, size, n_messages);
        decode(&mut criterion, name, size, n_messages);
    }
    criterion.final_summary();
}

fn encode(criterion: &mut Criterion, name: &str, size: usize, n_messages: u64) {
    let (_, encoder) = session().expect("two sessions greet each other");
    let load = Load::new(size);
    let mut out = BytesMut::new();
    let mut group = criterion.benchmark_group(format!("zmtp/encode/{name}"));
    group.throughput(Throughput::Elements(n_messages));
    group.bench_function("gleis", |bencher| {
        bencher.iter(|| {
            out.clear();
            for message in load.turn(n_messages) {
                encoder.message(&[], black_box(message), &mut out);
            }
            out.len()
        });
    });
    group.finish();
}

fn decode(criterion: &mut Criterion, name: &str, size: usize, n_messages: u64) {
    let (mut session, encoder) = session().expect("two sessions greet each other");
    let mut frames = BytesMut::new();
    for message in Load::new(size).turn(n_messages) {
        encoder.message(&[], message, &mut frames);
    }
    let now = Instant::now();
    // As the reader of a connection does it: one buffer, used again once all slices are gone.
    let mut input = BytesMut::new();
    let mut group = criterion.benchmark_group(format!("zmtp/decode/{name}"));
    group.throughput(Throughput::Elements(n_messages));
    group.bench_function("gleis", |bencher| {
        bencher.iter_custom(|turns| {
            let mut time = Duration::ZERO;
            for _ in 0..turns {
                input.extend_from_slice(&frames);
                let start = Instant::now();
                while let Ok(Some(event)) = session.poll_event(now, &mut input) {
                    black_box(event);
                }
                time += start.elapsed();
            }
            time
        });
    });
    group.finish();
}

/// A PULL session after the greeting, and the encoder of the PUSH session it talks to.
fn session() -> Result<(Session, Encoder), Error> {
    let now = Instant::now();
    let mut push = Session::new(Config::new(SocketType::Push), now);
    let mut pull = Session::new(Config::new(SocketType::Pull), now);
    let (mut to_pull, mut to_push) = (BytesMut::new(), BytesMut::new());
    let mut n_ready = 0;
    while n_ready < 2 {
        push.poll_transmit(&mut to_pull);
        pull.poll_transmit(&mut to_push);
        let events = [push.poll_event(now, &mut to_push)?, pull.poll_event(now, &mut to_pull)?];
        n_ready += events.iter().filter(|it| matches!(it, Some(Event::Ready))).count();
    }
    Ok((pull, push.encoder()))
}
