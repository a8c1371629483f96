//! Health, figures, and the end.

use std::time::Duration;

use gleis_bridge::{Bridge, BridgeError};
use gleis_test::wait::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::World;

#[tokio::test]
async fn a_shutdown_ends_streams_and_polls_and_cuts_nothing_off() {
    let world = World::new().await;
    let http = world.http();
    let at = world.bridge.local_addr();
    let mut events = http.events("/events", &[]).await;
    events.next().await.unwrap();
    let poll = tokio::spawn(async move { crate::support::Http(at).get("/messages/next").await });
    let waiting = async {
        while http.get("/health").await.json()["waiters"] != 2 {
            tokio::task::yield_now().await;
        }
    };
    within(waiting).await;
    assert!(within(world.bridge.shutdown(Duration::from_secs(10))).await);
    assert!(events.next().await.is_none());
    assert_eq!(within(poll).await.unwrap().status, 503);
    assert!(tokio::net::TcpStream::connect(at).await.is_err());
}

#[tokio::test]
async fn a_request_that_is_there_is_answered_before_the_end() {
    let world = World::new().await;
    let http = world.http();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("content-length", "10")];
    let mut stream = tokio::net::TcpStream::connect(http.0).await.unwrap();
    let head = http.head("POST", "/messages", &headers);
    stream.write_all(format!("{head}messa").as_bytes()).await.unwrap();
    // It asks before it reads the rest, so that the bridge has it, too.
    let mut other = http.events("/events", &[]).await;
    other.next().await.unwrap();
    let ending = tokio::spawn(world.bridge.shutdown(Duration::from_secs(20)));
    assert!(within(other.next()).await.is_none());
    assert!(!ending.is_finished());
    stream.write_all(b"ge={}").await.unwrap();
    let answer = crate::support::read(&mut stream).await;
    assert_eq!((answer.status, &answer.body[..]), (202, "Message sent"));
    assert!(within(ending).await.unwrap());
    drop(world.application);
}

#[tokio::test]
async fn a_bridge_that_is_dropped_leaves_no_task_behind() {
    let hub = gleis_broker::MessageServer::bind().await.unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let bridge = Bridge::to(&hub).await.unwrap();
    let http = crate::support::Http(bridge.local_addr());
    let mut events = http.events("/events", &[]).await;
    events.next().await.unwrap();
    // One that asked once, and is kept.
    let mut idle = tokio::net::TcpStream::connect(bridge.local_addr()).await.unwrap();
    idle.write_all(http.head("GET", "/health", &[]).as_bytes()).await.unwrap();
    idle.read_u8().await.unwrap();
    let url = format!("ws://{}/ws", bridge.local_addr());
    let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    drop(bridge);
    assert!(within(events.next()).await.is_none());
    gleis_test::wait::tasks_down_to(before).await;
    drop((idle, socket));
}

#[tokio::test]
async fn figures_are_there_for_prometheus() {
    let world = World::new().await;
    world.send(1..=3, 3).await;
    let http = world.http();
    http.post("/messages", "application/x-www-form-urlencoded", "message={}").await;
    let figures = http.get("/metrics").await;
    assert!(figures.head.contains("content-type: text/plain"), "{}", figures.head);
    for line in
        ["gleis_bridge_sent_total 1", "gleis_bridge_hub_connected 1", "gleis_bridge_waiters 0"]
    {
        assert!(figures.body.contains(&format!("\n{line}\n")), "{}", figures.body);
    }
    assert!(figures.body.contains("gleis_bridge_ledger{way=\"received\",what=\"delivered\"}"));
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let world = World::new().await;
    let http = world.http();
    let page = http.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    for (path, media_type) in [("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        assert!(page.body.contains(&path[1..]));
        let file = http.get(path).await;
        assert_eq!(file.status, 200);
        assert!(file.head.contains(&format!("content-type: {media_type}")), "{}", file.head);
        assert!(!file.body.contains("http://") && !file.body.contains("https://"));
    }
    assert!(!page.body.contains("http"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_says_so() {
    let bridge = Bridge::without_hub().await.unwrap();
    let at = bridge.local_addr();
    match Bridge::without_hub().listen(at).await {
        Err(error @ BridgeError::Listen { .. }) => {
            assert_eq!(error.to_string(), format!("cannot listen at {at}"));
        }
        other => panic!("{other:?}"),
    }
}
