//! Actors of one process: kameo and ractor.

use std::time::Instant;

use gleis_benches::Rig;
use kameo::actor::Spawn;
use kameo::message::{Context, Message};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

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
            let start = Instant::now();
            for question in 0..n {
                counter.ask(Question(question)).await.map_err(|it| it.to_string())?;
            }
            turns.done(start.elapsed());
        }
        Ok(())
    })
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

/// Calls a ractor actor, one question at a time.
pub(crate) fn ractor_call() -> Rig {
    Rig::alone(async |mut turns| {
        let (server, running) =
            Actor::spawn(None, Server, ()).await.map_err(|it| it.to_string())?;
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            for question in 0..n {
                ractor::call!(server, Ask::Question, question).map_err(|it| it.to_string())?;
            }
            turns.done(start.elapsed());
        }
        server.stop(None);
        running.await?;
        Ok(())
    })
}
