//! The connections of `gleis-transport`, without sockets on top.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gleis_core::Endpoint;
use gleis_transport::{
    Body, Connection, Inbound, LinkConfig, Message, Receiver, Sender, SocketType, connect, listen,
};

use crate::load::{Load, is_last};
use crate::rig::{Confirm, Confirmed, Cores, Outcome, Ready, Rig, Turns, confirmation};
use crate::sockets::TCP;

/// One unit of tokio's budget is spent for so many sends, as our sockets do it.
const SENDS: u64 = 8;

/// Messages over tcp, written and read in batches.
pub fn push(size: usize) -> Rig {
    push_over(TCP, size)
}

/// The same over another transport.
pub fn push_over(place: &'static str, size: usize) -> Rig {
    let (confirm, confirmed) = confirmation();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let (_sender, receiver) = accept(place, ready).await?.split();
            receive(receiver, confirm).await
        },
        async move |turns, at| {
            let (sender, _receiver) = connect(&at, &config()).await?.split();
            send(turns, sender, confirmed, Load::new(size)).await
        },
    )
}

/// The same between two tasks of one thread.
pub fn push_in_process(size: usize) -> Rig {
    let (confirm, confirmed) = confirmation();
    Rig::alone(async move |turns| {
        let at: Endpoint = format!("inproc://push-{size}").parse()?;
        let mut listener = listen(&at, &config()).await?;
        let (to, from) = tokio::try_join!(async { Ok(connect(&at, &config()).await?) }, async {
            Ok::<_, Box<dyn std::error::Error>>(listener.accept().await?)
        },)?;
        let ((sender, _receiver), (_sender, receiver)) = (to.split(), from.split());
        let receiver = async { receive(receiver, confirm).await };
        tokio::select! {
            sent = send(turns, sender, confirmed, Load::new(size)) => sent,
            received = receiver => received,
        }
    })
}

/// One message there and back over tcp, again and again.
pub fn round_trip(size: usize, cores: Cores) -> Rig {
    round_trip_over(TCP, size, cores)
}

/// The same over another transport.
pub fn round_trip_over(place: &'static str, size: usize, cores: Cores) -> Rig {
    Rig::pair(
        cores,
        async move |ready| {
            let (sender, mut receiver) = accept(place, ready).await?.split();
            let mut batch = Vec::new();
            loop {
                receiver.recv_many(&mut batch).await?;
                for message in messages(&mut batch) {
                    sender.send(message).await?;
                }
            }
        },
        async move |mut turns, at| {
            let (sender, mut receiver) = connect(&at, &config()).await?.split();
            let (load, mut batch) = (Load::new(size), Vec::new());
            let mut times = Vec::new();
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    sender.send(Message::single(load.message())).await?;
                    receiver.recv_many(&mut batch).await?;
                    batch.clear();
                    times.push(start.elapsed());
                }
                turns.done_each(&mut times);
            }
            Ok(())
        },
    )
}

async fn send(mut turns: Turns, sender: Sender, mut confirmed: Confirmed, load: Load) -> Outcome {
    while let Some(n) = turns.next().await {
        let start = Instant::now();
        for (i, message) in (0_u64..).zip(load.turn(n)) {
            if i.is_multiple_of(SENDS) {
                tokio::task::coop::consume_budget().await;
            }
            let message = Message::single(Bytes::copy_from_slice(message));
            sender.send(message).await?;
        }
        confirmed.wait(1).await?;
        turns.done(start.elapsed());
    }
    Ok(())
}

async fn receive(mut receiver: Receiver, confirm: Confirm) -> Outcome {
    let mut batch = Vec::new();
    loop {
        receiver.recv_many(&mut batch).await?;
        for message in messages(&mut batch) {
            if matches!(&message.body, Body::Bytes(body) if is_last(body)) {
                confirm.tell();
            }
        }
    }
}

fn messages(batch: &mut Vec<Inbound>) -> impl Iterator<Item = Message> {
    batch.drain(..).filter_map(|item| match item {
        Inbound::Message(message) => Some(message),
        Inbound::Control(_) => None,
    })
}

async fn accept(
    place: &str,
    ready: Ready<Endpoint>,
) -> Result<Connection, Box<dyn std::error::Error>> {
    let mut listener = listen(&place.parse()?, &config()).await?;
    ready.tell(listener.endpoint().clone());
    Ok(listener.accept().await?)
}

fn config() -> Arc<LinkConfig> {
    Arc::new(LinkConfig::new(SocketType::Dealer))
}
