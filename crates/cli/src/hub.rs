//! `gleis hub`

use std::time::Duration;

use gleis_broker::{Addresses, ClientError, Json, MessageClient, MessageServer};
use gleis_core::Endpoint;
use serde_json::json;

use crate::args::Hub;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::stop::Stop;

pub(crate) async fn run(command: Hub, output: Output, timeout: Duration) -> Outcome {
    match command {
        Hub::Run { public, advertise } => {
            let mut stop = Stop::new()?;
            let mut server = MessageServer::bind().local_only(!public);
            if let Some(host) = advertise {
                server = server.advertise(host);
            }
            let server = server.await.map_err(|it| Failure::local(&it))?;
            tell_addresses(&server, output)?;
            stop.asked().await?;
            stop.orderly(server.shutdown()).await
        }
        Hub::Tail { broadcast, count } => tail(broadcast, count, output, timeout).await,
        Hub::Send { receive, message } => {
            let message = Json::parse(message).map_err(|it| {
                Failure::usage(it.to_string()).hint("'{\"type\": \"subject\", \"subject\": \"1\"}'")
            })?;
            let at = Addresses { broadcast: None, receive: Some(receive) };
            let client = connect(at, timeout).await?;
            client.send_message(&message).await.map_err(|it| failure(&it))?;
            // It has to leave before this ends.
            match client.close().await {
                0 => Ok(()),
                _ => Err(Failure::late("the hub did not take it", timeout)),
            }
        }
    }
}

pub(crate) fn tell_addresses(server: &MessageServer, output: Output) -> Outcome {
    let (broadcast, receive) = (server.broadcast_address(), server.receive_address());
    let text =
        format!("export GLEIS_HUB_BROADCAST={broadcast}\nexport GLEIS_HUB_RECEIVE={receive}");
    let value = json!({"broadcast": broadcast.to_string(), "receive": receive.to_string()});
    output.line(&text, &value)
}

async fn tail(
    broadcast: Endpoint,
    count: Option<u64>,
    output: Output,
    timeout: Duration,
) -> Outcome {
    let client = connect(Addresses { broadcast: Some(broadcast), receive: None }, timeout).await?;
    let (mut left, mut stop) = (count, Stop::new()?);
    while left != Some(0) {
        let message = tokio::select! {
            message = client.recv() => message,
            res = stop.asked() => return res,
        };
        match message {
            Ok(message) => {
                output.line(message.text(), &json!(message))?;
                left = left.map(|it| it - 1);
            }
            Err(ClientError::Gap { missed }) => {
                output.line(&format!("(missed {missed})"), &json!({"missed": missed}))?;
            }
            Err(error) => return Err(failure(&error)),
        }
    }
    Ok(())
}

async fn connect(to: Addresses, timeout: Duration) -> Outcome<MessageClient> {
    let connecting = tokio::time::timeout(timeout, MessageClient::connect(to)).await;
    let hint = "gleis hub run";
    match connecting {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(Failure::unreachable(&error).hint(hint)),
        Err(_) => Err(Failure::late("there is no hub", timeout).hint(hint)),
    }
}

fn failure(error: &ClientError) -> Failure {
    match error {
        ClientError::Invalid(_) => Failure::usage(error.to_string()),
        ClientError::Closed | ClientError::Open(_) => Failure::unreachable(error),
        _ => Failure::remote(error),
    }
}
