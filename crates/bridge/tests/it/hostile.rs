//! Hostile requests: the right status, and nothing lost for others.

use std::time::Duration;

use gleis_bridge::{Bridge, BridgeLimits};
use gleis_broker::MessageServer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Http, read};
use crate::{World, text};

const FORM: &str = "application/x-www-form-urlencoded";

async fn strict() -> World {
    let mut limits = BridgeLimits::default();
    (limits.body, limits.waiters) = (1_000, 2);
    limits.body_time = Duration::from_millis(200);
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).limits(limits).token("secret").allow_origin("https://a.org");
    World::with(hub, bridge.await.unwrap()).await
}

/// A request with the right token.
async fn ask(http: &Http, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    let mut all = vec![("authorization", "Bearer secret")];
    all.extend(headers);
    http.ask(method, path, &all, body).await.status
}

#[tokio::test]
async fn without_a_token_nothing_is_told() {
    let world = strict().await;
    let http = world.http();
    for path in ["/messages", "/messages/next", "/events", "/ws", "/health", "/metrics", "/nothing"]
    {
        let answer = http.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
    }
    for token in ["Bearer wrong", "Bearer ", "Basic secret", "secret"] {
        let answer = http.ask("GET", "/messages", &[("authorization", token)], "").await;
        assert_eq!(answer.status, 401, "{token}");
    }
    assert_eq!(ask(&http, "GET", "/messages", &[], "").await, 200);
    assert_eq!(http.get("/messages?token=secret").await.status, 200);
}

#[tokio::test]
async fn bodies_are_bounded_in_size_and_time() {
    let world = strict().await;
    let http = world.http();
    let form = [("content-type", FORM)];
    let long = format!("message={}", "x".repeat(2_000));
    assert_eq!(ask(&http, "POST", "/messages", &form, &long).await, 413);
    // It announces more than there may be, and sends nothing.
    let head = |length: &str| {
        let headers = [
            ("authorization", "Bearer secret"),
            ("content-type", FORM),
            ("content-length", length),
            ("connection", "close"),
        ];
        http.head("POST", "/messages", &headers)
    };
    assert_eq!(http.raw(head("1000000000000").as_bytes()).await.status, 413);
    // It announces something, and never sends it.
    assert_eq!(http.raw(head("10").as_bytes()).await.status, 408);
    // It comes in chunks without an end.
    let chunked = head("0").replace("content-length: 0", "transfer-encoding: chunked");
    let mut stream = TcpStream::connect(http.0).await.unwrap();
    stream.write_all(chunked.as_bytes()).await.unwrap();
    for _ in 0..3 {
        let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
        // It may have been refused already.
        let _ = stream.write_all(chunk.as_bytes()).await;
    }
    assert_eq!(read(&mut stream).await.status, 413);
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let world = World::new().await;
    let http = world.http();
    for (bytes, status) in [
        (&b"nonsense\r\n\r\n"[..], 400),
        (b"GET /messages HTTP/9.9\r\n\r\n", 400),
        (b"GET /messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: x\r\n\r\n", 400),
        (b"GET /messages HTTP/1.1\r\nconnection: close\r\n\r\n", 421),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0),
    ] {
        let mut stream = TcpStream::connect(http.0).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read(&mut stream).await;
        assert!([status, 400].contains(&answer.status), "{bytes:?}: {answer:?}");
    }
    for path in [
        "/../messages",
        "/messages/../../etc/passwd",
        "/%2e%2e/messages",
        "//messages",
        "/messages/",
    ] {
        assert_eq!(http.get(path).await.status, 404, "{path}");
    }
    assert_eq!(http.ask("DELETE", "/messages", &[], "").await.status, 405);
    world.send([1], 1).await;
    assert_eq!(http.get("/messages").await.json()["message"], text(1));
}

#[tokio::test]
async fn pages_from_elsewhere_neither_send_nor_read() {
    let world = strict().await;
    let http = world.http();
    let form = ("content-type", FORM);
    let message = "message=%7B%22type%22%3A%22x%22%7D";
    for origin in ["http://evil.example", "null", "https://a.org.evil.example", "http://a.org"] {
        let headers = [form, ("origin", origin)];
        assert_eq!(ask(&http, "POST", "/messages", &headers, message).await, 403, "{origin}");
        assert_eq!(ask(&http, "GET", "/events", &[("origin", origin)], "").await, 403);
    }
    // A name that leads here, by DNS.
    let headers = [form, ("host", "evil.example"), ("origin", "http://evil.example")];
    assert_eq!(ask(&http, "POST", "/messages", &headers, message).await, 421);
    assert_eq!(world.hub.stats().received, 0);
    // One that is allowed reads the answer, too.
    let own = format!("http://{}", http.0);
    for (origin, may_read) in [("https://a.org", true), (&own[..], false)] {
        let all = [("authorization", "Bearer secret"), form, ("origin", origin)];
        let answer = http.ask("POST", "/messages", &all, message).await;
        assert_eq!(answer.status, 202);
        let told = answer.head.contains("access-control-allow-origin: https://a.org");
        assert_eq!(told, may_read, "{}", answer.head);
    }
}

#[tokio::test]
async fn a_page_that_may_ask_is_told_so_before_it_has_a_token() {
    let world = strict().await;
    let http = world.http();
    for (origin, status) in [("https://a.org", 204), ("http://evil.example", 403)] {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization"),
        ];
        let answer = http.ask("OPTIONS", "/messages", &headers, "").await;
        assert_eq!(answer.status, status, "{origin}");
        let allowed = answer.head.contains("access-control-allow-headers: authorization");
        assert_eq!(allowed, status == 204, "{}", answer.head);
    }
    assert_eq!(world.hub.stats().received, 0);
}

#[tokio::test]
async fn so_many_wait_and_no_more() {
    let world = strict().await;
    let http = world.http();
    let mut first = http.events("/events?token=secret", &[]).await;
    first.next().await.unwrap();
    let mut second = http.events("/events?token=secret", &[]).await;
    second.next().await.unwrap();
    for path in ["/events?token=secret", "/messages/next?token=secret"] {
        let answer = http.get(path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.head.contains("retry-after: 1"));
    }
    drop(first);
    let room = async {
        while http.get("/messages/next?token=secret&timeout=0").await.status == 503 {
            tokio::task::yield_now().await;
        }
    };
    gleis_test::wait::within(room).await;
}

#[tokio::test]
async fn so_many_are_sent_in_a_second_and_no_more() {
    let mut limits = BridgeLimits::default();
    limits.rate = 5;
    let hub = MessageServer::bind().await.unwrap();
    let bridge = Bridge::to(&hub).limits(limits).await.unwrap();
    let world = World::with(hub, bridge).await;
    let http = world.http();
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(http.post("/messages", FORM, "message={}").await.status);
    }
    assert_eq!(statuses[..5], [202; 5]);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(http.get("/messages").await.status, 200);
}
