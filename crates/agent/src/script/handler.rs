//! Scripts as handlers of messages.

use std::sync::Arc;

use gleis_codec::AnyCodec;
use gleis_core::Value;

use super::Scripted;
use crate::{
    Agent, Context, Fault,
    job::{Job, What},
    node::{bare, read},
    socket::{AnyHandler, Received},
};

/// Handles messages with a script.
pub(crate) fn handler<A: Agent>(script: &Scripted) -> AnyHandler<A> {
    let script = script.clone();
    Arc::new(move |received: Received| {
        let script = script.clone();
        Job::new(What::Message(received.alias().clone()), move |agent, cx| {
            Box::pin(handle(script, agent, cx, received))
        })
    })
}

async fn handle<A: Agent>(
    script: Scripted,
    agent: &mut A,
    cx: &Context<A>,
    received: Received,
) -> Result<(), Fault> {
    let message = match read(received.codec(), received.body()) {
        Ok(Value::Bytes(bytes)) => text_or_bytes(bytes),
        Ok(message) => message,
        Err(error) => return received.refuse(cx, error).await,
    };
    let arguments = script.arguments(message);
    let work = async { script.run(agent, cx, arguments).await? };
    let encode = |codec: &AnyCodec, answer: &_| Ok(bare(codec, answer)?);
    // Whoever sent the message hears of it; what comes from elsewhere must not stop the agent.
    if let Err(fault) = received.handle(work, encode).await {
        cx.log_warning(format!("a script that handles messages failed: {fault}"));
    }
    Ok(())
}

/// Text, if it is any: `raw` says nothing of what it carries.
fn text_or_bytes(bytes: Vec<u8>) -> Value {
    String::from_utf8(bytes).map_or_else(|it| Value::Bytes(it.into_bytes()), Value::String)
}
