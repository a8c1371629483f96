//! Connections, beside raw tokio doing the same.

use gleis_benches::raw::{self, Copied};
use gleis_benches::{Cores, links, measure};

const IPC: &str = "ipc://*";

fn main() {
    let mut criterion = measure::criterion();
    measure::compare(
        &mut criterion,
        "transport/round-trip/64",
        1_000,
        [
            ("gleis tcp", || links::round_trip(64, Cores::One)),
            ("gleis ipc", || links::round_trip_over(IPC, 64, Cores::One)),
            ("raw tokio", || raw::round_trip(64, Cores::One)),
        ],
    );
    measure::compare(
        &mut criterion,
        "transport/round-trip/1Ki",
        1_000,
        [
            ("gleis tcp", || links::round_trip(1 << 10, Cores::One)),
            ("raw tokio", || raw::round_trip(1 << 10, Cores::One)),
        ],
    );
    measure::compare(
        &mut criterion,
        "transport/round-trip/64Ki",
        200,
        [
            ("gleis tcp", || links::round_trip(64 << 10, Cores::One)),
            ("raw tokio", || raw::round_trip(64 << 10, Cores::One)),
        ],
    );
    measure::compare(
        &mut criterion,
        "transport/push/64",
        100_000,
        [
            ("gleis tcp", || links::push(64)),
            ("gleis ipc", || links::push_over(IPC, 64)),
            ("raw tokio", || raw::push(64, Copied::Fresh)),
            ("gleis inproc", || links::push_in_process(64)),
            ("tokio mpsc", || raw::push_in_process(64)),
        ],
    );
    measure::compare(
        &mut criterion,
        "transport/push/1Ki",
        20_000,
        [
            ("gleis tcp", || links::push(1 << 10)),
            ("raw tokio", || raw::push(1 << 10, Copied::Fresh)),
        ],
    );
    measure::compare(
        &mut criterion,
        "transport/push/64Ki",
        500,
        [
            ("gleis tcp", || links::push(64 << 10)),
            ("raw tokio", || raw::push(64 << 10, Copied::Fresh)),
            ("gleis inproc", || links::push_in_process(64 << 10)),
            ("tokio mpsc", || raw::push_in_process(64 << 10)),
        ],
    );
    measure::compare(
        &mut criterion,
        "transport/push/1Mi",
        50,
        [
            ("gleis tcp", || links::push(1 << 20)),
            ("raw tokio", || raw::push(1 << 20, Copied::Fresh)),
        ],
    );
    criterion.final_summary();
}
