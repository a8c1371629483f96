//! Actors of one process: kameo, ractor, and bare tasks.

use std::time::Instant;

use gleis_benches::Rig;
use gleis_benches::rig::in_task;
use kameo::actor::Spawn;
use kameo::message::{Context, Message};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::idle::Outcome;

#[derive(kameo::Actor)]
struct Counter;

struct Question(u64);

impl Message<Question> for Counter {
    type Reply = u64;

    async fn handle(&mut self, it: Question, _: &mut Context<Self, u64>) -> u64 {
        it.0 + 1
    }
}

/// Asks a kameo actor, one question at a time.
pub(crate) fn kameo_ask() -> Rig {
    Rig::alone(async |mut turns| {
        let counter = Counter::spawn(Counter);
        while let Some(n) = turns.next().await {
            let counter = counter.clone();
            let asked = in_task(async move {
                for question in 0..n {
                    counter.ask(Question(question)).await.map_err(|it| it.to_string())?;
                }
                Ok::<_, String>(())
            });
            turns.done(asked.await?);
        }
        Ok(())
    })
}

/// Tells a kameo actor one thing after the other.
pub(crate) fn kameo_tell() -> Rig {
    Rig::alone(async |mut turns| {
        let counter = Counter::spawn(Counter);
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            for question in 0..n {
                counter.tell(Question(question)).await.map_err(|it| it.to_string())?;
            }
            counter.ask(Question(0)).await.map_err(|it| it.to_string())?;
            turns.done(start.elapsed());
        }
        Ok(())
    })
}

/// Starts `n` kameo actors.
pub(crate) async fn kameo_start(n: u64) -> Outcome<Vec<impl Send>> {
    let mut actors = Vec::new();
    for _ in 0..n {
        let actor = Counter::spawn(Counter);
        actor.wait_for_startup().await;
        actors.push(actor);
    }
    Ok(actors)
}

/// Starts `n` tasks with a bounded queue each.
pub(crate) async fn task_start(n: u64) -> Outcome<Vec<impl Send>> {
    let start = |_| {
        let (send, mut recv) = tokio::sync::mpsc::channel::<u64>(64);
        tokio::spawn(async move { while recv.recv().await.is_some() {} });
        send
    };
    let tasks: Vec<_> = (0..n).map(start).collect();
    // Until all of them wait.
    tokio::task::yield_now().await;
    Ok(tasks)
}

struct Server;

enum Ask {
    Question(u64, RpcReplyPort<u64>),
}

impl Actor for Server {
    type Arguments = ();
    type Msg = Ask;
    type State = ();

    async fn pre_start(&self, _: ActorRef<Ask>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Ask>,
        Ask::Question(question, reply): Ask,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        // Whoever asked waits.
        let _ = reply.send(question + 1);
        Ok(())
    }
}

/// Starts `n` ractor actors.
pub(crate) async fn ractor_start(n: u64) -> Outcome<Vec<impl Send>> {
    let mut actors = Vec::new();
    for _ in 0..n {
        actors.push(Stopped(Actor::spawn(None, Server, ()).await.map_err(|it| it.to_string())?.0));
    }
    Ok(actors)
}

/// An actor that stops when it is dropped.
struct Stopped(ActorRef<Ask>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.stop(None);
    }
}

/// Calls a ractor actor, one question at a time.
pub(crate) fn ractor_call() -> Rig {
    Rig::alone(async |mut turns| {
        let (server, running) =
            Actor::spawn(None, Server, ()).await.map_err(|it| it.to_string())?;
        while let Some(n) = turns.next().await {
            let server = server.clone();
            let asked = in_task(async move {
                for question in 0..n {
                    ractor::call!(server, Ask::Question, question).map_err(|it| it.to_string())?;
                }
                Ok::<_, String>(())
            });
            turns.done(asked.await?);
        }
        server.stop(None);
        running.await?;
        Ok(())
    })
}
