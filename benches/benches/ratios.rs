//! The figures that have goals, as ratios: all rigs of a line take turns within one run.

#![expect(clippy::print_stdout, reason = "it is there to print")]

use gleis_benches::measure::{count, is_smoke, medians};
use gleis_benches::raw::{self, Copied};
use gleis_benches::{Cores, channels, links, rig, sockets};

const MICROS: f64 = 1e6;
const NANOS: f64 = 1e9;
const MILLIONS_PER_SECOND: f64 = 1e-6;

/// The lines, by the names to ask for them.
const LINES: [(&str, fn()); 4] = [
    ("round-trip", round_trip),
    ("push", push),
    ("in-process", request_in_process),
    ("channels", over_channels),
];

fn main() {
    if !rig::can_pin() {
        println!("threads cannot be put on a core here: the round trips are not comparable");
    }
    // By default all lines; `cargo bench --bench ratios -- push` prints one.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    for (name, print) in LINES {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            print();
        }
    }
}

fn rounds(n: usize) -> usize {
    if is_smoke() { 1 } else { n }
}

fn round_trip() {
    let rigs = [
        sockets::request(64, Cores::One),
        links::round_trip(64, Cores::One),
        raw::round_trip(64, Cores::One),
    ];
    let [gleis, link, raw] = medians(rounds(61), count(2_000), rigs);
    println!(
        "ratio: round trip tcp, one core  gleis {:.2} us, raw tokio {:.2} us, {:.2} x (goal <= 1.3); \
         connection alone {:.2} us, {:.2} x",
        gleis * MICROS,
        raw * MICROS,
        gleis / raw,
        link * MICROS,
        link / raw,
    );
}

fn push() {
    let rigs = [
        sockets::push(64),
        links::push(64),
        raw::push(64, Copied::Fresh),
        raw::push(64, Copied::Never),
    ];
    let [gleis, link, raw, reused] = medians(rounds(51), count(100_000), rigs);
    let rate = |seconds: f64| MILLIONS_PER_SECOND / seconds;
    println!(
        "ratio: push-pull 64 B  gleis {:.2} M/s, raw tokio {:.2} M/s, {:.1}/24 of it \
         (goal >= 4/24 of raw); raw tokio without copies {:.2} M/s, {:.1}/24 of it; \
         connection alone {:.2} M/s",
        rate(gleis),
        rate(raw),
        24.0 * raw / gleis,
        rate(reused),
        24.0 * reused / gleis,
        rate(link),
    );
}

fn request_in_process() {
    let rigs = [sockets::request_in_process(), raw::ask_in_process()];
    let [gleis, raw] = medians(rounds(601), count(1_000), rigs);
    println!(
        "ratio: request-reply in process  gleis {:.0} ns, mpsc + oneshot {:.0} ns, {:.2} x \
         (goal <= 3 x mpsc + oneshot)",
        gleis * NANOS,
        raw * NANOS,
        gleis / raw,
    );
}

fn over_channels() {
    let rigs = [channels::in_flight(64, 64), channels::plain_in_flight(64, 64)];
    let [asked, plain] = medians(rounds(31), count(20_000), rigs);
    println!(
        "ratio: asynchronous requests, 64 in flight  {:.2} us, request-reply {:.2} us, {:.2} x \
         (goal <= 1.2)",
        asked * MICROS,
        plain * MICROS,
        asked / plain,
    );
    let rigs = [channels::publish(8, 64), sockets::publish(8, 64)];
    let [synced, plain] = medians(rounds(31), count(10_000), rigs);
    println!(
        "ratio: synced publications to 8, 64 B  {:.2} us, publish-subscribe {:.2} us, {:.2} x \
         (goal <= 1.2)",
        synced * MICROS,
        plain * MICROS,
        synced / plain,
    );
    let [via] = medians(rounds(31), count(5_000), [channels::via_channel()]);
    println!("ratio: request_via_channel in process  {:.2} us (goal < 5 us)", via * MICROS);
}
