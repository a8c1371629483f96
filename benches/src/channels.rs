//! What `gleis-channels` does, and the sockets that do the like.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gleis_channels::{
    AsyncReplier, AsyncRequester, Content, CorrelatedChannel, Event, PassthroughChannel,
    ReadChannel, SyncPublisher, SyncSubscriber, request_via_channel,
};
use gleis_patterns::{Endpoint, Replier, Requester};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Load;
use crate::load::is_last;
use crate::rig::{Confirm, Cores, Outcome, Ready, Rig, confirmation};

const TCP: &str = "tcp://127.0.0.1:0";
const PATIENCE: Duration = Duration::from_secs(10);

/// Asynchronous requests over tcp, `window` in flight from one task, answered by a handler.
pub fn in_flight(size: usize, window: usize) -> Rig {
    let serve = async |ready: Ready<Endpoint>| -> Outcome {
        let replier = AsyncReplier::<Bytes, Bytes>::bind(TCP).await?;
        let replier = replier.serve(std::future::ready::<Bytes>);
        ready.tell(replier.endpoint().clone());
        std::future::pending().await
    };
    Rig::pair(Cores::Any, serve, async move |mut turns, at| {
        let requester = AsyncRequester::<Bytes, Bytes>::connect(at).ready(PATIENCE).await?;
        let load = Load::new(size);
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            let mut waiting = VecDeque::new();
            for _ in 0..n {
                if waiting.len() == window
                    && let Some(oldest) = waiting.pop_front()
                {
                    let _: Bytes = oldest.await?;
                    tokio::task::coop::consume_budget().await;
                }
                waiting.push_back(requester.request(load.message())?.start());
            }
            for last in waiting {
                let _: Bytes = last.await?;
            }
            turns.done(start.elapsed());
        }
        Ok(())
    })
}

/// Requester to Replier and back over tcp, `window` in flight from one task.
pub fn plain_in_flight(size: usize, window: usize) -> Rig {
    let serve = async |ready: Ready<Endpoint>| -> Outcome {
        let replier = Replier::<Bytes, Bytes>::bind(TCP).await?;
        ready.tell(replier.endpoint().clone());
        loop {
            let (question, reply) = replier.recv().await?;
            reply.send(question).await?;
        }
    };
    Rig::pair(Cores::Any, serve, async move |mut turns, at| {
        let requester = Requester::<Bytes, Bytes>::connect(at).ready(PATIENCE).await?;
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

/// Synced publications over tcp; nothing is dropped.
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
                let next = SyncSubscriber::connect(&at).subscribe("").await?;
                subscribers.spawn(receive(next, confirm.clone()));
            }
            subscribers.join_all().await;
            Ok(())
        },
        async move |mut turns, ()| {
            let publisher = SyncPublisher::<Bytes, (), ()>::bind(TCP).lossless().await?;
            tell.send(publisher.endpoint().clone()).map_err(|_| "the subscribers are gone")?;
            publisher.wait_for_subscribers(n_subscribers).await;
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    publisher.publish("news", Bytes::copy_from_slice(message)).await?;
                }
                confirmed.wait(n_subscribers).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

async fn receive(subscriber: SyncSubscriber<Bytes, (), ()>, confirm: Confirm) {
    while let Ok(event) = subscriber.recv().await {
        if let Event::Publication { message, .. } = event
            && is_last(&message)
        {
            confirm.tell();
        }
    }
}

/// A request through one channel and its reply through another, in one process.
pub fn via_channel() -> Rig {
    Rig::alone(async |mut turns| {
        // A log that keeps all there ever was would be another measurement.
        let channel = |id: &str| PassthroughChannel::new(id, id).max_count(1_000).start();
        let (requests, responses) = (channel("requests"), channel("responses"));
        let (to, from) = (requests.clone(), responses.clone());
        let _server = tokio::spawn(async move {
            while let Ok(some) = to.next("server", 10).await {
                for request in some {
                    let n = request.content.data().as_i64().unwrap_or_default();
                    // Whoever asked waits.
                    let _ = from.write(request.reply("server", n + 1));
                }
            }
        });
        let mut times = Vec::new();
        while let Some(n) = turns.next().await {
            for n in 0..n as i64 {
                let start = Instant::now();
                let content = Content::from(n);
                let reply =
                    request_via_channel(&requests, &responses, "client", content, PATIENCE).await?;
                times.push(start.elapsed());
                reply.ok_or("no reply")?;
            }
            turns.done_each(&mut times);
        }
        Ok(())
    })
}
