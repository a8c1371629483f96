//! `gleis send`, `sub`, `req` and `rep`

use std::time::Duration;

use bytes::Bytes;
use gleis_core::Endpoint;
use gleis_patterns::{
    OpenError, Push, RecvError, Replier, RequestError, Requester, SendError, Subscriber,
};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use crate::args::{Rep, Req, Send, Sub};
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::stop::Stop;

pub(crate) async fn send(command: Send, output: Output, timeout: Duration) -> Outcome {
    let Send { to, messages } = command;
    let push = Push::<Bytes>::connect(&to).ready(timeout);
    let push = push.await.map_err(|it| not_there(&it, &to))?;
    let mut n_sent = 0u64;
    let mut give = async |message: String| -> Outcome {
        let sending = tokio::time::timeout(timeout, push.send(Bytes::from(message)));
        match sending.await.unwrap_or(Err(SendError::TimedOut)) {
            Ok(()) => n_sent += 1,
            Err(SendError::TimedOut) => return Err(Failure::late("it takes nothing", timeout)),
            Err(error) => return Err(Failure::remote(&error)),
        }
        Ok(())
    };
    if messages.is_empty() {
        let mut lines = BufReader::new(stdin()).lines();
        while let Some(line) = lines.next_line().await.map_err(|it| Failure::local(&it))? {
            give(line).await?;
        }
    } else {
        for message in messages {
            give(message).await?;
        }
    }
    let lost = push.close().await;
    if 0 < lost {
        return Err(Failure::late(&format!("{lost} messages did not leave"), timeout));
    }
    output.line(&format!("sent {n_sent}"), &json!({"sent": n_sent}))
}

pub(crate) async fn sub(command: Sub, output: Output, timeout: Duration) -> Outcome {
    let Sub { from, prefixes, count } = command;
    let mut stop = Stop::new()?;
    let mut subscriber = Subscriber::<Bytes>::connect(&from);
    for prefix in if prefixes.is_empty() { vec![String::new()] } else { prefixes } {
        subscriber = subscriber.subscribe(Bytes::from(prefix));
    }
    let subscriber = subscriber.ready(timeout).await.map_err(|it| not_there(&it, &from))?;
    let mut left = count;
    while left != Some(0) {
        let received = tokio::select! {
            received = subscriber.recv() => received,
            res = stop.asked() => return res,
        };
        match received {
            Ok(it) => {
                let (topic, message) = (text(&it.topic), text(&it.message));
                output.line(
                    &format!("{topic} {message}"),
                    &json!({"topic": topic, "message": message}),
                )?;
                left = left.map(|it| it - 1);
            }
            Err(RecvError::Gap { missed, .. }) => {
                output.line(&format!("(missed {missed})"), &json!({"missed": missed}))?;
            }
            Err(error @ RecvError::Closed) => return Err(Failure::unreachable(&error)),
            Err(error) => {
                output.line(&format!("({error})"), &json!({"error": error.to_string()}))?;
            }
        }
    }
    Ok(())
}

pub(crate) async fn req(command: Req, output: Output, timeout: Duration) -> Outcome {
    let Req { to, message } = command;
    let requester = Requester::<Bytes, Bytes>::connect(&to).timeout(timeout).ready(timeout);
    let requester = requester.await.map_err(|it| not_there(&it, &to))?;
    match requester.request(Bytes::from(message)).await {
        Ok(answer) => {
            let answer = text(&answer);
            output.line(&answer, &json!({"answer": answer}))
        }
        Err(RequestError::DeadlineExceeded { .. }) => {
            Err(Failure::late("there is no answer", timeout))
        }
        Err(error @ (RequestError::NoPeer | RequestError::PeerLost { .. })) => {
            Err(Failure::unreachable(&error))
        }
        Err(error) => Err(Failure::remote(&error)),
    }
}

pub(crate) async fn rep(command: Rep, output: Output) -> Outcome {
    let Rep { at, answer, count } = command;
    let mut stop = Stop::new()?;
    let replier = Replier::<Bytes, Bytes>::bind(at).await.map_err(|it| Failure::local(&it))?;
    let at = replier.endpoint().to_string();
    output.line(&format!("answers at {at}"), &json!({"endpoint": at}))?;
    let answer = answer.map(Bytes::from);
    let mut left = count;
    while left != Some(0) {
        let asked = tokio::select! {
            asked = replier.recv() => asked,
            res = stop.asked() => return res,
        };
        let (question, reply) = asked.map_err(|it| Failure::remote(&it))?;
        let asked = text(&question);
        output.line(&asked, &json!({"request": asked}))?;
        // Whoever asked may have gone.
        let _ = reply.send(answer.clone().unwrap_or(question)).await;
        left = left.map(|it| it - 1);
    }
    stop.orderly(replier.close()).await
}

/// As text; what is none is shown escaped.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

pub(crate) fn not_there(error: &OpenError, at: &Endpoint) -> Failure {
    Failure::unreachable(error).hint(format!("is something listening at {at}?"))
}
