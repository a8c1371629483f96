//! Agents of the original osBrain against gleis sockets: raw and JSON messages, topics, channels, and
//! the pickled messages that are refused.

use std::error::Error;
use std::iter::successors;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    AnyCodec, Builder, Filter, Multipart, Pull, Push, RecvError, Replier, Requester, Upstream,
    XPub, XSub,
};
use serde_json::{Value, json};

use crate::gleis::{Socket, plain};
use crate::outcome::{Failure, Outcome, holds, same, soon};
use crate::place::{Binder, Place};
use crate::program::{Origin, Program};
use crate::runner::Scenario;

/// What osBrain writes between a topic and a message, unless that is raw.
const SEPARATOR: &[u8] = b"\x80";

/// How long one publication may need; only decides how soon the next attempt is made.
pub(crate) const ATTEMPT: Duration = Duration::from_millis(20);

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::TCP {
        let named = |what: &str| format!("{what} ({})", place.named("osBrain"));
        all.extend([
            Scenario::new(named("PUSH of osBrain to Pull, raw and json"), move || to_pull(place)),
            Scenario::new(named("Push to PULL of osBrain, raw and json"), move || from_push(place)),
            Scenario::new(named("REQ of osBrain asks Replier, raw and json"), move || asks(place)),
            Scenario::new(named("Requester asks REP of osBrain, raw and json"), move || {
                asked(place)
            }),
            Scenario::new(named("PUB of osBrain to XSub, by topic"), move || to_xsub(place)),
            Scenario::new(named("XPub to SUB of osBrain, by topic"), move || from_xpub(place)),
            Scenario::new(named("pickled messages of osBrain are refused"), move || pickled(place)),
        ]);
    }
    all.push(Scenario::new("XSub hears what SYNC_PUB of osBrain publishes", channel_publishes));
    all.push(Scenario::new("SYNC_PUB clients of osBrain hear XPub", channel_hears));
    all.push(Scenario::new(
        "pickled requests of osBrain's channels are refused, and osBrain gives up on them",
        channel_requests,
    ));
    all
}

/// An agent with one socket, which is connected with a gleis one.
struct Met<S> {
    agent: Program,
    socket: S,
}

async fn agent(serializer: &str) -> Outcome<Program> {
    let mut agent = Program::start(Origin::OsBrain)?;
    agent.order(json!({"do": "open", "serializer": serializer})).await?;
    Ok(agent)
}

async fn meet<S: Socket>(
    place: Place,
    serializer: &str,
    kind: &str,
    topics: &[&str],
    choose: impl FnOnce(Builder<S>) -> Builder<S>,
) -> Outcome<Met<S>> {
    let mut agent = agent(serializer).await?;
    let socket = match place.binder {
        Binder::Gleis => {
            let socket = S::open(choose(S::binding("tcp://127.0.0.1:0"))).await?;
            let at = socket.at();
            let order = json!({"do": "connect", "kind": kind, "at": at, "topics": topics});
            agent.order(order).await?;
            socket
        }
        Binder::Foreign => {
            let order = json!({"do": "bind", "kind": kind, "topics": topics});
            S::open(choose(S::connecting(&text(&agent.order(order).await?["at"])?))).await?
        }
    };
    soon(socket.has_peers(1)).await?;
    Ok(Met { agent, socket })
}

fn text(value: &Value) -> Outcome<String> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| Failure::new(format!("{value} is no text")))
}

fn in_json<S>(builder: Builder<S>) -> Builder<S> {
    builder.codec(AnyCodec::Json)
}

/// Values that JSON has.
fn values() -> Vec<Value> {
    vec![
        json!(42),
        json!(-1.5),
        json!(null),
        json!("Straße"),
        json!({"a": [true, {"b": []}]}),
        json!("x".repeat(100_000)),
    ]
}

const TEXTS: [&str; 4] = ["", "hello", "\u{80}", "[1]"];

/// What the agent received, once it is `count` messages.
async fn received(agent: &mut Program, count: usize) -> Outcome<Value> {
    let mut answer = agent.order(json!({"do": "received", "count": count})).await?;
    Ok(answer["data"].take())
}

/// As the agent tells it, of messages without a topic.
fn untopical<T: Into<Value>>(messages: impl IntoIterator<Item = T>) -> Value {
    messages.into_iter().map(|it| json!([it.into(), ""])).collect()
}

async fn to_pull(place: Place) -> Outcome {
    let met = meet::<Pull<Value>>(place, "json", "PUSH", &[], in_json).await?;
    let Met { mut agent, socket } = met;
    for value in values() {
        agent.order(json!({"do": "send", "message": value})).await?;
        same(soon(socket.recv()).await??, value)?;
    }
    agent.close().await?;

    let Met { mut agent, socket } = meet::<Pull<Bytes>>(place, "raw", "PUSH", &[], plain).await?;
    for text in TEXTS {
        agent.order(json!({"do": "send", "message": text})).await?;
        same(soon(socket.recv()).await??, text)?;
    }
    agent.close().await
}

async fn from_push(place: Place) -> Outcome {
    let met = meet::<Push<Value>>(place, "json", "PULL", &[], in_json).await?;
    let Met { mut agent, socket } = met;
    for value in values() {
        socket.send(value).await?;
    }
    same(received(&mut agent, values().len()).await?, untopical(values()))?;
    agent.close().await?;

    let Met { mut agent, socket } = meet::<Push<Bytes>>(place, "raw", "PULL", &[], plain).await?;
    for text in TEXTS {
        socket.send(Bytes::from_static(text.as_bytes())).await?;
    }
    same(received(&mut agent, TEXTS.len()).await?, untopical(TEXTS))?;
    agent.close().await
}

async fn asks(place: Place) -> Outcome {
    let met = meet::<Replier<Value, Value>>(place, "json", "REQ", &[], in_json).await?;
    let Met { mut agent, socket } = met;
    for value in values() {
        let order = agent.order(json!({"do": "ask", "message": value}));
        let answer = async {
            let (request, handle) = soon(socket.recv()).await??;
            handle.send(json!([request])).await?;
            Outcome::Ok(request)
        };
        let (asked, answered) = tokio::join!(order, answer);
        same(&answered?, &value)?;
        same(&asked?["data"], &json!([value]))?;
    }
    agent.close().await?;

    let met = meet::<Replier<Bytes, Bytes>>(place, "raw", "REQ", &[], plain).await?;
    let Met { mut agent, socket } = met;
    for text in TEXTS {
        let order = agent.order(json!({"do": "ask", "message": text}));
        let answer = async {
            let (request, handle) = soon(socket.recv()).await??;
            handle.send(request.clone()).await?;
            Outcome::Ok(request)
        };
        let (asked, answered) = tokio::join!(order, answer);
        same(answered?, text)?;
        same(&asked?["data"], text)?;
    }
    agent.close().await
}

async fn asked(place: Place) -> Outcome {
    let met = meet::<Requester<Value, Value>>(place, "json", "REP", &[], in_json).await?;
    let Met { mut agent, socket } = met;
    for value in values() {
        same(soon(socket.request(value.clone())).await??, json!({"echo": value}))?;
    }
    same(received(&mut agent, values().len()).await?, untopical(values()))?;
    agent.close().await?;

    let met = meet::<Requester<Bytes, Bytes>>(place, "raw", "REP", &[], plain).await?;
    let Met { agent, socket } = met;
    for text in TEXTS {
        let answer = soon(socket.request(Bytes::from_static(text.as_bytes()))).await??;
        same(answer, format!("echo {text}"))?;
    }
    agent.close().await
}

/// A publication as osBrain writes it: one frame.
fn publication(serializer: &str, topic: &str, message: &Value) -> Multipart {
    let frame = match (serializer, message) {
        ("raw", Value::String(text)) => [topic.as_bytes(), text.as_bytes()].concat(),
        _ => [topic.as_bytes(), SEPARATOR, message.to_string().as_bytes()].concat(),
    };
    Multipart::new([frame])
}

/// Sent and heard: what does not begin with a topic that is wanted is not for this side.
const TOPICAL: [(&str, &str); 4] = [("eu.fr", "1"), ("us", "2"), ("eu", "3"), ("asia", "4")];
const WANTED: [&str; 2] = ["eu", "asia"];

fn is_wanted(topic: &str) -> bool {
    WANTED.iter().any(|it| topic.starts_with(it))
}

async fn to_xsub(place: Place) -> Outcome {
    for serializer in ["json", "raw"] {
        let met = meet::<XSub<Multipart>>(place, serializer, "PUB", &[], plain).await?;
        let Met { mut agent, socket } = met;
        for topic in WANTED {
            socket.subscribe(topic);
        }
        until_heard(&mut agent, &socket, serializer).await?;
        for (topic, message) in TOPICAL {
            let order = json!({"do": "send", "message": message, "topic": topic});
            agent.order(order).await?;
        }
        for (topic, message) in TOPICAL.into_iter().filter(|(topic, _)| is_wanted(topic)) {
            let expected = publication(serializer, topic, &json!(message));
            same(soon(socket.recv_whole()).await??, expected)?;
        }
        agent.close().await?;
    }
    Ok(())
}

/// Has the agent publish until the subscription has arrived; what was sent before is lost.
async fn until_heard(agent: &mut Program, socket: &XSub<Multipart>, serializer: &str) -> Outcome {
    let probe = "asia-probe";
    soon(async {
        let expected = publication(serializer, probe, &json!("?"));
        loop {
            let order = json!({"do": "send", "message": "?", "topic": probe});
            agent.order(order).await?;
            if let Some(heard) = briefly(socket.recv_whole()).await {
                return same(heard?, expected);
            }
        }
    })
    .await?
}

/// What `step` gives, if it does so at once.
async fn briefly<F: Future>(step: F) -> Option<F::Output> {
    tokio::time::timeout(ATTEMPT, step).await.ok()
}

async fn from_xpub(place: Place) -> Outcome {
    for serializer in ["json", "raw"] {
        let met = meet::<XPub<Multipart>>(place, serializer, "SUB", &WANTED, plain).await?;
        let Met { mut agent, socket } = met;
        // The last topic to be subscribed to.
        soon(subscribed(&socket, WANTED[1].as_bytes())).await??;
        for (topic, message) in TOPICAL {
            socket.publish_whole(publication(serializer, topic, &json!(message))).await?;
        }
        let heard = TOPICAL.into_iter().filter(|(topic, _)| is_wanted(topic));
        // Handlers are told the subscription, and raw messages keep their topic.
        let heard = heard.map(|(topic, message)| {
            let wanted = WANTED.into_iter().find(|it| topic.starts_with(it));
            let glued = format!("{topic}{message}");
            json!([if serializer == "raw" { &glued } else { message }, wanted])
        });
        let heard: Vec<Value> = heard.collect();
        same(received(&mut agent, heard.len()).await?, Value::Array(heard))?;
        agent.close().await?;
    }
    Ok(())
}

/// Waits until somebody subscribes to `prefix`.
async fn subscribed(socket: &XPub<Multipart>, prefix: &[u8]) -> Outcome {
    loop {
        match socket.recv().await? {
            Upstream::Subscribe { filter: Filter::Prefix(it), .. } if it == prefix => return Ok(()),
            _ => (),
        }
    }
}

/// Fails unless the error says that a message is pickled and what to do about it.
fn names_pickle(error: &RecvError) -> Outcome {
    let chain = successors(error.source(), |&it| it.source());
    let text = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    holds(text.contains("pickled Python object"), &format!("it says: {text}"))?;
    holds(text.contains("serializer='json'"), &format!("it says: {text}"))
}

#[track_caller]
fn refused<T>(outcome: Result<T, RecvError>) -> Outcome {
    match outcome {
        Ok(_) => Err(Failure::new("a pickled message was taken")),
        Err(error) => names_pickle(&error),
    }
}

async fn pickled(place: Place) -> Outcome {
    let met = meet::<Pull<Value>>(place, "pickle", "PUSH", &[], in_json).await?;
    let Met { mut agent, socket } = met;
    // The socket goes on: each message is refused for itself.
    for value in values() {
        agent.order(json!({"do": "send", "message": value})).await?;
        refused(soon(socket.recv()).await?)?;
    }
    same(socket.n_peers(), 1)?;
    agent.close().await?;

    let met = meet::<Replier<Value, Value>>(place, "pickle", "REQ", &[], in_json).await?;
    let Met { mut agent, socket } = met;
    agent.order(json!({"do": "send", "message": "who?"})).await?;
    refused(soon(socket.recv()).await?.map(|_| ()))?;
    agent.close().await
}

async fn channel_publishes() -> Outcome {
    for serializer in ["json", "raw"] {
        let mut agent = agent(serializer).await?;
        let channel = agent.order(json!({"do": "bind_channel"})).await?;
        let (at, uuid) = (text(&channel["at"])?, text(&channel["uuid"])?);
        let socket = XSub::<Multipart>::connect(&at[..]).await?;
        let topic = |topic: &str| format!("{uuid}{topic}");
        socket.subscribe(topic("eu"));
        soon(async {
            loop {
                agent.order(json!({"do": "send", "message": "?", "topic": "eu"})).await?;
                if let Some(heard) = briefly(socket.recv_whole()).await {
                    return same(heard?, publication(serializer, &topic("eu"), &json!("?")));
                }
            }
        })
        .await??;
        for (name, message) in TOPICAL {
            let order = json!({"do": "send", "message": message, "topic": name});
            agent.order(order).await?;
        }
        for (name, message) in TOPICAL.into_iter().filter(|(name, _)| name.starts_with("eu")) {
            let expected = publication(serializer, &topic(name), &json!(message));
            same(soon(socket.recv_whole()).await??, expected)?;
        }
        agent.close().await?;
    }
    Ok(())
}

async fn channel_hears() -> Outcome {
    let mut agent = agent("json").await?;
    let socket = XPub::<Multipart>::bind("tcp://127.0.0.1:0").await?;
    let requests = Pull::<Bytes>::bind("tcp://127.0.0.1:0").await?;
    let order = json!({
        "do": "connect_channel", "kind": "SYNC_PUB", "at": socket.at(), "asked": requests.at(),
        "topics": ["eu"],
    });
    let channel = agent.order(order).await?;
    let uuid = text(&channel["uuid"])?;
    let topic = |topic: &str| format!("{uuid}{topic}");
    soon(subscribed(&socket, topic("eu").as_bytes())).await??;
    for (name, message) in TOPICAL {
        socket.publish_whole(publication("json", &topic(name), &json!(message))).await?;
    }
    let heard = json!([["1", topic("eu")], ["3", topic("eu")]]);
    same(received(&mut agent, 2).await?, heard)?;
    agent.close().await
}

/// What osBrain asks at a channel is a tuple that holds bytes and addresses, always pickled.
async fn channel_requests() -> Outcome {
    let requests = Pull::<Value>::bind("tcp://127.0.0.1:0").codec(AnyCodec::Json).await?;
    let publications = XPub::<Multipart>::bind("tcp://127.0.0.1:0").await?;
    for kind in ["ASYNC_REP", "SYNC_PUB"] {
        let mut agent = agent("pickle").await?;
        let at = (kind == "SYNC_PUB").then(|| publications.at());
        let order = json!({
            "do": "connect_channel", "kind": kind, "asked": requests.at(), "at": at, "topics": ["eu"],
        });
        agent.order(order.clone()).await?;
        agent.order(json!({"do": "request", "message": "who?"})).await?;
        refused(soon(requests.recv()).await?)?;
        same(received(&mut agent, 1).await?, untopical(["no answer"]))?;
        agent.close().await?;
    }
    // With another serializer osBrain itself has no bytes for it.
    let mut agent = agent("json").await?;
    let order = json!({
        "do": "connect_channel", "kind": "ASYNC_REP", "asked": requests.at(), "topics": [],
    });
    agent.order(order).await?;
    let why = agent.failure(json!({"do": "request", "message": "who?"})).await?;
    holds(why.contains("not JSON serializable"), &why)?;
    agent.close().await
}
