//! What was asked on a channel, and what happens to the answers.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use gleis_channels::{RequestError, RequestId};
use parking_lot::Mutex;

use super::{
    handler::AnyHandler,
    pump::{Ended, Inbox},
};
use crate::{
    Agent, Fault,
    guarded::guarded,
    job::{Job, What},
    text::chain,
    timer::AnyAction,
};

/// Who takes an answer, and what is done when there is none.
pub(super) struct Hands<A: 'static> {
    pub(super) handler: AnyHandler<A>,
    pub(super) on_error: Option<AnyAction<A>>,
}

/// The requests of a synced subscriber whose answers come within its stream. The channel bounds how
/// many there are, and ends each.
pub(super) struct Asked<A: 'static> {
    table: Mutex<HashMap<RequestId, Hands<A>>>,
}

impl<A: Agent> Asked<A> {
    pub(super) fn new() -> Self {
        Self { table: Mutex::new(HashMap::new()) }
    }

    /// Asks, and remembers who takes the answer before it can come.
    pub(super) fn ask<E>(
        &self,
        hands: Hands<A>,
        ask: impl FnOnce() -> Result<RequestId, E>,
    ) -> Result<RequestId, E> {
        let mut table = self.table.lock();
        let id = ask()?;
        table.insert(id, hands);
        Ok(id)
    }

    /// Hands over an answer.
    pub(super) async fn answered(
        &self,
        id: RequestId,
        answer: Result<Bytes, RequestError>,
        inbox: &Inbox<A>,
    ) -> Result<(), Ended> {
        let hands = self.table.lock().remove(&id);
        match (hands, answer) {
            (Some(hands), Ok(body)) => answered(&hands.handler, body, inbox).await,
            (Some(hands), Err(error)) => unanswered(hands.on_error, error, inbox).await,
            (None, _) => Ok(()),
        }
    }
}

/// Hands an answer to whoever takes it.
pub(super) async fn answered<A: Agent>(
    handler: &AnyHandler<A>,
    body: Bytes,
    inbox: &Inbox<A>,
) -> Result<(), Ended> {
    inbox.deliver(handler, body, None, None).await
}

/// Does what was to be done if there is no answer.
pub(super) async fn unanswered<A: Agent>(
    on_error: Option<AnyAction<A>>,
    error: RequestError,
    inbox: &Inbox<A>,
) -> Result<(), Ended> {
    let alias = inbox.alias();
    match on_error {
        Some(action) => inbox.put(job(alias, action)).await,
        None => {
            let error = chain(&error);
            tracing::warn!(target: "gleis::agent", %alias, error, "a request has no answer");
            Ok(())
        }
    }
}

/// An action as a piece of work.
fn job<A: Agent>(alias: &Arc<str>, action: AnyAction<A>) -> Job<A> {
    Job::new(What::NoAnswer(alias.clone()), move |agent, cx| {
        Box::pin(
            async move { guarded(action(agent, cx)).await?.map_err(|error| Fault::error(&error)) },
        )
    })
}
