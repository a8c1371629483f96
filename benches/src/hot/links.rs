//! Connections on one thread.

use std::error::Error;
use std::sync::Arc;

use gleis_transport::{
    Connection, Inbound, LinkConfig, Message, Receiver, SocketType, connect, listen,
};

use super::{Outcome, Place};
use crate::load::Load;

/// One unit of tokio's budget is spent for so many sends, as our sockets do it.
const SENDS: u64 = 8;

pub(super) async fn push(place: Place, size: usize, n_messages: u64) -> Outcome {
    let (near, far) = ends(&place).await?;
    let ((sender, _receiver), (_sender, receiver)) = (near.split(), far.split());
    let received = tokio::spawn(receive(receiver, n_messages));
    let load = Load::new(size).message();
    for i in 0..n_messages {
        if i.is_multiple_of(SENDS) {
            tokio::task::coop::consume_budget().await;
        }
        sender.send(Message::single(load.clone())).await?;
    }
    received.await?;
    Ok(())
}

pub(super) async fn round_trip(place: Place, size: usize, n_messages: u64) -> Outcome {
    let (near, far) = ends(&place).await?;
    let (back, mut asked) = far.split();
    let echo = tokio::spawn(async move {
        let mut batch = Vec::new();
        while asked.recv_many(&mut batch).await.is_ok() {
            for item in batch.drain(..) {
                if let Inbound::Message(message) = item {
                    // Whoever asked may be done.
                    let _ = back.send(message).await;
                }
            }
        }
    });
    let (sender, mut receiver) = near.split();
    let (load, mut batch) = (Load::new(size).message(), Vec::new());
    for _ in 0..n_messages {
        sender.send(Message::single(load.clone())).await?;
        receiver.recv_many(&mut batch).await?;
        batch.clear();
    }
    drop((sender, receiver));
    Ok(echo.await?)
}

async fn receive(mut receiver: Receiver, n_messages: u64) {
    let (mut batch, mut n_received) = (Vec::new(), 0);
    while n_received < n_messages && receiver.recv_many(&mut batch).await.is_ok() {
        n_received += batch.len() as u64;
        batch.clear();
    }
}

async fn ends(place: &Place) -> Result<(Connection, Connection), Box<dyn Error>> {
    let mut config = LinkConfig::new(SocketType::Dealer);
    config.options = place.options.clone();
    let config = Arc::new(config);
    let mut listener = listen(&place.at, &config).await?;
    let at = listener.endpoint().clone();
    let (near, far) = tokio::join!(connect(&at, &config), listener.accept());
    Ok((near?, far?))
}
