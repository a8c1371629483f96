//! The sockets of `gleis-patterns`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gleis_patterns::{
    Endpoint, Overflow, Publisher, Pull, Push, Replier, RequestError, Requester, Subscriber,
};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::load::{Job, Load, is_last};
use crate::rig::{Confirm, Cores, Ready, Rig, confirmation, in_task};

/// A place that the system chooses.
pub const TCP: &str = "tcp://127.0.0.1:0";

/// Push to Pull over tcp, ready bytes.
pub fn push(size: usize) -> Rig {
    push_over(TCP, size, Cores::Any)
}

/// The same over another transport.
pub fn push_over(place: &'static str, size: usize, cores: Cores) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    Rig::pair(
        cores,
        async move |ready| {
            let pull = Pull::<Bytes>::bind(place).await?;
            ready.tell(pull.endpoint().clone());
            loop {
                if is_last(&pull.recv().await?) {
                    confirm.tell();
                }
            }
        },
        async move |mut turns, at| {
            let push = Push::<Bytes>::connect(at).await?;
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    push.send(Bytes::copy_from_slice(message)).await?;
                }
                confirmed.wait(1).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

/// Push to Pull over tcp, a fresh [`Job`] each, encoded and decoded by the default codec.
pub fn push_jobs() -> Rig {
    let (confirm, mut confirmed) = confirmation();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let pull = Pull::<Job>::bind(TCP).await?;
            ready.tell(pull.endpoint().clone());
            loop {
                if pull.recv().await?.is_last() {
                    confirm.tell();
                }
            }
        },
        async move |mut turns, at| {
            let push = Push::<Job>::connect(at).await?;
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for id in (0..n).rev() {
                    push.send(Job::new(id)).await?;
                }
                confirmed.wait(1).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

/// Requester to Replier and back over tcp, one request at a time.
pub fn request(size: usize, cores: Cores) -> Rig {
    request_over(TCP, size, cores, 0.5)
}

/// The same over another transport; each turn tells this quantile.
pub fn request_over(place: &'static str, size: usize, cores: Cores, quantile: f64) -> Rig {
    Rig::pair(
        cores,
        async move |ready| {
            let replier = Replier::<Bytes, Bytes>::bind(place).await?;
            ready.tell(replier.endpoint().clone());
            loop {
                let (request, reply) = replier.recv().await?;
                reply.send(request).await?;
            }
        },
        async move |mut turns, at| {
            let requester = Requester::<Bytes, Bytes>::connect(at).await?;
            let load = Load::new(size);
            let mut times = Vec::new();
            while let Some(n) = turns.next().await {
                for _ in 0..n {
                    let start = Instant::now();
                    requester.request(load.message()).await?;
                    times.push(start.elapsed());
                }
                turns.done_quantile(&mut times, quantile);
            }
            Ok(())
        },
    )
}

/// Requester to Replier and back between two tasks of one thread.
pub fn request_in_process() -> Rig {
    Rig::alone(async |mut turns| {
        let replier = Replier::<u64, u64>::bind("inproc://request").await?;
        let requester = Requester::<u64, u64>::connect(replier.endpoint()).await?;
        let requester = Arc::new(requester);
        let _server = tokio::spawn(async move {
            while let Ok((question, reply)) = replier.recv().await {
                // Whoever asked waits.
                let _ = reply.send(question + 1).await;
            }
        });
        while let Some(n) = turns.next().await {
            let requester = requester.clone();
            let asked = in_task(async move {
                for question in 0..n {
                    requester.request(question).await?;
                }
                Ok::<_, RequestError>(())
            });
            turns.done(asked.await?);
        }
        Ok(())
    })
}

/// Publisher to Subscribers over tcp; nothing is dropped.
pub fn publish(n_subscribers: usize, size: usize) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    let (tell, told) = oneshot::channel::<Endpoint>();
    Rig::pair(
        Cores::Any,
        async move |ready: Ready<()>| {
            ready.tell(());
            let at = told.await?;
            let mut subscribers = JoinSet::new();
            for _ in 0..n_subscribers {
                let next = Subscriber::connect(&at).subscribe("").await?;
                subscribers.spawn(receive(next, confirm.clone()));
            }
            subscribers.join_all().await;
            Ok(())
        },
        async move |mut turns, ()| {
            let publisher = Publisher::bind(TCP).overflow(Overflow::Block).await?;
            tell.send(publisher.endpoint().clone()).map_err(|_| "the subscribers are gone")?;
            publisher.wait_for_subscribers(n_subscribers).await;
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    let message = Bytes::copy_from_slice(message);
                    publisher.publish("news", message).await?;
                }
                confirmed.wait(n_subscribers).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

async fn receive(subscriber: Subscriber<Bytes>, confirm: Confirm) {
    while let Ok(publication) = subscriber.recv().await {
        if is_last(&publication.message) {
            confirm.tell();
        }
    }
}
