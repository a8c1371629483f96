//! Many connections, and too many.

use std::net::TcpStream;

use gleis_patterns::{Event, Pull, Push};
use tokio::runtime::Handle;

use super::alone::{Part, task};
use crate::support::{soon, until};

const TCP: &str = "tcp://127.0.0.1:0";

#[tokio::test(flavor = "multi_thread")]
async fn without_file_descriptors_accepting_backs_off_and_recovers() {
    if !cfg!(unix) {
        return;
    }
    Part::start_with_files(48, "faults::crowd::with_few_files", "go").succeeds().await;
}

#[tokio::test]
#[ignore = "a part of another test"]
async fn with_few_files() {
    if task().is_none() {
        return;
    }
    let pull = Pull::<u32>::bind(TCP).await.unwrap();
    let mut events = pull.events();
    let at = pull.endpoint().to_string();
    let connect = || TcpStream::connect(at.strip_prefix("tcp://").unwrap());
    let crowd: Vec<_> = std::iter::from_fn(|| connect().ok()).collect();
    let start = std::time::Instant::now();
    let mut n_failed = 0;
    while n_failed < 5 {
        let event = soon(events.recv()).await.unwrap();
        n_failed += u32::from(matches!(event, Event::AcceptFailed { .. }));
    }
    // Waits of 20, 40, 80 and 160 ms lie between five attempts.
    assert!(std::time::Duration::from_millis(300) <= start.elapsed(), "{:?}", start.elapsed());
    drop(crowd);
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    soon(push.send(7)).await.unwrap();
    assert_eq!(soon(pull.recv()).await.unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_leave_no_memory_no_task_and_no_file() {
    Part::start("faults::crowd::ten_thousand_connections", "go").succeeds().await;
}

#[tokio::test]
#[ignore = "a part of another test"]
async fn ten_thousand_connections() {
    if task().is_none() {
        return;
    }
    let tcp = Pull::<u32>::bind(TCP).await.unwrap();
    let ipc = Pull::<u32>::bind("ipc://*").await.unwrap();
    let inproc = Pull::<u32>::bind(crate::support::inproc()).await.unwrap();
    let cycle = async |n: u32| {
        let pull = [&tcp, &ipc, &inproc][n as usize % 3];
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        soon(push.send(n)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), n);
        match n % 2 {
            0 => drop(push),
            _ => assert_eq!(soon(push.close()).await, 0),
        }
    };
    for n in 0..1_000 {
        cycle(n).await;
    }
    let settled = || tcp.peers().len() + ipc.peers().len() + inproc.peers().len() == 0;
    until(settled).await;
    let (memory, files, tasks) = (resident(), n_files(), n_tasks());
    for n in 1_000..10_000 {
        cycle(n).await;
    }
    until(|| settled() && n_files() <= files && n_tasks() <= tasks).await;
    let grown = resident().saturating_sub(memory);
    assert!(grown < 8 << 20, "{grown} bytes more than before");
}

fn n_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn n_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Bytes of memory this process holds.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}
