//! A worker that fails and is killed, and a supervisor that has it begin anew, until it is too much.
//!
//! ```text
//! cargo run --release --example supervised
//! ```
//!
//! What waits for the worker waits for its next life. It prints
//!
//! ```text
//! worker begins
//! job 1 is done
//! job 2 is done
//! worker begins
//! job 3 is done
//! worker begins
//! job 4 is done
//! worker begins
//! supervisor failed: children fail too often; `worker`: `oops` is no number
//! worker failed: `oops` is no number
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{
    AgentRef, Child, Context, Kind, Restart, Result, Strategy, Supervisor, agent, run_agent,
    run_nameserver,
};

#[derive(Default)]
struct Worker {
    n_done: u32,
}

#[agent(attributes(n_done))]
impl Worker {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        println!("{} begins", cx.name());
        cx.bind(Kind::Pull, "jobs").handler(Self::work).await?;
        Ok(())
    }

    async fn work(&mut self, job: String) -> Result {
        let number: u32 = job.parse().map_err(|_| format!("`{job}` is no number"))?;
        println!("job {number} is done");
        self.n_done += 1;
        Ok(())
    }
}

struct Boss;

#[agent]
impl Boss {}

/// Waits until the worker has done so many jobs, in its life of this number.
async fn done(worker: &AgentRef<Worker>, life: u32, n_done: u32) -> Result {
    while worker.restarts() != life || worker.get_attr::<u32>("n_done").await? != n_done {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let moment = Duration::from_millis(10);
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .restart(Restart::new().back_off(moment, moment).at_most(3, Duration::from_secs(60)))
        .child(Child::new("worker", Worker::default));
    let root = run_agent("supervisor", supervisor).await?;
    let worker: AgentRef<Worker> = root.child("worker").await?;
    let boss = run_agent("boss", Boss).await?;
    boss.connect_as(worker.addr("jobs").await?, "out").await?;

    for job in ["1", "2", "oops", "3"] {
        boss.send("out", job.to_owned()).await?;
    }
    done(&worker, 1, 1).await?;
    worker.kill().await;
    boss.send("out", "4".to_owned()).await?;
    done(&worker, 2, 1).await?;

    for job in ["oops", "oops"] {
        boss.send("out", job.to_owned()).await?;
    }
    println!("supervisor {}", root.ended().await);
    println!("worker {}", worker.ended().await);
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
