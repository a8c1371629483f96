//! Subscribing to more than prefixes, from gleis publishers and others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{AnyCodec, Event, Filter, Options, Publisher, Subscriber};
use gleis_transport::{
    Command, Control, Inbound, LinkConfig, Message, Receiver, Sender, SocketType, connect, listen,
};

use crate::support::{SCHEMES, fresh, soon};

fn path(text: &str) -> Filter {
    Filter::path(text).expect("a pattern")
}

#[tokio::test]
async fn filters_on_an_open_socket_are_added_and_taken_away_one_by_one() {
    for scheme in SCHEMES {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let it = Subscriber::<u32>::connect(publisher.endpoint()).await.unwrap();
        it.subscribe("eu");
        it.subscribe(path("eu.*"));
        it.subscribe(path("eu.*"));
        it.subscribe(Filter::exact("us"));
        soon(it.ready(Duration::from_secs(20))).await.unwrap();
        assert!(it.unsubscribe("eu"));
        assert!(it.unsubscribe(path("eu.*")));
        assert!(it.unsubscribe(Filter::exact("us")));
        soon(it.ready(Duration::from_secs(20))).await.unwrap();
        for (n, topic) in ["us", "eu", "eu.de.x", "eu.de"].into_iter().enumerate() {
            publisher.publish(topic, n as u32).await.unwrap();
        }
        assert_eq!(soon(it.recv()).await.unwrap().message, 3);
        assert_eq!(publisher.stats().sent.dropped.no_subscriber, 3, "{scheme}");
    }
}

#[tokio::test]
async fn filters_of_every_kind_count_towards_the_limit() {
    for scheme in SCHEMES {
        let mut options = Options::default();
        options.max_subscriptions = 3;
        let publisher = Publisher::<u32>::bind(fresh(scheme)).options(options).await.unwrap();
        let mut events = publisher.events();
        let it = Subscriber::<u32>::connect(publisher.endpoint());
        let it = it.subscribe("a").subscribe(Filter::exact("a")).subscribe(path("a.*"));
        let it = it.ready(Duration::from_secs(20)).await.unwrap();
        it.subscribe("a");
        it.subscribe(path("a.**"));
        let reason = soon(refusal(&mut events)).await;
        assert_eq!(reason, "more than 3 subscriptions", "{scheme}");
    }
}

async fn refusal(events: &mut gleis_patterns::Events) -> String {
    loop {
        if let Event::Refused { reason, .. } = events.recv().await.expect("open") {
            return reason;
        }
    }
}

fn config(kind: SocketType, gleis: bool) -> Arc<LinkConfig> {
    let mut config = LinkConfig::new(kind);
    if gleis {
        config.metadata.insert("X-Gleis", "1").expect("it fits");
    }
    Arc::new(config)
}

async fn subscriber(publisher: &Publisher<u32>, gleis: bool) -> (Sender, Receiver) {
    let config = config(SocketType::Sub, gleis);
    soon(connect(publisher.endpoint(), &config)).await.expect("somebody listens").split()
}

fn command(name: &'static str, body: &[u8]) -> Control {
    Control::Command(Box::new(Command { name: name.into(), body: Bytes::copy_from_slice(body) }))
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_ends_the_link_with_a_reason() {
    let publisher = Publisher::<u32>::bind(fresh("tcp")).await.unwrap();
    let mut events = publisher.events();
    let unknown = "a filter that is not known here";
    let long = [&b"E"[..], &[b'x'; 1_025]].concat();
    for (body, expect) in [
        (&b"Da.**.b"[..], unknown),
        (b"D\xff", unknown),
        (b"", unknown),
        (b"Z", unknown),
        (&long, "a filter of more than 1024 bytes"),
    ] {
        let (sender, _receiver) = subscriber(&publisher, true).await;
        sender.control(command("UNFILTER", body)).unwrap();
        sender.control(command("FILTER", body)).unwrap();
        assert_eq!(soon(refusal(&mut events)).await, expect);
    }
}

#[tokio::test]
async fn a_filter_of_a_peer_that_is_not_gleis_means_nothing() {
    let publisher = Publisher::<u32>::bind(fresh("tcp")).codec(AnyCodec::Json).await.unwrap();
    let (sender, _receiver) = subscriber(&publisher, false).await;
    sender.control(command("FILTER", b"Eeu")).unwrap();
    sender.control(Control::Subscribe(Bytes::from_static(b"us"))).unwrap();
    soon(publisher.wait_for_subscribers(1)).await;
    publisher.publish("eu", 1).await.unwrap();
    assert_eq!(publisher.stats().sent.dropped.no_subscriber, 1);
}

/// What the publisher behind `receiver` was told, up to the first subscription to `last`.
async fn told(receiver: &mut Receiver, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.last().is_none_or(|it| it != last) {
        let mut batch = Vec::new();
        soon(receiver.recv_many(&mut batch)).await.expect("open");
        lines.extend(batch.into_iter().map(|it| match it {
            Inbound::Control(Control::Subscribe(it)) => format!("+{}", it.escape_ascii()),
            Inbound::Control(Control::Cancel(it)) => format!("-{}", it.escape_ascii()),
            other => panic!("{other:?}"),
        }));
    }
    lines
}

#[tokio::test]
async fn a_foreign_publisher_is_asked_for_each_literal_prefix_once() {
    let at = "tcp://127.0.0.1:0".parse().unwrap();
    let kind = config(SocketType::Pub, false);
    let mut listener = soon(listen(&at, &kind)).await.unwrap();
    let opening = Subscriber::<u32>::connect(listener.endpoint()).codec(AnyCodec::Json);
    let opening = opening.subscribe(path("eu.*.price")).subscribe(path("eu.*.name"));
    let opening = opening.subscribe("us").into_future();
    let (it, accepted) = soon(futures::future::join(opening, listener.accept())).await;
    let (it, (sender, mut receiver)) = (it.unwrap(), accepted.unwrap().split());
    assert_eq!(told(&mut receiver, "+us").await, ["+eu.", "+us"]);

    it.subscribe("eu.");
    it.subscribe(Filter::exact("us"));
    it.subscribe(Filter::exact("asia"));
    assert_eq!(told(&mut receiver, "+asia").await, ["+asia"]);
    for filter in [path("eu.*.name"), Filter::from("eu."), Filter::from("us")] {
        assert!(it.unsubscribe(filter));
    }
    it.subscribe("1");
    assert_eq!(told(&mut receiver, "+1").await, ["+1"]);

    // What it sends beyond the filters is not wanted.
    for (topic, body) in [("eu.de.name", "1"), ("us.ny", "2"), ("us", "3"), ("eu.de.price", "4")] {
        sender.try_send(Message::multipart(vec![topic.into()], body)).unwrap();
    }
    assert_eq!(soon(it.recv()).await.unwrap().message, 3);
    assert_eq!(soon(it.recv()).await.unwrap().message, 4);
    assert_eq!(it.stats().received.dropped.unwanted, 2);

    assert!(it.unsubscribe(path("eu.*.price")));
    assert!(it.unsubscribe(Filter::exact("us")));
    it.subscribe("2");
    assert_eq!(told(&mut receiver, "+2").await, ["-eu.", "-us", "+2"]);
}
