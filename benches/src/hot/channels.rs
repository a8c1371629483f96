//! Channels on one thread.

use std::collections::VecDeque;

use bytes::Bytes;
use gleis_channels::{AsyncReplier, AsyncRequester, RecvError, SyncPublisher, SyncSubscriber};
use tokio::task::JoinSet;

use super::{Outcome, Place};
use crate::load::Load;

/// Requests in flight at a time.
const WINDOW: usize = 64;

/// As many requests in flight as the window allows, all of one task, answered by a handler.
pub(super) async fn window(place: Place, size: usize, n_messages: u64) -> Outcome {
    let replier = AsyncReplier::<Bytes, Bytes>::bind(place.at).options(place.options.clone());
    let replier = replier.await?.serve(std::future::ready::<Bytes>);
    let requester = AsyncRequester::<Bytes, Bytes>::connect(replier.endpoint());
    let requester = requester.options(place.options).await?;
    let load = Load::new(size).message();
    let mut answers = VecDeque::with_capacity(WINDOW);
    for _ in 0..n_messages {
        if answers.len() == WINDOW
            && let Some(oldest) = answers.pop_front()
        {
            let _: Bytes = oldest.await?;
        }
        answers.push_back(requester.request(load.clone())?.start());
    }
    for answer in answers {
        let _: Bytes = answer.await?;
    }
    Ok(())
}

pub(super) async fn publish(
    place: Place,
    n_subscribers: usize,
    size: usize,
    n_messages: u64,
) -> Outcome {
    let publisher = SyncPublisher::<Bytes, (), ()>::bind(place.at);
    let publisher = publisher.options(place.options.clone()).lossless().await?;
    let mut subscribers = JoinSet::new();
    for _ in 0..n_subscribers {
        let next = SyncSubscriber::connect(publisher.endpoint()).options(place.options.clone());
        subscribers.spawn(receive(next.subscribe("").await?, n_messages));
    }
    publisher.wait_for_subscribers(n_subscribers).await;
    let load = Load::new(size).message();
    for _ in 0..n_messages {
        publisher.publish("news", load.clone()).await?;
    }
    for received in subscribers.join_all().await {
        received?;
    }
    Ok(())
}

async fn receive(
    subscriber: SyncSubscriber<Bytes, (), ()>,
    n_messages: u64,
) -> Result<(), RecvError> {
    for _ in 0..n_messages {
        subscriber.recv().await?;
    }
    Ok(())
}
