//! The hub on the wire: single frames, nothing before or behind them.

use bytes::Bytes;
use gleis_broker::MessageClient;
use gleis_patterns::{Multipart, Push, XSub};
use gleis_test::wait::within;

use crate::{message, sent, server};

#[tokio::test]
async fn plain_sockets_are_applications() {
    let server = server().await;
    let ours = MessageClient::connect(&server).await.unwrap();
    let push = Push::<Bytes>::connect(server.receive_address()).await.unwrap();
    let sub = XSub::<Multipart>::connect(server.broadcast_address()).subscribe("");
    let sub = sub.ready(std::time::Duration::from_secs(10)).await.unwrap();
    let text = Bytes::from_static(br#"{"type": "ready", "source_pid": 1, "source_id": "x"}"#);
    push.send(text.clone()).await.unwrap();
    assert_eq!(within(sub.recv_whole()).await.unwrap().frames, std::slice::from_ref(&text));
    assert_eq!(within(ours.recv()).await.unwrap().bytes(), &text);
    ours.send_message(&message(1)).await.unwrap();
    let frames = within(sub.recv_whole()).await.unwrap().frames;
    let [only] = &frames[..] else { panic!("{frames:?}") };
    // Valid JSON with blanks behind it.
    assert_eq!(serde_json::from_slice::<serde_json::Value>(only).unwrap(), message(1));
    assert_eq!(only.trim_ascii_end(), sent(1).text().as_bytes());
}

#[tokio::test]
async fn several_frames_are_no_message() {
    let server = server().await;
    let ours = MessageClient::connect(&server).await.unwrap();
    let push = Push::<Multipart>::connect(server.receive_address()).await.unwrap();
    push.send(Multipart::new(["{}", "{}"])).await.unwrap();
    push.send(Multipart::new([message(1).to_string()])).await.unwrap();
    assert_eq!(within(ours.recv()).await.unwrap(), sent(1));
    assert_eq!(server.stats().invalid, 1);
}
