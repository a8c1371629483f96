//! What is measured, and what must be reached: one line each.

use gleis_benches::measure::Contestant;
use gleis_benches::raw::{self as tokio_raw, Copied};
use gleis_benches::sockets::{self, TCP};
use gleis_benches::{Cores, channels, many};

use crate::idle::{self, Actors};
use crate::{
    actors, agents, gleis, latency, libzmq, overhead, python, raw, rpc, std_raw, tarpc, zeromq,
};

/// One kind of work, done by several contestants that take turns.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    /// Messages of one turn.
    pub(crate) n: u64,
    /// What one message is counted as.
    pub(crate) counts: u64,
    pub(crate) shows: Shows,
    pub(crate) contestants: &'static [Contestant<'static>],
    pub(crate) goals: &'static [Goal],
}

/// What the table shows of one message.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Shows {
    /// What it holds in memory.
    Bytes,
    /// How many there are in a second.
    Rate,
    /// How long it takes.
    Time,
}

/// How fast gleis has to be beside another contestant.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// A message takes at most so many seconds.
    AtMost(f64),
    /// It holds at most so many bytes.
    BytesAtMost(f64),
    /// At least so many times its rate.
    Rate(&'static str, f64),
    /// At most so many times its time.
    Time(&'static str, f64),
    /// At most so many times its time, for its time of another size.
    Independent(&'static str, f64),
}

const GLEIS: &str = "gleis";
/// An agent without a supervisor.
const ALONE: &str = "gleis, alone";
/// A method in Rust, called by name as well.
const METHOD: &str = "gleis, method";
const LIBZMQ: &str = "libzmq";
/// The sockets that do the like of a channel.
const PLAIN: &str = "gleis, sockets";
const IPC: &str = "ipc://*";
/// Every message is a copy of its own.
const RAW: &str = "raw tokio";
const STD: &str = "raw std";
/// One prebuilt frame is written again and again.
const RAW_SAME: &str = "raw tokio, same bytes";

const OSBRAIN: &str = "osBrain";
const XBAHN: &str = "xbahn";
const TASK: &str = "tokio task with mpsc";
const STARTS: &[Contestant<'static>] = &[
    (GLEIS, || idle::start(Actors::Gleis)),
    (TASK, || idle::start(Actors::Task)),
    ("ractor", || idle::start(Actors::Ractor)),
    ("kameo", || idle::start(Actors::Kameo)),
];

macro_rules! push {
    ($name:literal, $size:expr, $n:expr, $($goal:expr),*) => {
        Work {
            name: $name,
            n: $n,
            counts: 1,
            shows: Shows::Rate,
            contestants: &[
                (GLEIS, || sockets::push($size)),
                (RAW, || tokio_raw::push($size, Copied::Fresh)),
                (RAW_SAME, || tokio_raw::push($size, Copied::Never)),
                (STD, || std_raw::fan_out(1, $size)),
                (LIBZMQ, || libzmq::push($size)),
                ("zeromq", || zeromq::push($size)),
            ],
            goals: &[$($goal),*],
        }
    };
}

macro_rules! publish {
    ($name:literal, $size:expr, $n:expr) => {
        Work {
            name: $name,
            n: $n,
            counts: 8,
            shows: Shows::Rate,
            contestants: &[
                (GLEIS, || sockets::publish(8, $size)),
                (RAW, || tokio_raw::fan_out(8, $size, Copied::Fresh)),
                (STD, || std_raw::fan_out(8, $size)),
                (LIBZMQ, || libzmq::publish(8, $size)),
            ],
            goals: &[Goal::Rate(LIBZMQ, 2.5)],
        }
    };
}

/// All work.
pub(crate) const WORK: &[Work] = &[
    Work {
        name: "round trip tcp, same core",
        n: 2_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, || sockets::request(64, Cores::One)),
            (RAW, || tokio_raw::round_trip(64, Cores::One)),
            (LIBZMQ, || libzmq::request(64, Cores::One)),
            ("zeromq", || zeromq::request(64, Cores::One)),
        ],
        goals: &[Goal::Time(RAW, 1.10), Goal::Time(LIBZMQ, 0.40)],
    },
    Work {
        name: "round trip tcp, same core, p99",
        n: 2_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, || sockets::request_over(TCP, 64, Cores::One, 0.99)),
            (RAW, || tokio_raw::round_trip_at(64, Cores::One, 0.99)),
            (LIBZMQ, || libzmq::request_over(libzmq::TCP, 64, Cores::One, 0.99)),
        ],
        goals: &[],
    },
    Work {
        name: "round trip tcp",
        n: 1_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, || sockets::request(64, Cores::Any)),
            (RAW, || tokio_raw::round_trip(64, Cores::Any)),
            (STD, || std_raw::round_trip(64, Cores::Any)),
            (LIBZMQ, || libzmq::request(64, Cores::Any)),
            ("zeromq", || zeromq::request(64, Cores::Any)),
        ],
        goals: &[],
    },
    Work {
        name: "round trip ipc",
        n: 1_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, || sockets::request_over(IPC, 64, Cores::Any, 0.5)),
            (LIBZMQ, || libzmq::request_over(libzmq::IPC, 64, Cores::Any, 0.5)),
        ],
        goals: &[],
    },
    Work {
        name: "round trip tcp beside 500,000 messages of 1 KiB a second, p99.9",
        n: 2_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[(GLEIS, latency::under_load), (RAW, latency::raw_under_load)],
        goals: &[Goal::Time(RAW, 3.0)],
    },
    Work {
        name: "longest round trip while 64 MiB leave by another connection",
        n: 3,
        counts: 1,
        shows: Shows::Time,
        contestants: &[(GLEIS, latency::beside_large)],
        goals: &[Goal::AtMost(0.064)],
    },
    Work {
        name: "from send to arrival, the caller computes 2 ms after each",
        n: 50,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, latency::computing),
            (LIBZMQ, libzmq::computing),
            ("zeromq", zeromq::computing),
        ],
        goals: &[Goal::AtMost(0.000_2)],
    },
    Work {
        name: "64 in flight from one task",
        n: 64_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[
            (GLEIS, || many::dealers_in_flight(64, 64)),
            ("gleis, requests", || many::in_flight(64, 64)),
            (STD, || std_raw::in_flight(64, 64)),
            (LIBZMQ, || libzmq::in_flight(64, 64)),
        ],
        goals: &[Goal::Rate(LIBZMQ, 4.0)],
    },
    Work {
        name: "64 awaiting callers",
        n: 64_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[
            (GLEIS, || many::callers(64, 64, Cores::Any)),
            (RAW, || raw::callers(64, 64, Cores::Any)),
            ("tarpc", || tarpc::callers(64, 64)),
        ],
        goals: &[Goal::Rate(RAW, 1.2), Goal::Rate("tarpc", 3.0)],
    },
    Work {
        name: "64 awaiting callers, two workers a side",
        n: 64_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[
            (GLEIS, || many::callers(64, 64, Cores::Workers)),
            (RAW, || raw::callers(64, 64, Cores::Workers)),
        ],
        goals: &[],
    },
    push!("push-pull 64 B", 64, 200_000, Goal::Rate(LIBZMQ, 2.0), Goal::Rate(RAW_SAME, 0.5)),
    Work {
        name: "push-pull of a typed struct, bincode",
        n: 100_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[(GLEIS, sockets::push_jobs), (LIBZMQ, || libzmq::push(64))],
        goals: &[Goal::Rate(LIBZMQ, 1.0)],
    },
    Work {
        name: "push-pull 64 B, two workers a side",
        n: 200_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[
            (GLEIS, || sockets::push_over(TCP, 64, Cores::Workers)),
            (RAW, || tokio_raw::fan_out_on(Cores::Workers, 1, 64, Copied::Fresh)),
        ],
        goals: &[],
    },
    Work {
        name: "push-pull 64 B, ipc",
        n: 200_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[
            (GLEIS, || sockets::push_over(IPC, 64, Cores::Any)),
            (LIBZMQ, || libzmq::push_over(libzmq::IPC, 64)),
        ],
        goals: &[],
    },
    push!("push-pull 1 KiB", 1 << 10, 50_000, Goal::Rate(RAW, 0.8), Goal::Rate(LIBZMQ, 1.7)),
    push!("push-pull 64 KiB", 64 << 10, 1_000, Goal::Rate(RAW, 0.8), Goal::Rate(LIBZMQ, 1.7)),
    push!("push-pull 1 MiB", 1 << 20, 100, Goal::Rate(RAW, 0.8), Goal::Rate(LIBZMQ, 1.7)),
    publish!("publish to 8, 64 B", 64, 20_000),
    publish!("publish to 8, 1 KiB", 1 << 10, 5_000),
    Work {
        name: "asynchronous requests, 64 in flight",
        n: 20_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, || channels::in_flight(64, 64)),
            (PLAIN, || channels::plain_in_flight(64, 64)),
        ],
        goals: &[Goal::Time(PLAIN, 1.2)],
    },
    Work {
        name: "synced publications to 8, 64 B",
        n: 10_000,
        counts: 8,
        shows: Shows::Rate,
        contestants: &[(GLEIS, || channels::publish(8, 64)), (PLAIN, || sockets::publish(8, 64))],
        goals: &[Goal::Time(PLAIN, 1.2)],
    },
    Work {
        name: "request_via_channel in one process",
        n: 5_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[(GLEIS, channels::via_channel)],
        goals: &[Goal::AtMost(0.000_005)],
    },
    Work {
        name: "request and reply in one process",
        n: 50_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, sockets::request_in_process),
            ("tokio mpsc + oneshot", tokio_raw::ask_in_process),
            ("ractor", actors::ractor_call),
            ("kameo", actors::kameo_ask),
            (LIBZMQ, libzmq::request_in_process),
        ],
        goals: &[Goal::Time("tokio mpsc + oneshot", 1.5), Goal::Time("ractor", 1.0)],
    },
    Work {
        name: "push-pull in one process, 1 MiB",
        n: 50_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, || gleis::push_in_process(1 << 20)),
            ("gleis, 64 B", || gleis::push_in_process(64)),
            ("tokio mpsc, 64 B", || tokio_raw::push_in_process(64)),
        ],
        goals: &[Goal::Independent("gleis, 64 B", 1.25)],
    },
    Work {
        name: "call by name, same core",
        n: 1_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, || rpc::call(Cores::One)),
            (PLAIN, || sockets::request(64, Cores::One)),
        ],
        goals: &[Goal::Time(PLAIN, 1.3)],
    },
    Work {
        name: "call by name, 64 awaiting callers",
        n: 16_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[
            (GLEIS, || rpc::callers(64)),
            (PLAIN, || many::callers(64, 64, Cores::Any)),
            ("tarpc", || tarpc::callers(64, 64)),
        ],
        goals: &[Goal::Rate("tarpc", 2.5), Goal::Rate(PLAIN, 0.8)],
    },
    Work {
        name: "call by name, beside xbahn",
        n: 2_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[(GLEIS, || rpc::call(Cores::Any)), (XBAHN, python::xbahn)],
        goals: &[],
    },
    Work {
        name: "agent asks agent",
        n: 50_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, agents::ask),
            ("ractor", actors::ractor_call),
            ("kameo", actors::kameo_ask),
        ],
        goals: &[Goal::Time("ractor", 1.0)],
    },
    Work {
        name: "agent is told",
        n: 50_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[(GLEIS, agents::tell), ("kameo", actors::kameo_tell)],
        goals: &[Goal::Time("kameo", 1.0)],
    },
    Work {
        name: "agent is asked by name over tcp, same core",
        n: 2_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[(GLEIS, agents::ask_remote), (PLAIN, || sockets::request(64, Cores::One))],
        goals: &[Goal::Time(PLAIN, 1.3)],
    },
    Work {
        name: "agent with a supervisor is asked",
        n: 50_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[(GLEIS, overhead::ask_supervised), (ALONE, agents::ask)],
        goals: &[Goal::Time(ALONE, 1.03)],
    },
    Work {
        name: "script of an agent is called by name",
        n: 20_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[(GLEIS, overhead::call_script), (METHOD, overhead::call_method)],
        goals: &[Goal::Time(METHOD, 20.0)],
    },
    Work {
        name: "1,000 agents start",
        n: 1_000,
        counts: 1,
        shows: Shows::Time,
        contestants: STARTS,
        goals: &[Goal::Time(TASK, 4.0)],
    },
    Work {
        name: "100,000 agents start",
        n: 100_000,
        counts: 1,
        shows: Shows::Time,
        contestants: STARTS,
        goals: &[],
    },
    Work {
        name: "1,000 idle agents",
        n: 1_000,
        counts: 1,
        shows: Shows::Bytes,
        contestants: &[
            (GLEIS, || idle::memory(Actors::Gleis)),
            (TASK, || idle::memory(Actors::Task)),
            ("ractor", || idle::memory(Actors::Ractor)),
            ("kameo", || idle::memory(Actors::Kameo)),
        ],
        goals: &[Goal::BytesAtMost(5.0 * 1024.0)],
    },
    Work {
        name: "50 agents start, beside osBrain",
        n: 50,
        counts: 1,
        shows: Shows::Time,
        contestants: &[
            (GLEIS, || idle::start(Actors::Gleis)),
            (OSBRAIN, || python::osbrain("start")),
        ],
        goals: &[],
    },
    Work {
        name: "20 idle agents, beside osBrain",
        n: 20,
        counts: 1,
        shows: Shows::Bytes,
        contestants: &[
            (GLEIS, || idle::memory(Actors::Gleis)),
            (OSBRAIN, || python::osbrain("memory")),
        ],
        goals: &[],
    },
    Work {
        name: "agent is asked by name, beside osBrain",
        n: 2_000,
        counts: 1,
        shows: Shows::Time,
        contestants: &[(GLEIS, agents::ask_remote), (OSBRAIN, || python::osbrain("call"))],
        goals: &[],
    },
    Work {
        name: "agent pushes 64 B to agent, beside osBrain",
        n: 50_000,
        counts: 1,
        shows: Shows::Rate,
        contestants: &[(GLEIS, agents::push), (OSBRAIN, || python::osbrain("push"))],
        goals: &[],
    },
];

impl Goal {
    /// Beside whom gleis is judged, if beside anybody.
    pub(crate) fn other(self) -> Option<&'static str> {
        match self {
            Self::AtMost(_) | Self::BytesAtMost(_) => None,
            Self::Independent(it, _) | Self::Rate(it, _) | Self::Time(it, _) => Some(it),
        }
    }

    /// What gleis reached, of seconds a message each, and whether that is enough.
    pub(crate) fn judge(self, gleis: f64, other: f64) -> (f64, bool) {
        match self {
            Self::AtMost(most) | Self::BytesAtMost(most) => (gleis, gleis <= most),
            Self::Rate(_, least) => (other / gleis, least <= other / gleis),
            Self::Independent(_, most) | Self::Time(_, most) => {
                (gleis / other, gleis / other <= most)
            }
        }
    }

    /// What was reached and what has to be.
    pub(crate) fn show(self, reached: f64) -> String {
        match self {
            Self::AtMost(most) => format!("{:.0} us (goal <= {:.0} us)", reached * 1e6, most * 1e6),
            Self::BytesAtMost(most) => format!("{reached:.0} bytes (goal <= {most:.0} bytes)"),
            Self::Rate(_, least) => format!("{reached:.2} (goal >= {least:.2})"),
            Self::Independent(_, most) | Self::Time(_, most) => {
                format!("{reached:.2} (goal <= {most:.2})")
            }
        }
    }
}
