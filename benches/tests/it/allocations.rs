//! How often a message asks for memory.
//!
//! What is counted is the allocations of a thread, for n and for 2 n messages: setting up and warming
//! up are in both and fall out.

use std::sync::mpsc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use gleis_benches::hot::HotPath;
use gleis_patterns::{Endpoint, Pull, Push};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// What buffers that grow now and then may add.
const NOISE: f64 = 0.01;
/// Enough for buffers to have grown as far as they do.
const MESSAGES: u64 = 20_000;
/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Allocations per message of a path that runs on this thread alone.
#[track_caller]
fn check(name: &str, at_most: f64) {
    let path = HotPath::named(name).unwrap();
    let count = |n| measure(|| path.run(n).unwrap()).count_total;
    tell(name, count(MESSAGES), count(2 * MESSAGES), at_most);
}

#[track_caller]
fn tell(name: &str, once: u64, twice: u64, at_most: f64) {
    let each = twice.saturating_sub(once) as f64 / MESSAGES as f64;
    println!("{name}: {each:.3} allocations a message, {at_most} are allowed");
    assert!(each <= at_most + NOISE, "{name}: {each:.3} allocations a message");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Allocations of the sending and of the receiving thread, for so many ready messages over tcp.
fn over_tcp(n_messages: u64) -> (u64, u64) {
    let (tell, told) = mpsc::channel::<Endpoint>();
    let receiving = move || {
        runtime().block_on(async {
            let pull = Pull::<Bytes>::bind("tcp://127.0.0.1:0").await.unwrap();
            tell.send(pull.endpoint().clone()).unwrap();
            for _ in 0..n_messages {
                timeout(PATIENCE, pull.recv()).await.unwrap().unwrap();
            }
        });
    };
    let received = std::thread::spawn(|| measure(receiving).count_total);
    let at = told.recv_timeout(PATIENCE).unwrap();
    let sending = || {
        runtime().block_on(async {
            let push = Push::<Bytes>::connect(at).await.unwrap();
            let ready = Bytes::from(vec![7; 64]);
            for _ in 0..n_messages {
                push.send(ready.clone()).await.unwrap();
            }
            push.close().await;
        });
    };
    let sent = measure(sending).count_total;
    (sent, received.join().unwrap())
}

#[test]
fn over_tcp_ready_bytes_leave_without_memory_and_arrive_with_one_piece_at_most() {
    let ((sent, received), (sent_twice, received_twice)) =
        (over_tcp(MESSAGES), over_tcp(2 * MESSAGES));
    tell("sent over tcp", sent, sent_twice, 0.0);
    tell("received over tcp", received, received_twice, 1.0);
}

#[test]
fn within_the_process_bytes_and_values_travel_as_they_are() {
    check("patterns/push-inproc/64", 0.0);
    check("transport/push-inproc/64", 0.0);
    check("patterns/push-inproc/u64", 0.0);
}

#[test]
fn a_connection_moves_ready_bytes_without_memory() {
    check("transport/push/64", 0.0);
    check("patterns/push/64", 0.0);
}

#[test]
fn a_request_and_its_answer_travel_without_memory() {
    check("patterns/request/64", 0.0);
    check("patterns/request-inproc/64", 0.0);
    // Wakers of a whole batch.
    check("patterns/64-in-flight/64", 0.05);
}

/// The message is shared with what waits, and written once for all.
#[test]
fn a_publication_asks_for_three_pieces_whoever_gets_it() {
    check("patterns/publish-to-8/64", 3.1);
}
