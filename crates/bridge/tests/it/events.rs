//! Streams of events on connections that are their own.

use std::time::Duration;

use gleis_bridge::{Bridge, BridgeLimits};
use gleis_broker::MessageServer;
use gleis_test::wait::within;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Events, Http, read};
use crate::{World, text};

async fn limited(change: impl FnOnce(&mut BridgeLimits)) -> World {
    let mut limits = BridgeLimits::default();
    change(&mut limits);
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).limits(limits).await.unwrap();
    World::with(hub, bridge).await
}

/// Reads until `end` was read.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(end) {
        let n = within(stream.read_buf(&mut all)).await.unwrap();
        assert!(0 < n, "it ended: {}", String::from_utf8_lossy(&all));
    }
    String::from_utf8(all).unwrap()
}

async fn waiters(http: &Http, n: u64) {
    let there = async {
        while http.get("/health").await.json()["waiters"] != n {
            tokio::task::yield_now().await;
        }
    };
    within(there).await;
}

#[tokio::test]
async fn many_readers_get_the_same_and_leave_their_places() {
    let world = limited(|it| (it.waiters, it.connections) = (200, 210)).await;
    let http = world.http();
    for round in 0..3u64 {
        let mut readers = Vec::new();
        for _ in 0..200 {
            readers.push(http.events("/events", &[]).await);
        }
        for reader in &mut readers {
            assert_eq!(reader.next().await.unwrap().name, "hello");
        }
        waiters(&http, 200).await;
        let first = round * 3 + 1;
        world.send(first..first + 3, first + 2).await;
        for reader in &mut readers {
            for n in first..first + 3 {
                assert_eq!(reader.message().await.data, text(n));
            }
        }
        drop(readers);
        waiters(&http, 0).await;
    }
}

#[tokio::test]
async fn the_head_says_all_that_the_bridge_has_to_say_and_no_length() {
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).allow_origin("https://a.org").await.unwrap();
    let http = Http(bridge.local_addr());
    for version in ["1.0", "1.1"] {
        let head = http.head("GET", "/events", &[("origin", "https://a.org")]);
        let mut stream = TcpStream::connect(http.0).await.unwrap();
        let request = head.replace("HTTP/1.1", &format!("HTTP/{version}"));
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = until(&mut stream, "\n\n").await;
        let (head, event) = answer.split_once("\r\n\r\n").unwrap();
        for line in [
            "HTTP/1.1 200 OK",
            "content-type: text/event-stream",
            "cache-control: no-cache",
            "connection: close",
            "vary: Origin",
            "x-content-type-options: nosniff",
            "access-control-allow-origin: https://a.org",
        ] {
            assert!(head.lines().any(|it| it == line), "{line}: {head}");
        }
        assert!(head.contains("\r\ndate: ") && head.contains(" GMT"), "{head}");
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
        assert!(event.starts_with("event: hello\nretry: 1000\nid: "), "{event}");
    }
}

#[tokio::test]
async fn a_question_for_the_head_alone_is_answered_and_the_connection_goes_on() {
    let world = World::new().await;
    let http = world.http();
    let mut stream = TcpStream::connect(http.0).await.unwrap();
    stream.write_all(http.head("HEAD", "/events", &[]).as_bytes()).await.unwrap();
    let head = until(&mut stream, "\r\n\r\n").await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.ends_with("\r\n\r\n") && !head.contains("content-length"), "{head}");
    waiters(&http, 0).await;
    let last = http.head("GET", "/messages", &[("connection", "close")]);
    stream.write_all(last.as_bytes()).await.unwrap();
    assert_eq!(read(&mut stream).await.json()["count"], 0);
}

#[tokio::test]
async fn answers_to_earlier_questions_on_a_connection_come_first() {
    let world = World::new().await;
    world.send([1], 1).await;
    let http = world.http();
    // Much is asked for, and little of the answers has room between the two.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(http.0).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let page = http.head("GET", "/", &[]).repeat(2_000);
    let all = page + http.head("GET", "/events?after=0:0", &[]).as_str();
    let write = tokio::spawn(async move {
        writing.write_all(all.as_bytes()).await.unwrap();
        writing
    });
    let mut answer = Vec::new();
    let end = format!("data: {}\n\n", text(1));
    while !answer.ends_with(end.as_bytes()) {
        assert!(0 < within(reading.read_buf(&mut answer)).await.unwrap());
    }
    drop(write.await.unwrap());
    let answer = String::from_utf8(answer).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2_001);
    assert_eq!(answer.matches("</html>").count(), 2_000);
}

#[tokio::test]
async fn what_a_reader_says_after_its_request_is_thrown_away_until_it_is_too_much() {
    let world = World::new().await;
    let http = world.http();
    let mut stream = TcpStream::connect(http.0).await.unwrap();
    let head = http.head("GET", "/events", &[]);
    stream.write_all(format!("{head}rubbish").as_bytes()).await.unwrap();
    until(&mut stream, "\n\n").await;
    stream.write_all(&[0; 1_000]).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    world.send([1], 1).await;
    let answer = until(&mut stream, &text(1)).await;
    assert!(!answer.contains("HTTP"), "{answer}");
    waiters(&http, 1).await;
    // It is cut off at some time; what it says then, it says to nobody.
    let _ = stream.write_all(&[0; 200_000]).await;
    waiters(&http, 0).await;
}

#[tokio::test]
async fn a_reader_that_announced_a_body_is_served_and_its_body_is_not() {
    let world = World::new().await;
    let http = world.http();
    for headers in [[("content-length", "5")], [("transfer-encoding", "chunked")]] {
        let mut stream = TcpStream::connect(http.0).await.unwrap();
        stream.write_all(http.head("GET", "/events", &headers).as_bytes()).await.unwrap();
        until(&mut stream, "event: hello").await;
    }
    waiters(&http, 0).await;
}

#[tokio::test]
async fn a_reader_that_never_reads_does_not_delay_the_end() {
    let world = World::new().await;
    let http = world.http();
    let mut stuck = http.events("/events", &[]).await;
    stuck.next().await.unwrap();
    let mut quick = http.events("/events", &[]).await;
    quick.next().await.unwrap();
    let big = "x".repeat(200_000);
    for n in 0..100u64 {
        let message = json!({"type": "n", "n": n, "text": big});
        world.application.send_message(&message).await.unwrap();
        quick.message().await;
    }
    assert!(within(world.bridge.shutdown(Duration::from_secs(20))).await);
    assert!(quick.next().await.is_none());
    drop(stuck);
}

#[tokio::test]
async fn what_is_there_is_said_before_the_bridge_ends() {
    let world = World::new().await;
    let http = world.http();
    world.send(1..=500, 500).await;
    let mut readers: Vec<Events> = Vec::new();
    for _ in 0..20 {
        readers.push(http.events("/events?after=0:0", &[]).await);
    }
    for reader in &mut readers {
        reader.next().await.unwrap();
    }
    assert!(within(world.bridge.shutdown(Duration::from_secs(20))).await);
    for reader in &mut readers {
        assert_eq!(reader.next().await.unwrap().name, "gap");
        for n in 1..=500 {
            assert_eq!(reader.next().await.unwrap().data, text(n));
        }
        assert!(reader.next().await.is_none());
    }
}

#[tokio::test]
async fn a_head_that_comes_slowly_holds_no_connection() {
    let world =
        limited(|it| (it.connections, it.head_time) = (2, Duration::from_millis(100))).await;
    let http = world.http();
    let mut slow = Vec::new();
    for start in ["", "GET /events HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(http.0).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    // All places were taken; this one gets the place of one that was cut off.
    assert_eq!(within(http.get("/messages")).await.status, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        within(stream.read_to_end(&mut rest)).await.unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains(" 200 "));
    }
}

#[tokio::test]
async fn an_event_has_a_line_for_each_line_of_its_message() {
    let world = World::new().await;
    let http = world.http();
    let mut events = http.events("/events", &[]).await;
    events.next().await.unwrap();
    let form = "message=%7B%22a%22:%0D%0A1,%0A%22b%22:%0D2%7D";
    assert_eq!(http.post("/messages", "application/x-www-form-urlencoded", form).await.status, 202);
    let event = events.message().await;
    assert_eq!(event.data, "{\"a\":1,\"b\":2}");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_reader_hears_that_the_bridge_is_there() {
    let bridge = Bridge::without_hub().await.unwrap();
    let http = Http(bridge.local_addr());
    let mut stream = TcpStream::connect(http.0).await.unwrap();
    stream.write_all(http.head("GET", "/events", &[]).as_bytes()).await.unwrap();
    until(&mut stream, "data: \n\n").await;
    for _ in 0..3 {
        let since = tokio::time::Instant::now();
        assert_eq!(until(&mut stream, ":\n\n").await, ":\n\n");
        assert!(since.elapsed() <= Duration::from_secs(16), "{:?}", since.elapsed());
    }
}
