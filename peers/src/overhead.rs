//! What a supervisor costs an agent, and what it costs that a method is a script.

use std::time::{Duration, Instant};

use gleis_agent::{
    AgentRef, CallError, Child, Node, Scripts, Strategy, Supervisor, agent, run_agent,
    run_nameserver,
};
use gleis_benches::rig::Rig;

/// A wait that only a failure fills.
const PATIENCE: Duration = Duration::from_secs(60);

struct Counter;

#[agent]
impl Counter {
    #[method]
    fn answer(&mut self, question: u64) -> u64 {
        question + 1
    }
}

/// Asks another agent.
struct Asker(AgentRef<Counter>);

#[agent]
impl Asker {
    #[method]
    async fn ask(&mut self, n: u64) -> Result<Duration, CallError> {
        let start = Instant::now();
        for question in 0..n {
            self.0.answer(question).await?;
        }
        Ok(start.elapsed())
    }
}

/// One agent asks another one, which has a supervisor.
pub(crate) fn ask_supervised() -> Rig {
    Rig::alone(async |mut turns| {
        let node = Node::local();
        let supervisor =
            Supervisor::new(Strategy::OneForOne).child(Child::new("counter", || Counter));
        let supervisor = node.run_agent("supervisor", supervisor).await?;
        let counter = supervisor.child::<Counter>("counter").await?;
        let asker = node.run_agent("asker", Asker(counter)).await?.within(PATIENCE);
        while let Some(n) = turns.next().await {
            turns.done(asker.ask(n).await?);
        }
        Ok(())
    })
}

/// A script of an agent is called by name.
pub(crate) fn call_script() -> Rig {
    call("plus")
}

/// A method of an agent is called by name.
pub(crate) fn call_method() -> Rig {
    call("answer")
}

fn call(method: &'static str) -> Rig {
    Rig::alone(async move |mut turns| {
        let ns = run_nameserver().await?;
        let counter = run_agent("counter", Counter).scripts(Scripts::new()).await?;
        ns.proxy("counter").await?.scripts().set("plus", "|n| n + 1").await?;
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            for question in 0..n {
                let answer: u64 = counter.call(method, (question,)).await?;
                if answer != question + 1 {
                    return Err("it counts wrong".into());
                }
            }
            turns.done(start.elapsed());
        }
        Ok(())
    })
}
