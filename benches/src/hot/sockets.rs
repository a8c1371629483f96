//! Sockets on one thread.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    Overflow, Publisher, Pull, Push, RecvError, Replier, RequestError, Requester, Subscriber,
};
use tokio::task::JoinSet;

use super::{Outcome, Place};
use crate::load::{Job, Load};

/// Requests in flight at a time.
const WINDOW: usize = 64;
/// How often the topics of [`matches`] come round.
const TOPICS: usize = 100;

pub(super) async fn push(place: Place, size: usize, n_messages: u64) -> Outcome {
    let pull = Pull::<Bytes>::bind(&place.at).options(place.options.clone()).await?;
    let push = Push::<Bytes>::connect(pull.endpoint()).options(place.options).await?;
    let received = tokio::spawn(async move {
        for _ in 0..n_messages {
            pull.recv().await?;
        }
        Ok::<_, RecvError>(())
    });
    let load = Load::new(size).message();
    for _ in 0..n_messages {
        push.send(load.clone()).await?;
    }
    Ok(received.await??)
}

pub(super) async fn push_jobs(place: Place, n_messages: u64) -> Outcome {
    let pull = Pull::<Job>::bind(&place.at).options(place.options.clone()).await?;
    let push = Push::<Job>::connect(pull.endpoint()).options(place.options).await?;
    let received = tokio::spawn(async move {
        for _ in 0..n_messages {
            pull.recv().await?;
        }
        Ok::<_, RecvError>(())
    });
    for id in 0..n_messages {
        push.send(Job::new(id)).await?;
    }
    Ok(received.await??)
}

/// Values that have nothing on the heap.
pub(super) async fn push_values(place: Place, n_messages: u64) -> Outcome {
    let pull = Pull::<u64>::bind(&place.at).options(place.options.clone()).await?;
    let push = Push::<u64>::connect(pull.endpoint()).options(place.options).await?;
    let received = tokio::spawn(async move {
        for _ in 0..n_messages {
            pull.recv().await?;
        }
        Ok::<_, RecvError>(())
    });
    for value in 0..n_messages {
        push.send(value).await?;
    }
    Ok(received.await??)
}

/// A requester, and a replier that gives back what it is asked.
async fn echo(place: Place, n_messages: u64) -> Result<Requester<Bytes, Bytes>, Box<dyn Error>> {
    let replier = Replier::<Bytes, Bytes>::bind(&place.at).options(place.options.clone()).await?;
    let requester = Requester::connect(replier.endpoint()).options(place.options).await?;
    tokio::spawn(async move {
        for _ in 0..n_messages {
            let Ok((question, reply)) = replier.recv().await else { return };
            // Whoever asked waits.
            let _ = reply.send(question).await;
        }
        // The last answers have to leave.
        replier.close().await;
    });
    Ok(requester)
}

/// One request at a time.
pub(super) async fn request(place: Place, size: usize, n_messages: u64) -> Outcome {
    let requester = echo(place, n_messages).await?;
    let load = Load::new(size).message();
    for _ in 0..n_messages {
        requester.request(load.clone()).await?;
    }
    Ok(())
}

/// As many in flight as the window allows, all of one task.
pub(super) async fn window(place: Place, size: usize, n_messages: u64) -> Outcome {
    let requester = echo(place, n_messages).await?;
    let load = Load::new(size).message();
    let mut answers = VecDeque::with_capacity(WINDOW);
    for _ in 0..n_messages {
        if answers.len() == WINDOW
            && let Some(oldest) = answers.pop_front()
        {
            oldest.await?;
        }
        answers.push_back(requester.try_request(load.clone())?);
    }
    for answer in answers {
        answer.await?;
    }
    Ok(())
}

/// As many in flight, each of a task that awaits its answer.
pub(super) async fn callers(place: Place, size: usize, n_messages: u64) -> Outcome {
    let each = n_messages.div_ceil(WINDOW as u64);
    let requester = Arc::new(echo(place, each * WINDOW as u64).await?);
    let load = Load::new(size).message();
    let mut callers = JoinSet::new();
    for _ in 0..WINDOW {
        let (requester, load) = (requester.clone(), load.clone());
        callers.spawn(async move {
            for _ in 0..each {
                requester.request(load.clone()).await?;
            }
            Ok::<_, RequestError>(())
        });
    }
    for asked in callers.join_all().await {
        asked?;
    }
    Ok(())
}

pub(super) async fn publish(
    place: Place,
    n_subscribers: usize,
    size: usize,
    n_messages: u64,
) -> Outcome {
    let publisher = Publisher::<Bytes>::bind(&place.at)
        .options(place.options.clone())
        .overflow(Overflow::Block)
        .await?;
    let mut subscribers = JoinSet::new();
    for _ in 0..n_subscribers {
        let next = Subscriber::<Bytes>::connect(publisher.endpoint())
            .options(place.options.clone())
            .subscribe("")
            .await?;
        subscribers.spawn(receive(next, n_messages));
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

/// Publications of which every other one is wanted, by one of many prefixes.
pub(super) async fn matches(place: Place, n_prefixes: usize, n_messages: u64) -> Outcome {
    let publisher = Publisher::<Bytes>::bind(&place.at)
        .options(place.options)
        .overflow(Overflow::Block)
        .max_subscriptions(n_prefixes)
        .await?;
    let subscriber = Subscriber::<Bytes>::connect(publisher.endpoint()).subscribe(topic(0)).await?;
    publisher.wait_for_subscribers(1).await;
    for i in 1..n_prefixes {
        subscriber.subscribe(topic(i));
        if i.is_multiple_of(1_000) {
            tokio::task::yield_now().await;
        }
    }
    subscriber.ready(Duration::from_secs(60)).await?;
    let wanted: Vec<_> = (0..TOPICS).map(|i| topic(i * n_prefixes / TOPICS) + "end").collect();
    let unwanted: Vec<_> = wanted.iter().map(|it| it.replace('t', "s")).collect();
    let load = Load::new(64).message();
    let n_wanted = n_messages.div_ceil(2);
    let received = tokio::spawn(receive(subscriber, n_wanted));
    for i in (0..TOPICS).cycle().take(n_wanted as usize) {
        publisher.publish(&wanted[i], load.clone()).await?;
        publisher.publish(&unwanted[i], load.clone()).await?;
    }
    Ok(received.await??)
}

fn topic(i: usize) -> String {
    format!("topic.{i:06}.")
}

async fn receive(subscriber: Subscriber<Bytes>, n_messages: u64) -> Result<(), RecvError> {
    for _ in 0..n_messages {
        subscriber.recv().await?;
    }
    Ok(())
}
