//! Takes messages off a socket and puts work into the mailbox, waiting when the mailbox is full.

use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::AnyCodec;
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use super::{
    asked::Asked,
    carrier::{Arrival, Silence, Socket},
    handler::{AnyHandler, Received},
    handling::Owed,
    routes::Routes,
};
use crate::{
    Agent,
    cell::{Cell, ROOM},
    job::Job,
    mailbox::Mail,
};

/// The task that receives for handlers. Dropping it ends it.
pub(super) struct Pump {
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<usize>>>,
}

impl Pump {
    pub(super) fn start<A: Agent>(
        socket: Arc<Socket>,
        routes: Arc<Routes<A>>,
        asked: Arc<Asked<A>>,
        inbox: Inbox<A>,
    ) -> Self {
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let task = tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|it| *it) => (),
                () = pump(&socket, &routes, &asked, &inbox) => (),
            }
            socket.close().await
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

/// The way from one socket into the mailbox: bounded in pieces, and in the bytes that they hold.
pub(super) struct Inbox<A: 'static> {
    alias: Arc<str>,
    codec: AnyCodec,
    mail: Mail<Job<A>>,
    room: Arc<Semaphore>,
}

impl<A> Clone for Inbox<A> {
    fn clone(&self) -> Self {
        let (alias, codec) = (self.alias.clone(), self.codec.clone());
        Self { alias, codec, mail: self.mail.clone(), room: self.room.clone() }
    }
}

/// The agent has ended.
pub(super) struct Ended;

impl<A: Agent> Inbox<A> {
    pub(super) fn new(alias: &str, codec: AnyCodec, cell: &Cell<A>) -> Self {
        Self { alias: alias.into(), codec, mail: cell.mail.clone(), room: cell.room().clone() }
    }

    /// Has `handler` handle a message, once there is room for it.
    pub(super) async fn deliver(
        &self,
        handler: &AnyHandler<A>,
        body: Bytes,
        topic: Option<Bytes>,
        owed: Option<Owed>,
    ) -> Result<(), Ended> {
        let n_bytes = u32::try_from(body.len().min(ROOM)).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(n_bytes).await.map_err(|_| Ended)?;
        let (alias, codec) = (self.alias.clone(), self.codec.clone());
        self.put(handler(Received { alias, codec, body, owed, topic, room })).await
    }

    pub(super) async fn put(&self, job: Job<A>) -> Result<(), Ended> {
        self.mail.send(job).await.map_err(|_| Ended)
    }

    pub(super) fn alias(&self) -> &Arc<str> {
        &self.alias
    }
}

async fn pump<A: Agent>(socket: &Socket, routes: &Routes<A>, asked: &Asked<A>, inbox: &Inbox<A>) {
    loop {
        let handed = match socket.recv().await {
            Ok(Arrival::Answer(id, answer)) => asked.answered(id, answer, inbox).await,
            Ok(Arrival::Message { body, topic, owed }) => {
                hand_out(routes, inbox, &body, topic.as_ref(), owed).await
            }
            Err(Silence::Dropped(error)) => {
                tracing::warn!(target: "gleis::agent", alias = %inbox.alias, error, "a message was dropped");
                continue;
            }
            Err(Silence::Closed | Silence::Deaf) => return,
        };
        if handed.is_err() {
            return;
        }
    }
}

/// Gives a message to all handlers that want it, in the order in which they were named.
async fn hand_out<A: Agent>(
    routes: &Routes<A>,
    inbox: &Inbox<A>,
    body: &Bytes,
    topic: Option<&Bytes>,
    mut owed: Option<Owed>,
) -> Result<(), Ended> {
    for route in routes.all().iter().filter(|it| it.wants(topic)) {
        inbox.deliver(&route.handler, body.clone(), topic.cloned(), owed.take()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gleis_core::Name;

    use super::*;
    use crate::{cell::Setup, socket::forget};

    struct Busy;

    impl Agent for Busy {}

    #[tokio::test]
    async fn what_waits_in_a_mailbox_is_bounded_in_bytes() {
        let (cell, mut jobs) =
            Cell::<Busy>::new(Name::random(), Setup::default(), std::collections::BTreeMap::new());
        let handler = forget(|_: &mut Busy, _: Bytes| ());
        let inbox = Inbox::new("in", AnyCodec::Raw, &cell);
        let body = Bytes::from(vec![0; ROOM / 16]);
        for _ in 0..16 {
            assert!(inbox.deliver(&handler, body.clone(), None, None).await.is_ok());
        }
        assert_eq!(cell.room().available_permits(), 0);
        let mut one_more = Box::pin(inbox.deliver(&handler, body, None, None));
        assert!(futures::poll!(&mut one_more).is_pending());
        drop(jobs.recv().await);
        assert!(one_more.await.is_ok());
    }
}
