//! Agents of the original osBrain against ours: messages, requests and topics, whoever binds, raw and in JSON;
//! and pickled messages, which are refused while the agent goes on.

use bytes::Bytes;
use gleis_agent::{
    Addr, AgentRef, AgentState, AnyCodec, Context, Kind, LogLevel, LoggerCalls, Node, agent,
    run_agent, run_logger, run_nameserver,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::outcome::{Failure, Outcome, PATIENCE, holds, same, soon};
use crate::place::{Binder, Place};
use crate::program::{Origin, Program};
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for place in Place::TCP {
        let named = |what: &str| format!("{what} ({})", place.named("osBrain"));
        all.extend([
            Scenario::new(named("an agent of osBrain pushes to our agent"), move || pushed(place)),
            Scenario::new(named("our agent pushes to one of osBrain"), move || pushes(place)),
            Scenario::new(named("an agent of osBrain asks our agent"), move || asked(place)),
            Scenario::new(named("our agent asks one of osBrain"), move || asks(place)),
            Scenario::new(named("an agent of osBrain publishes to our agent"), move || {
                published(place)
            }),
            Scenario::new(named("our agent publishes to one of osBrain"), move || publishes(place)),
            Scenario::new(
                named("our agent refuses what osBrain pickles, and goes on"),
                move || pickled(place),
            ),
        ]);
    }
    all
}

/// Hands what it hears to a scenario: the topic and the message.
struct Ours {
    heard: mpsc::UnboundedSender<(String, Value)>,
}

#[agent]
impl Ours {
    async fn json(&mut self, cx: &Context<Self>, message: Value) -> gleis_agent::Result<Value> {
        let topic = cx.topic().unwrap_or_default();
        let topic = String::from_utf8_lossy(&topic).into_owned();
        // The scenario may be over.
        let _ = self.heard.send((topic, message.clone()));
        Ok(json!({"asked": message}))
    }

    async fn raw(&mut self, _: &Context<Self>, message: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&message).into_owned();
        let _ = self.heard.send((String::new(), Value::from(text)));
        message
    }
}

/// Both agents, with a socket each that are connected.
struct Met {
    _node: Node,
    hears: mpsc::UnboundedReceiver<(String, Value)>,
    ours: AgentRef<Ours>,
    theirs: Program,
}

fn codec(serializer: &str) -> AnyCodec {
    if serializer == "raw" { AnyCodec::Raw } else { AnyCodec::Json }
}

async fn meet(place: Place, serializer: &str, kind: Kind, topics: &[&str]) -> Outcome<Met> {
    let mut theirs = Program::start(Origin::OsBrain)?;
    theirs.order(json!({"do": "open", "serializer": serializer})).await?;
    let node = Node::local();
    let (heard, hears) = mpsc::unbounded_channel();
    let ours = node.run_agent("ours", Ours { heard }).await?;
    let handles = matches!(kind, Kind::Pull | Kind::Rep | Kind::Sub);
    let is_raw = serializer == "raw";
    // Both builders take the same choices.
    macro_rules! chosen {
        ($builder:expr) => {{
            let builder = $builder.codec(codec(serializer)).osbrain_topics();
            match (handles, is_raw, topics) {
                (false, ..) => builder,
                (true, true, []) => builder.handler(Ours::raw),
                (true, false, []) => builder.handler(Ours::json),
                (true, true, topics) => {
                    topics.iter().fold(builder, |it, topic| it.on(topic, Ours::raw))
                }
                (true, false, topics) => {
                    topics.iter().fold(builder, |it, topic| it.on(topic, Ours::json))
                }
            }
        }};
    }
    let twin = kind.twin().as_str();
    match place.binder {
        Binder::Gleis => {
            let addr = chosen!(ours.bind(kind, "main")).await?;
            let at = addr.endpoint.to_string();
            theirs
                .order(json!({"do": "connect", "kind": twin, "at": at, "topics": topics}))
                .await?;
        }
        Binder::Foreign => {
            let bound = theirs.order(json!({"do": "bind", "kind": twin, "topics": topics})).await?;
            let at = bound["at"].as_str().ok_or_else(|| Failure::new("no address"))?;
            let addr = Addr::new(at.parse()?, kind.twin());
            chosen!(ours.connect_as(addr, "main")).await?;
        }
    }
    Ok(Met { _node: node, hears, ours, theirs })
}

const TOPICS: [&str; 2] = ["eu", "asia"];

async fn heard(met: &mut Met) -> Outcome<(String, Value)> {
    soon(met.hears.recv()).await?.ok_or_else(|| Failure::new("our agent is gone"))
}

async fn pushed(place: Place) -> Outcome {
    for serializer in ["json", "raw"] {
        let mut met = meet(place, serializer, Kind::Pull, &[]).await?;
        for text in ["", "hello", "Straße"] {
            met.theirs.order(json!({"do": "send", "message": text})).await?;
            same(heard(&mut met).await?.1, json!(text))?;
        }
        met.theirs.close().await?;
    }
    Ok(())
}

async fn send(met: &Met, serializer: &str, topic: Option<&str>, text: &str) -> Outcome {
    let ours = &met.ours;
    match (topic, serializer) {
        (None, "raw") => ours.send("main", Bytes::from(text.to_owned())).await?,
        (None, _) => ours.send("main", text.to_owned()).await?,
        (Some(topic), "raw") => ours.publish("main", topic, Bytes::from(text.to_owned())).await?,
        (Some(topic), _) => ours.publish("main", topic, text.to_owned()).await?,
    }
    Ok(())
}

async fn pushes(place: Place) -> Outcome {
    for serializer in ["json", "raw"] {
        let mut met = meet(place, serializer, Kind::Push, &[]).await?;
        for text in ["", "hello", "Straße"] {
            soon(send(&met, serializer, None, text)).await??;
        }
        let answer = met.theirs.order(json!({"do": "received", "count": 3})).await?;
        same(&answer["data"], &json!([["", ""], ["hello", ""], ["Straße", ""]]))?;
        met.theirs.close().await?;
    }
    Ok(())
}

async fn asked(place: Place) -> Outcome {
    for serializer in ["json", "raw"] {
        let mut met = meet(place, serializer, Kind::Rep, &[]).await?;
        for text in ["hello", "Straße"] {
            let order = json!({"do": "ask", "message": text});
            let answer = met.theirs.order(order).await?["data"].take();
            let expected = if serializer == "raw" { json!(text) } else { json!({"asked": text}) };
            same(answer, expected)?;
        }
        met.theirs.close().await?;
    }
    Ok(())
}

async fn asks(place: Place) -> Outcome {
    for serializer in ["json", "raw"] {
        let met = meet(place, serializer, Kind::Req, &[]).await?;
        let cx = met.ours.context();
        match serializer {
            "raw" => {
                let answer = cx.request::<Bytes>("main", Bytes::from_static(b"hello"));
                same(&soon(answer).await??[..], b"echo hello")?;
            }
            _ => {
                let answer = soon(cx.request::<Value>("main", json!("hello"))).await??;
                same(answer, json!({"echo": "hello"}))?;
            }
        }
        met.theirs.close().await?;
    }
    Ok(())
}

async fn published(place: Place) -> Outcome {
    for serializer in ["json", "raw"] {
        let mut met = meet(place, serializer, Kind::Sub, &TOPICS).await?;
        // What is published before the subscription has arrived is lost.
        let first = soon(async {
            loop {
                let order = json!({"do": "send", "message": "?", "topic": "asia-probe"});
                met.theirs.order(order).await?;
                let briefly = tokio::time::timeout(crate::osbrain::ATTEMPT, met.hears.recv());
                if let Ok(Some(heard)) = briefly.await {
                    return Ok::<_, Failure>(heard);
                }
            }
        });
        let said = |topic: &str, text: &str| match serializer {
            "raw" => (String::new(), json!(format!("{topic}{text}"))),
            _ => (topic.to_owned(), json!(text)),
        };
        same(first.await??, said("asia-probe", "?"))?;
        for topic in ["us", "eu.de", "asia"] {
            let order = json!({"do": "send", "message": "- x", "topic": topic});
            met.theirs.order(order).await?;
        }
        for topic in ["eu.de", "asia"] {
            // Probes that were sent meanwhile may come first.
            let heard = loop {
                let heard = heard(&mut met).await?;
                if heard != said("asia-probe", "?") {
                    break heard;
                }
            };
            same(heard, said(topic, "- x"))?;
        }
        met.theirs.close().await?;
    }
    Ok(())
}

async fn publishes(place: Place) -> Outcome {
    for serializer in ["json", "raw"] {
        let mut met = meet(place, serializer, Kind::Pub, &TOPICS).await?;
        let heard = soon(async {
            loop {
                send(&met, serializer, Some("us"), "no").await?;
                send(&met, serializer, Some("eu.de"), "yes").await?;
                // Not synchronisation: what nobody has subscribed to yet is lost.
                tokio::time::sleep(crate::osbrain::ATTEMPT).await;
                let answer = met.theirs.order(json!({"do": "received", "count": 0})).await?;
                if let Some(first) = answer["data"].get(0) {
                    return Ok::<_, Failure>(first.clone());
                }
            }
        });
        let said = |topic: &str, text: &str| match serializer {
            "raw" => json!(format!("{topic}{text}")),
            _ => json!(text),
        };
        same(&heard.await??[0], &said("eu.de", "yes"))?;
        for (topic, text) in
            [("us", "- 1"), ("asia", "- 2"), ("eu", "- 3"), ("e", "- 4"), ("asia.cn", "- 5")]
        {
            send(&met, serializer, Some(topic), text).await?;
        }
        let expected = [said("asia", "- 2"), said("eu", "- 3"), said("asia.cn", "- 5")];
        let all = soon(async {
            loop {
                let answer = met.theirs.order(json!({"do": "received", "count": 0})).await?;
                let heard = answer["data"].as_array().cloned().unwrap_or_default();
                let heard: Vec<_> = heard.into_iter().map(|mut it| it[0].take()).collect();
                if heard.last() == expected.last() {
                    return Ok::<_, Failure>(heard);
                }
            }
        });
        let mut all = all.await??;
        all.retain(|it| *it != said("eu.de", "yes"));
        same(&all[..], &expected[..])?;
        met.theirs.close().await?;
    }
    Ok(())
}

async fn pickled(place: Place) -> Outcome {
    let mut theirs = Program::start(Origin::OsBrain)?;
    theirs.order(json!({"do": "open", "serializer": "pickle"})).await?;
    // What it cannot read it logs, for whoever collects that.
    let ns = run_nameserver().await?;
    let logger = run_logger("logger").await?;
    let (listening, mut hears) = mpsc::unbounded_channel();
    let ours = run_agent("ours", Ours { heard: listening }).await?;
    ours.context().set_logger(logger.addr("logs").await?, PATIENCE).await?;
    match place.binder {
        Binder::Gleis => {
            let bind = ours.bind(Kind::Rep, "main").codec(AnyCodec::Json).handler(Ours::json);
            let at = bind.await?.endpoint.to_string();
            theirs.order(json!({"do": "connect", "kind": "REQ", "at": at})).await?;
        }
        Binder::Foreign => {
            let bound = theirs.order(json!({"do": "bind", "kind": "REQ"})).await?;
            let at = bound["at"].as_str().ok_or_else(|| Failure::new("no address"))?;
            let addr = Addr::new(at.parse()?, Kind::Req);
            let connect = ours.connect_as(addr, "main").codec(AnyCodec::Json);
            connect.handler(Ours::json).await?;
        }
    }
    theirs.order(json!({"do": "send", "message": "who?"})).await?;
    let refused = soon(async {
        loop {
            let lines = logger.find(Some("ours".to_owned()), Some(LogLevel::Warning)).await?;
            if let Some(line) = lines.into_iter().next() {
                return Ok::<_, Failure>(line.text);
            }
        }
    });
    let refused = refused.await??;
    let expect = "a message from `main` was dropped: ";
    holds(refused.starts_with(expect) && refused.contains("a pickled Python object"), &refused)?;
    holds(refused.contains("have its sender write json"), &refused)?;
    // The agent goes on.
    let local = ours.bind(Kind::Pull, "local").codec(AnyCodec::Json).handler(Ours::json).await?;
    let asker = run_agent("asker", Ours { heard: mpsc::unbounded_channel().0 }).await?;
    asker.connect_as(local, "out").await?;
    asker.send("out", json!("goes on")).await?;
    same(soon(hears.recv()).await?, Some((String::new(), json!("goes on"))))?;
    same(ours.state(), AgentState::Running)?;
    theirs.close().await?;
    soon(ns.shutdown(PATIENCE)).await??;
    Ok(())
}
