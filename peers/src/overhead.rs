//! What a supervisor costs an agent, and what it costs that a method is a script.

use std::time::Instant;

use gleis_agent::{Child, Node, Scripts, Strategy, Supervisor, run_agent, run_nameserver};
use gleis_benches::rig::Rig;

use crate::agents::{Counter, ask_it};

/// One agent asks another one, which has a supervisor.
pub(crate) fn ask_supervised() -> Rig {
    Rig::alone(async |mut turns| {
        let node = Node::local();
        let supervisor =
            Supervisor::new(Strategy::OneForOne).child(Child::new("counter", || Counter));
        let supervisor = node.run_agent("supervisor", supervisor).await?;
        let counter = supervisor.child::<Counter>("counter").await?;
        ask_it(&node, counter, &mut turns).await
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
