//! Messages, paths and events.

use std::sync::Arc;

use gleis_core::Value;
use gleis_rpc::{Link, Message, OpenError, RpcError};
use gleis_test::wait::within;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::pair;

/// What was heard, in order.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn hear(&self, what: impl Into<String>) {
        self.0.lock().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

#[tokio::test]
async fn a1_a_message_is_received_and_answered() {
    let (server, client) = pair("rep").await;
    let _answering = server.on("receive", async |received| {
        let message = &received.message;
        assert_eq!((&message.data, &message.args[..]), (&"Test".into(), &["an arg".into()][..]));
        assert_eq!(message.kwargs["extra"], Value::from("something"));
        let text = format!("Message '{}' received!", message.data.as_str().unwrap());
        received.respond(Message::new(text)).await.unwrap();
    });
    let heard = Heard::default();
    let to = heard.clone();
    let _hearing = client.on("receive", move |received| {
        to.hear(received.message.data.as_str().unwrap());
        async {}
    });
    let message = Message::new("Test").arg("an arg").kwarg("extra", "something");
    let id = message.id().to_owned();
    let answer = within(client.send_and_wait("test", message)).await.unwrap();
    assert_eq!(answer.data, Value::from("Message 'Test' received!"));
    assert_eq!(answer.response_id(), Some(&id[..]));
    assert_eq!(answer.path(), format!("xbahn.response.{id}"));
    assert_eq!(heard.all(), ["Message 'Test' received!"]);
}

#[tokio::test]
async fn a2_an_answer_is_an_event_of_its_own() {
    let (server, client) = pair("rep").await;
    let _answering = server.on("receive", async |received| {
        received.respond(Message::new("got it")).await.unwrap();
    });
    let message = Message::new("Test");
    let heard = Heard::default();
    let mut guards = Vec::new();
    for event in ["response".to_owned(), format!("response_{}", message.id())] {
        let (to, what) = (heard.clone(), event.clone());
        guards.push(client.on(&event, move |received| {
            to.hear(format!("{what}: {}", received.message.data.as_str().unwrap()));
            async {}
        }));
    }
    let id = message.id().to_owned();
    within(client.send("test", message)).await.unwrap();
    assert_eq!(heard.all(), ["response: got it".to_owned(), format!("response_{id}: got it")]);
}

#[tokio::test]
async fn a3_a_handler_of_a_path_gets_what_is_below_it_and_nobody_hangs() {
    let (server, client) = pair("rep").await;
    let heard = Heard::default();
    let mut guards = Vec::new();
    for path in ["person", "address"] {
        let to = heard.clone();
        guards.push(server.on(&format!("receive_{path}"), move |received| {
            let message = received.message;
            to.hear(format!("{path} {} {}", message.data.as_str().unwrap(), message.path()));
            async {}
        }));
    }
    for (path, data) in [
        ("person", "John Smith"),
        ("address", "Some Street, 123"),
        ("address.usa", "Another Street, 123"),
    ] {
        let answer = within(client.send_and_wait(path, Message::new(data))).await.unwrap();
        // The null answer, which answers no message in particular.
        assert_eq!((&answer.data, answer.response_id()), (&Value::Null, None));
    }
    assert_eq!(
        heard.all(),
        [
            "person John Smith person",
            "address Some Street, 123 address",
            "address Another Street, 123 address.usa"
        ]
    );
}

#[tokio::test]
async fn a4_a_path_is_compared_by_segments() {
    let (server, client) = pair("rep").await;
    let heard = Heard::default();
    let to = heard.clone();
    let _hearing = server.on("receive_address", move |received| {
        to.hear(received.message.path());
        async {}
    });
    for path in ["addressbook", "addr", "usa.address", "address"] {
        within(client.send(path, Message::new(1i64))).await.unwrap();
    }
    assert_eq!(heard.all(), ["address"]);
}

#[tokio::test]
async fn events_fire_for_the_link_and_then_for_the_wire_from_the_root_down() {
    let (server, client) = pair("rep").await;
    let heard = Heard::default();
    let mut guards = Vec::new();
    for event in ["receive_a.b", "receive_a", "receive"] {
        let to = heard.clone();
        guards.push(server.on(event, move |_| {
            to.hear(format!("link {event}"));
            async {}
        }));
        let to = heard.clone();
        let guard = server.on_wire("main", event, move |_| {
            to.hear(format!("wire {event}"));
            async {}
        });
        guards.push(guard.unwrap());
    }
    within(client.send("a.b", Message::new(1i64))).await.unwrap();
    let expected = [
        "link receive",
        "link receive_a",
        "link receive_a.b",
        "wire receive",
        "wire receive_a",
        "wire receive_a.b",
    ];
    assert_eq!(heard.all(), expected);
    drop(guards);
    within(client.send("a.b", Message::new(1i64))).await.unwrap();
    assert_eq!(heard.all().len(), 6);
}

#[tokio::test]
async fn messages_are_pushed_and_published_with_a_topic() {
    for kind in ["pull", "sub/news"] {
        let (server, client) = pair(kind).await;
        let (tell, mut told) = mpsc::channel(10);
        server
            .on("receive", move |received| {
                let tell = tell.clone();
                async move { tell.send(received.message.data.clone()).await.unwrap() }
            })
            .keep();
        // A publisher does not know at once who listens.
        let telling = async {
            loop {
                client.send("a", Message::new("hello")).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = telling => unreachable!("it goes on"),
            heard = within(told.recv()) => assert_eq!(heard, Some("hello".into())),
        }
    }
}

#[tokio::test]
async fn wires_have_names_and_are_cut_off() {
    let (server, link) = pair("rep").await;
    assert!(matches!(
        link.wire_connect("main", server.url("main").unwrap().twin()).await,
        Err(OpenError::Wire { .. })
    ));
    link.wire_connect("other", server.url("main").unwrap().twin()).await.unwrap();
    assert_eq!(link.wires(), ["main", "other"]);
    assert!(within(link.send_on("other", "a", Message::new(1i64))).await.unwrap().is_some());
    assert!(link.cut("main").await && !link.cut("main").await);
    assert!(matches!(link.send("a", Message::new(1i64)).await, Err(RpcError::Closed)));
    link.disconnect().await;
    assert!(link.wires().is_empty());
}

#[tokio::test]
async fn an_answer_may_come_later_and_only_once() {
    let (server, client) = pair("rep").await;
    let (tell, mut told) = mpsc::channel(1);
    server
        .on("receive", move |received| {
            let tell = tell.clone();
            async move { tell.send(received).await.unwrap() }
        })
        .keep();
    let asking = tokio::spawn(async move { client.send_and_wait("a", Message::new(1i64)).await });
    let received = within(told.recv()).await.unwrap();
    assert!(received.is_awaited());
    received.respond(Message::new("later")).await.unwrap();
    assert!(matches!(received.respond(Message::new("again")).await, Err(RpcError::Responded)));
    assert_eq!(within(asking).await.unwrap().unwrap().data, Value::from("later"));
    // What cannot be answered says so.
    let (pull, push) = pair("pull").await;
    let (tell, mut told) = mpsc::channel(1);
    pull.on("receive", move |received| {
        let tell = tell.clone();
        async move { tell.send(received.respond(Message::new(1i64)).await).await.unwrap() }
    })
    .keep();
    push.send("a", Message::new(1i64)).await.unwrap();
    assert!(matches!(within(told.recv()).await, Some(Err(RpcError::Responded))));
    let sent = Link::send(&pull, "a", Message::new(1i64)).await;
    assert!(matches!(sent, Err(RpcError::NoSender { .. })));
}
