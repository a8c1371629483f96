//! Sockets, beside raw tokio doing the same.

use gleis_benches::raw::{self, Copied};
use gleis_benches::{Cores, many, measure, sockets};

/// How many subscribers are published to.
const SUBSCRIBERS: usize = 8;

fn main() {
    let mut criterion = measure::criterion();
    measure::compare(
        &mut criterion,
        "patterns/push/64",
        100_000,
        [("gleis tcp", || sockets::push(64)), ("raw tokio", || raw::push(64, Copied::Fresh))],
    );
    measure::compare(
        &mut criterion,
        "patterns/push/job",
        50_000,
        [("gleis tcp, bincode", sockets::push_jobs)],
    );
    measure::compare(
        &mut criterion,
        "patterns/request/64",
        1_000,
        [
            ("gleis tcp", || sockets::request(64, Cores::One)),
            ("raw tokio", || raw::round_trip(64, Cores::One)),
        ],
    );
    measure::compare(
        &mut criterion,
        "patterns/request-inproc/u64",
        20_000,
        [
            ("gleis inproc", sockets::request_in_process),
            ("tokio mpsc + oneshot", raw::ask_in_process),
        ],
    );
    measure::compare(
        &mut criterion,
        "patterns/publish-to-8/64",
        10_000,
        [
            ("gleis tcp", || sockets::publish(SUBSCRIBERS, 64)),
            ("raw tokio", || raw::fan_out(SUBSCRIBERS, 64, Copied::Fresh)),
        ],
    );
    measure::compare(
        &mut criterion,
        "patterns/publish-to-1/64",
        10_000,
        [("gleis tcp", || sockets::publish(1, 64))],
    );
    measure::compare(
        &mut criterion,
        "patterns/publish-by-prefix/64",
        10_000,
        [
            ("1 prefix", || many::publish_by_prefix(64, 1)),
            ("1,000 prefixes", || many::publish_by_prefix(64, 1_000)),
        ],
    );
    measure::compare(
        &mut criterion,
        "patterns/64-in-flight/64",
        10_000,
        [
            ("dealer to router", || many::dealers_in_flight(64, 64)),
            ("requester to replier", || many::in_flight(64, 64)),
        ],
    );
    measure::compare(
        &mut criterion,
        "patterns/dealer-router/64",
        1_000,
        [("gleis tcp", || many::dealers_in_flight(64, 1))],
    );
    measure::compare(
        &mut criterion,
        "patterns/64-callers/64",
        10_000,
        [("gleis tcp", || many::callers(64, 64, Cores::Any))],
    );
    criterion.final_summary();
}
