//! The task of a node: answers control requests, and ends the agents when the name server does.

use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use gleis_core::Name;
use gleis_naming::{Change, Watch};
use gleis_patterns::{RecvError, Replier, ReplyHandle};

use super::{
    ControlReply, ControlRequest, Host, Told, Want,
    reading::{Readers, refusal},
};
use crate::{
    AgentState, CallError,
    cell::{AnyAgent, Asker, Asking},
    current::Frame,
    mailbox::Lane,
    orders::Order,
    socket::AliasError,
    supervise::ended,
    text::chain,
};

/// How many requests are in progress at a time; more wait in the socket.
const IN_PROGRESS: usize = 1_024;

/// How many bytes the requests in progress may have before more wait in the socket.
const ROOM: usize = 64 << 20;

/// How many may wait for the end of agents at a time; they take no room from others.
const WATCHERS: usize = 10_000;

/// The longest time a request may take.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Spawns the task; it belongs to the node.
pub(super) fn start(
    host: &Arc<Host>,
    replier: Replier<ControlRequest, ControlReply>,
    watch: Watch,
) {
    host.serve(serve(host.clone(), replier, watch));
}

async fn serve(host: Arc<Host>, replier: Replier<ControlRequest, ControlReply>, watch: Watch) {
    // Each tells how many bytes it gives back.
    let mut work: FuturesUnordered<BoxFuture<'static, usize>> = FuturesUnordered::new();
    let mut n_bytes = 0;
    let mut watchers: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut readers = Readers::new(host.clone());
    let mut changes = watch.fuse();
    loop {
        tokio::select! {
            // What is done makes room, and nothing of it comes by itself: requests get their turn.
            biased;
            Some(change) = changes.next() => if let Change::Closing { grace } = change {
                work.push(Box::pin(close(host.clone(), grace).map(|()| 0)));
            },
            Some(weight) = work.next() => n_bytes -= weight,
            Some(()) = watchers.next() => (),
            Some(()) = readers.next() => (),
            request = replier.recv(), if work.len() < IN_PROGRESS && n_bytes < ROOM => match request {
                Ok((request, reply)) if matches!(request.want, Want::Ended) => {
                    match watchers.len() < WATCHERS {
                        true => watchers.push(Box::pin(answer(host.clone(), light(request), reply))),
                        false => work.push(Box::pin(refuse(crowd(request.agent), reply).map(|()| 0))),
                    }
                }
                Ok((request, reply)) if matches!(request.want, Want::Letters(_) | Want::Log { .. }) => {
                    match readers.have_room() {
                        true => readers.add(light(request), reply),
                        false => work.push(Box::pin(refuse(refusal(request), reply).map(|()| 0))),
                    }
                }
                Ok((request, reply)) => {
                    let weight = request.weight();
                    n_bytes += weight;
                    let answered = answer(host.clone(), request, reply);
                    work.push(Box::pin(answered.map(move |()| weight)));
                }
                Err(RecvError::Closed) => break,
                Err(error) => {
                    tracing::warn!(target: "gleis::agent", error = chain(&error), "a control request was dropped");
                }
            },
            () = host.table().done(), if work.is_empty() && watchers.is_empty() => if host.table().close_if_done() {
                break;
            },
        }
    }
    readers.end().await;
    replier.close().await;
}

/// The name server closes: half of its grace is for the agents to end by themselves, and another quarter for
/// processes that were started here.
async fn close(host: Arc<Host>, grace: Duration) {
    host.children().hurry(grace.mul_f64(0.75));
    tracing::debug!(target: "gleis::agent", ?grace, "the name server closes");
    let forced = host.shutdown(grace / 2).await;
    if !forced.is_empty() {
        tracing::warn!(target: "gleis::agent", ?forced, "agents were ended by force");
    }
}

/// Without what nobody needs who waits for long.
fn light(request: ControlRequest) -> ControlRequest {
    ControlRequest { callers: Vec::new(), names: Vec::new(), ..request }
}

/// Why nobody else may wait for the end of an agent.
fn crowd(agent: Name) -> CallError {
    let what = "tell its end".to_owned();
    let reason = format!("no more than {WATCHERS} may wait for the end of agents of one node");
    CallError::Refused { agent, what, reason }
}

async fn refuse(why: CallError, reply: ReplyHandle<ControlReply>) {
    if let Err(error) = reply.send(Err(why)).await {
        tracing::debug!(target: "gleis::agent", error = chain(&error), "an answer did not leave");
    }
}

async fn answer(host: Arc<Host>, request: ControlRequest, reply: ReplyHandle<ControlReply>) {
    let answer = match host.table().find(&request.agent) {
        Some(agent) => done(&host, agent, request).await,
        None => Err(CallError::Gone { agent: request.agent }),
    };
    if let Err(error) = reply.send(answer).await {
        tracing::debug!(target: "gleis::agent", error = chain(&error), "an answer did not leave");
    }
}

async fn done(host: &Host, agent: Arc<dyn AnyAgent>, request: ControlRequest) -> ControlReply {
    let within = request.within.min(PATIENCE);
    let caller = Frame::told(request.callers, request.names);
    // Whoever finds an agent by its name need not know that it is only about to start.
    let is_at_once = matches!(
        request.want,
        Want::Ended | Want::Kill | Want::Life | Want::State | Want::Status | Want::Shutdown
    );
    if !is_at_once && *agent.state().borrow() == AgentState::Starting {
        // Boxed, as it is rare.
        let mut state = agent.state().subscribe();
        let started = Box::pin(state.wait_for(|it| *it != AgentState::Starting));
        let _ = tokio::time::timeout(within, started).await;
    }
    match request.want {
        Want::Kill => {
            host.kill(&agent).await;
            Ok(Told::Done)
        }
        Want::Shutdown => {
            if caller.is_some_and(|it| it.contains(agent.identity())) {
                return Err(CallError::SelfCall { agent: request.agent });
            }
            host.stop(&agent, within / 2).await;
            Ok(Told::Done)
        }
        Want::Ended => {
            // The answer is to be there in time.
            let ended = tokio::time::timeout(within / 2, ended(&*agent)).await;
            Ok(ended.map_or(Told::Done, Told::Ended))
        }
        Want::Life => Ok(Told::Life(agent.life())),
        Want::State => Ok(Told::State(agent.life().state.for_earlier())),
        Want::Status => Ok(Told::Status(agent.status())),
        Want::Stop => {
            if caller.is_some_and(|it| it.contains(agent.identity())) {
                return Err(CallError::SelfCall { agent: request.agent });
            }
            stop(&*agent, within).await.map(|()| Told::Done)
        }
        want => {
            let lane = if request.is_urgent { Lane::Urgent } else { Lane::Ordinary };
            let caller = Asker::There(caller);
            agent.perform(want, Asking { caller, within, after_fault: false, lane }).await
        }
    }
}

/// Has an agent stop, and waits until it has.
pub(crate) async fn stop(agent: &dyn AnyAgent, within: Duration) -> Result<(), CallError> {
    agent.tell(Order::Stop);
    let mut state = agent.state().subscribe();
    let stopped = state.wait_for(AgentState::is_over);
    match tokio::time::timeout(within, stopped).await {
        // The sender is the agent's, which is here.
        Ok(_) => Ok(()),
        Err(_) => {
            let (agent, what) = (agent.name().clone(), "stop".to_owned());
            Err(CallError::DeadlineExceeded { agent, what, within })
        }
    }
}

/// The error of a caller who knows the agent by name.
pub(crate) fn unknown_alias(agent: &dyn AnyAgent, error: AliasError) -> CallError {
    let agent = agent.name().clone();
    match error {
        AliasError::Unknown { alias, near, known } => {
            CallError::UnknownAlias { agent, alias, near, known }
        }
        AliasError::Handled { alias } | AliasError::WrongKind { alias, .. } => {
            CallError::UnknownAlias { agent, alias, near: Vec::new(), known: Vec::new() }
        }
    }
}
