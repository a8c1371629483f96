//! Foreign PUSH and SUB sockets as applications of a hub, as Braviz has them.

use bytes::Bytes;
use gleis_broker::{Json, MessageClient, MessageServer};
use serde_json::{Value, json};

use crate::foreign::{Engine, Foreign, Wish};
use crate::outcome::{Outcome, same, soon, until};
use crate::runner::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let scenario = |engine: Engine| {
        let name = engine.name();
        Scenario::new(
            format!("PUSH and SUB of {name} are an application of a hub, beside ours"),
            move || application(engine),
        )
    };
    Engine::ALL.map(scenario).into()
}

async fn application(engine: Engine) -> Outcome {
    let hub = MessageServer::bind().await?;
    let ours = MessageClient::connect(&hub).await?;
    let mut sub = Foreign::open(engine, "SUB", Wish::default()).await?;
    sub.subscribe(&Bytes::new()).await?;
    sub.connect(&hub.broadcast_address().to_string()).await?;
    let mut push = Foreign::at(engine, "PUSH", &hub.receive_address().to_string()).await?;
    until(|| hub.stats().subscribers == 2).await?;

    // What is no message harms nobody.
    let text = Bytes::from_static(br#"{ "type": "ready",  "source_pid": 1, "source_id": "x" }"#);
    push.send(&[vec![Bytes::from_static(b"{")], vec![text.clone()]]).await?;
    same(sub.recv(1).await?, [[text.clone()]])?;
    same(soon(ours.recv()).await??.bytes().clone(), text)?;

    let message = json!({"type": "subject", "subject": "119"});
    ours.send_message(&message).await?;
    let received = sub.recv(1).await?.concat().concat();
    same(serde_json::from_slice::<Value>(&received).ok(), Some(message.clone()))?;
    // Sent back as it came, it is somebody else's, but for the mark.
    let same_text = Json::new(&message)?.text().to_owned();
    push.send(&[vec![same_text.clone().into()]]).await?;
    same(soon(ours.recv()).await??.text(), &same_text[..])?;
    same((hub.stats().invalid, hub.stats().forwarded), (1, 3))
}
