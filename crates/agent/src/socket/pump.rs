//! Takes messages off a socket and puts work into the mailbox, waiting when the mailbox is full.

use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits};
use gleis_patterns::{Pull, RecvError, Replier, ReplyHandle, Subscriber};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::JoinHandle,
};

use crate::{
    Agent, BoxError, Fault, Handler,
    cell::{Cell, Job, ROOM, guarded},
    text::chain,
};

/// A handler whose message type and shape are forgotten: makes work of a message.
pub(super) type AnyHandler<A> = Arc<dyn Fn(Received) -> Job<A> + Send + Sync>;

/// A message as it came.
pub(super) struct Received {
    alias: Arc<str>,
    codec: AnyCodec,
    body: Bytes,
    reply: Option<ReplyHandle<Bytes>>,
    /// Its place in the mailbox, until it is handled.
    room: OwnedSemaphorePermit,
}

/// The task that receives for a handler. Dropping it ends it and closes the socket at once.
pub(crate) struct Pump {
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<usize>>>,
}

impl Pump {
    pub(super) fn start<A: Agent, S: Source>(
        mut source: S,
        alias: &str,
        codec: AnyCodec,
        handler: AnyHandler<A>,
        cell: &Cell<A>,
    ) -> Self {
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let alias: Arc<str> = alias.into();
        let mailbox = Mailbox { mail: cell.mail.clone(), room: cell.room.clone() };
        let task = tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|it| *it) => (),
                () = pump(&mut source, &alias, &codec, &*handler, &mailbox) => (),
            }
            source.close().await
        });
        Self { stop, task: Mutex::new(Some(task)) }
    }

    /// Has it close by and by.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Closes the socket; returns how many messages did not leave.
    pub(super) async fn close(&self) -> usize {
        self.stop();
        let task = self.task.lock().take();
        match task {
            Some(task) => Ending(task).wait().await,
            None => 0,
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        // Nobody would take what it receives.
        if let Some(task) = self.task.get_mut() {
            task.abort();
        }
    }
}

/// A task that is waited for, and ended when nobody waits any more.
struct Ending(JoinHandle<usize>);

impl Ending {
    async fn wait(mut self) -> usize {
        (&mut self.0).await.unwrap_or(0)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // Whoever closed the socket has given up.
        self.0.abort();
    }
}

/// Where work goes: bounded in pieces, and in the bytes that they hold.
struct Mailbox<A: 'static> {
    mail: mpsc::Sender<Job<A>>,
    room: Arc<Semaphore>,
}

async fn pump<A, S: Source>(
    source: &mut S,
    alias: &Arc<str>,
    codec: &AnyCodec,
    handler: &(dyn Fn(Received) -> Job<A> + Send + Sync),
    mailbox: &Mailbox<A>,
) {
    loop {
        let (body, reply) = match source.recv().await {
            Ok(it) => it,
            Err(RecvError::Closed) => return,
            Err(error) => {
                tracing::warn!(target: "gleis::agent", %alias, error = chain(&error), "a message was dropped");
                continue;
            }
        };
        let n_bytes = u32::try_from(body.len().min(ROOM)).unwrap_or(u32::MAX);
        let Ok(room) = mailbox.room.clone().acquire_many_owned(n_bytes).await else {
            return;
        };
        let received = Received { alias: alias.clone(), codec: codec.clone(), body, reply, room };
        if mailbox.mail.send(handler(received)).await.is_err() {
            return;
        }
    }
}

/// A socket that receives bytes, and in case of a replier owes an answer.
pub(super) trait Source: Send + 'static {
    fn recv(
        &mut self,
    ) -> impl Future<Output = Result<(Bytes, Option<ReplyHandle<Bytes>>), RecvError>> + Send;

    fn close(&self) -> impl Future<Output = usize> + Send;
}

impl Source for Pull<Bytes> {
    async fn recv(&mut self) -> Result<(Bytes, Option<ReplyHandle<Bytes>>), RecvError> {
        Ok((Self::recv(self).await?, None))
    }

    async fn close(&self) -> usize {
        Self::close(self).await
    }
}

impl Source for Subscriber<Bytes> {
    async fn recv(&mut self) -> Result<(Bytes, Option<ReplyHandle<Bytes>>), RecvError> {
        Ok((Self::recv(self).await?.message, None))
    }

    async fn close(&self) -> usize {
        Self::close(self).await
    }
}

impl Source for Replier<Bytes, Bytes> {
    async fn recv(&mut self) -> Result<(Bytes, Option<ReplyHandle<Bytes>>), RecvError> {
        let (request, reply) = Self::recv(self).await?;
        Ok((request, Some(reply)))
    }

    async fn close(&self) -> usize {
        Self::close(self).await
    }
}

/// Forgets the message type and the shape of a handler.
pub(super) fn forget<A, M, S>(handler: impl Handler<A, M, S>) -> AnyHandler<A>
where
    A: Agent,
    M: DeserializeOwned + Send + 'static,
    S: 'static,
{
    let handler = Arc::new(handler);
    Arc::new(move |received: Received| {
        let handler = handler.clone();
        let what = format!("a message from `{}`", received.alias).into();
        Job {
            what,
            caller: None,
            after_fault: false,
            work: Box::new(move |agent, cx| {
                Box::pin(async move { handle::<A, M, S, _>(&*handler, agent, cx, received).await })
            }),
        }
    })
}

async fn handle<A: Agent, M: DeserializeOwned + 'static, S, H: Handler<A, M, S>>(
    handler: &H,
    agent: &mut A,
    cx: &crate::Context<A>,
    received: Received,
) -> Result<(), Fault> {
    let Received { alias, codec, body, reply, room: _room } = received;
    let message = match codec.decode::<M>(&body, &Limits::default()) {
        Ok(message) => message,
        Err(error) => {
            let text = chain(&error);
            tracing::warn!(target: "gleis::agent", %alias, error = text, "a message was dropped");
            answer(reply, Err(text)).await;
            return Ok(());
        }
    };
    let fault = match guarded(handler.handle(agent, cx, message)).await {
        Ok(Ok(_)) if reply.is_none() => return Ok(()),
        Ok(Ok(value)) => match encode(&codec, &value) {
            Ok(bytes) => {
                answer(reply, Ok(bytes)).await;
                return Ok(());
            }
            Err(error) => Fault::error(&error),
        },
        Ok(Err(error)) => Fault::error(&error),
        Err(fault) => fault,
    };
    answer(reply, Err(fault.to_string())).await;
    Err(fault)
}

fn encode<R: Serialize + 'static>(codec: &AnyCodec, value: &R) -> Result<Bytes, BoxError> {
    Ok(codec.encode(value, &Limits::default())?)
}

async fn answer(reply: Option<ReplyHandle<Bytes>>, answer: Result<Bytes, String>) {
    let Some(reply) = reply else {
        return;
    };
    let sent = match answer {
        Ok(bytes) => reply.send(bytes).await,
        Err(text) => reply.fail(text).await,
    };
    if let Err(error) = sent {
        tracing::debug!(target: "gleis::agent", error = chain(&error), "an answer did not leave");
    }
}

#[cfg(test)]
mod tests {
    use gleis_core::Name;

    use super::*;

    struct Busy;

    impl Agent for Busy {}

    /// Always has a message.
    struct Flood;

    impl Source for Flood {
        async fn recv(&mut self) -> Result<(Bytes, Option<ReplyHandle<Bytes>>), RecvError> {
            Ok((Bytes::from(vec![0; ROOM / 16]), None))
        }

        async fn close(&self) -> usize {
            0
        }
    }

    #[tokio::test]
    async fn what_waits_in_a_mailbox_is_bounded_in_bytes() {
        let (cell, mut jobs) = Cell::<Busy>::new(Name::random(), 1_000);
        let handler = forget(|_: &mut Busy, _: Bytes| ());
        let _pump = Pump::start(Flood, "in", AnyCodec::Raw, handler, &cell);
        let mut waiting = Vec::new();
        for _ in 0..16 {
            waiting.extend(jobs.recv().await);
        }
        assert_eq!(cell.room.available_permits(), 0);
        assert!(jobs.try_recv().is_err());
        drop(waiting.pop());
        assert!(jobs.recv().await.is_some());
    }
}
