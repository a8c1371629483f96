//! Messages to frames and back, in memory.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use criterion::{Criterion, Throughput};
use gleis_benches::{Load, frames, measure};
use gleis_zmtp::Head;

/// The sizes of messages, and how many of them make up a buffer.
const SIZES: [(&str, usize, u64); 3] =
    [("64", 64, 1_000), ("1Ki", 1 << 10, 64), ("64Ki", 64 << 10, 1)];

fn main() {
    let mut criterion = measure::criterion();
    for (name, size, n_messages) in SIZES {
        encode(&mut criterion, name, &Head::new(), size, n_messages);
        decode(&mut criterion, name, &Head::new(), size, n_messages);
    }
    // As a request has them: its id and an empty frame.
    let head = Head::copied([b"12345678", b""]);
    encode(&mut criterion, "3-frames", &head, 64, 1_000);
    decode(&mut criterion, "3-frames", &head, 64, 1_000);
    criterion.final_summary();
}

fn encode(criterion: &mut Criterion, name: &str, head: &Head, size: usize, n_messages: u64) {
    let (_, encoder) = frames::session().expect("two sessions greet each other");
    let load = Load::new(size);
    let mut out = BytesMut::new();
    let mut group = criterion.benchmark_group(format!("zmtp/encode/{name}"));
    group.throughput(Throughput::Elements(n_messages));
    group.bench_function("gleis", |bencher| {
        bencher.iter(|| {
            out.clear();
            for message in load.turn(n_messages) {
                encoder.message(head, black_box(message), &mut out);
            }
            out.len()
        });
    });
    group.finish();
}

fn decode(criterion: &mut Criterion, name: &str, head: &Head, size: usize, n_messages: u64) {
    let (mut session, encoder) = frames::session().expect("two sessions greet each other");
    let frames = frames::encoded_behind(&encoder, head, size, n_messages);
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
