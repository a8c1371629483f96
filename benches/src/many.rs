//! Many messages in flight at once, and many subscriptions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gleis_patterns::{
    Dealer, Endpoint, Overflow, Publisher, Replier, Requester, Router, Subscriber,
};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::load::{Load, is_last};
use crate::rig::{Cores, Outcome, Ready, Rig, confirmation};
use crate::sockets::TCP;

/// Subscriptions that are asked for before they are waited for.
const BLOCK: usize = 1_000;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn echo(ready: Ready<Endpoint>) -> Outcome {
    let replier = Replier::<Bytes, Bytes>::bind(TCP).await?;
    ready.tell(replier.endpoint().clone());
    loop {
        let (question, reply) = replier.recv().await?;
        reply.send(question).await?;
    }
}

/// Dealer to Router and back, `window` messages in flight from one task.
pub fn dealers_in_flight(size: usize, window: u64) -> Rig {
    let serve = async |ready: Ready<Endpoint>| {
        let router = Router::<Bytes>::bind(TCP).await?;
        ready.tell(router.endpoint().clone());
        loop {
            let (peer, question) = router.recv().await?;
            router.send_to(&peer, question).await?;
        }
    };
    Rig::pair(Cores::Any, serve, async move |mut turns, at| {
        let dealer = Dealer::<Bytes>::connect(at).await?;
        let load = Load::new(size);
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            for i in 0..n + window {
                if window <= i {
                    dealer.recv().await?;
                }
                if i < n {
                    dealer.send(load.message()).await?;
                }
            }
            turns.done(start.elapsed());
        }
        Ok(())
    })
}

/// Requester to Replier and back, `window` requests in flight from one task.
pub fn in_flight(size: usize, window: usize) -> Rig {
    Rig::pair(Cores::Any, echo, async move |mut turns, at| {
        let requester = Requester::<Bytes, Bytes>::connect(at).await?;
        let load = Load::new(size);
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            let mut waiting = VecDeque::new();
            for _ in 0..n {
                if waiting.len() == window
                    && let Some(oldest) = waiting.pop_front()
                {
                    let _: Bytes = Box::into_pin(oldest as Box<dyn Future<Output = _>>).await?;
                    tokio::task::coop::consume_budget().await;
                }
                waiting.push_back(Box::new(requester.try_request(load.message())?));
            }
            for last in waiting {
                let _: Bytes = Box::into_pin(last as Box<dyn Future<Output = _>>).await?;
            }
            turns.done(start.elapsed());
        }
        Ok(())
    })
}

/// Requester to Replier and back from `n_callers` tasks, each of which awaits its answer.
pub fn callers(size: usize, n_callers: u64, cores: Cores) -> Rig {
    Rig::pair(cores, echo, async move |mut turns, at| {
        let requester = Arc::new(Requester::<Bytes, Bytes>::connect(at).await?);
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            let mut callers = JoinSet::new();
            for _ in 0..n_callers {
                let (requester, load) = (requester.clone(), Load::new(size));
                callers.spawn(async move {
                    for _ in 0..n / n_callers {
                        requester.request(load.message()).await?;
                    }
                    Ok::<_, gleis_patterns::RequestError>(())
                });
            }
            while let Some(done) = callers.join_next().await {
                done??;
            }
            turns.done(start.elapsed());
        }
        Ok(())
    })
}

/// Publications to one subscriber with `n_prefixes` subscriptions, one of which wants them.
pub fn publish_by_prefix(size: usize, n_prefixes: usize) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    let (tell, told) = oneshot::channel::<Endpoint>();
    let (tell_ready, ready_told) = oneshot::channel::<()>();
    Rig::pair(
        Cores::Any,
        async move |ready: Ready<()>| {
            ready.tell(());
            let subscriber = Subscriber::<Bytes>::connect(told.await?).await?;
            for i in 0..n_prefixes {
                subscriber.subscribe(format!("topic.{i}."));
                if i % BLOCK == BLOCK - 1 || i + 1 == n_prefixes {
                    subscriber.ready(PATIENCE).await?;
                }
            }
            tell_ready.send(()).map_err(|()| "the publisher is gone")?;
            loop {
                if is_last(&subscriber.recv().await?.message) {
                    confirm.tell();
                }
            }
        },
        async move |mut turns, ()| {
            let publisher = Publisher::<Bytes>::bind(TCP).overflow(Overflow::Block);
            let publisher = publisher.max_subscriptions(n_prefixes).await?;
            tell.send(publisher.endpoint().clone()).map_err(|_| "the subscriber is gone")?;
            ready_told.await?;
            let (load, topic) = (Load::new(size), format!("topic.{}.end", n_prefixes / 2));
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    publisher.publish(&topic, Bytes::copy_from_slice(message)).await?;
                }
                confirmed.wait(1).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}
