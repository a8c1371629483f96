//! The figures that have goals, as ratios: all rigs of a line take turns within one run.

#![expect(clippy::print_stdout, reason = "it is there to print")]

use gleis_benches::measure::{count, is_smoke, medians};
use gleis_benches::raw::{self, Copied};
use gleis_benches::{Cores, links, rig, sockets};

const MICROS: f64 = 1e6;
const NANOS: f64 = 1e9;
const MILLIONS_PER_SECOND: f64 = 1e-6;

fn main() {
    if !rig::can_pin() {
        println!("threads cannot be put on a core here: the round trips are not comparable");
    }
    round_trip();
    push();
    request_in_process();
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
    let [gleis, link, raw] = medians(rounds(151), count(500), rigs);
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
    let [gleis, link, raw, reused] = medians(rounds(25), count(200_000), rigs);
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
    let [gleis, raw] = medians(rounds(51), count(5_000), rigs);
    println!(
        "ratio: request-reply in process  gleis {:.0} ns, mpsc + oneshot {:.0} ns, {:.2} x \
         (goal <= 3 x mpsc + oneshot)",
        gleis * NANOS,
        raw * NANOS,
        gleis / raw,
    );
}
