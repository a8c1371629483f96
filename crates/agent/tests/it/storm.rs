//! A tree of a thousand agents, some of which are killed all the time: nothing that waits is lost.

use std::future::IntoFuture;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use futures::future::{join, join_all};
use gleis_agent::{
    AgentRef, Child, Node, Restart, Strategy, Supervisor, SupervisorCalls, agent, run_agent,
    run_nameserver,
};
use gleis_test::wait::within;
use parking_lot::Mutex;

const BRANCHES: usize = 10;
const LEAVES: usize = 100;
const ROUNDS: u64 = 5;
const KILLS: usize = 200;

/// What has become of every message.
#[derive(Default)]
struct Ledger {
    begun: Mutex<Vec<u8>>,
    n_done: AtomicU64,
}

struct Worker {
    ledger: Arc<Ledger>,
}

#[agent]
impl Worker {
    /// Enters a message, and is done with it a moment later, unless it is killed.
    #[method]
    async fn enter(&mut self, message: usize) {
        if let Some(n) = self.ledger.begun.lock().get_mut(message) {
            *n += 1;
        }
        tokio::task::yield_now().await;
        self.ledger.n_done.fetch_add(1, Ordering::SeqCst);
    }

    #[method]
    fn burst(&mut self) {
        panic!("burst");
    }
}

fn branch(at: usize, plan: Restart, ledger: &Arc<Ledger>) -> Child<Supervisor> {
    let ledger = ledger.clone();
    Child::new(format!("branch {at}"), move || {
        (0..LEAVES).fold(Supervisor::new(Strategy::OneForOne).restart(plan), |it, leaf| {
            let ledger = ledger.clone();
            it.child(Child::new(format!("{at}.{leaf}"), move || Worker { ledger: ledger.clone() }))
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_tree_of_a_thousand_agents_under_fire_keeps_what_waits() {
    let ledger = Arc::new(Ledger::default());
    let n_messages = BRANCHES * LEAVES * ROUNDS as usize;
    *ledger.begun.lock() = vec![0; n_messages];
    let second = Duration::from_secs(1);
    let plan = Restart::new().back_off(second / 100, second).at_most(10_000, second);
    let node = Node::local();
    let supervisor = (0..BRANCHES)
        .fold(Supervisor::new(Strategy::OneForOne), |it, at| it.child(branch(at, plan, &ledger)));
    let root = node.run_agent("root", supervisor).await.unwrap();
    let mut workers: Vec<AgentRef<Worker>> = Vec::new();
    for at in 0..BRANCHES {
        let branch: AgentRef<Supervisor> = root.child(&format!("branch {at}")).await.unwrap();
        for leaf in 0..LEAVES {
            workers.push(branch.child(&format!("{at}.{leaf}")).await.unwrap());
        }
    }
    let mut chance = fastrand::Rng::with_seed(7);
    let (mut n_told, mut n_lost_at_most) = (0, 0);
    for _ in 0..ROUNDS {
        for worker in &workers {
            worker.oneway().enter(n_told).await.unwrap();
            n_told += 1;
        }
        for _ in 0..KILLS / 2 {
            if let Some(worker) = chance.choice(&workers) {
                worker.kill().await;
                n_lost_at_most += 1;
            }
            if let Some(worker) = chance.choice(&workers) {
                worker.oneway().burst().await.unwrap();
            }
        }
        // Not synchronisation: some of them begin anew meanwhile, and some do not.
        tokio::time::sleep(second / 50).await;
    }
    // Whoever answers has handled what was told before.
    for worker in &workers {
        within(worker.with(|_, _| ())).await.unwrap();
    }
    assert_eq!(n_told, n_messages);
    assert!(ledger.begun.lock().iter().all(|it| *it == 1), "a message was lost or came twice");
    let n_done = ledger.n_done.load(Ordering::SeqCst);
    assert!(n_messages as u64 - n_done <= n_lost_at_most, "{n_done} done");
    let n_restarts: u32 = workers.iter().map(AgentRef::restarts).sum();
    assert!(KILLS as u32 * ROUNDS as u32 / 2 < n_restarts, "{n_restarts}");
    assert_eq!(root.children().await.unwrap().len(), BRANCHES);
    within(root.shutdown()).await.unwrap();
    assert!(node.agents().is_empty());
}

#[tokio::test]
async fn names_are_free_when_children_are_killed_together_with_their_supervisor() {
    let ns = run_nameserver().await.unwrap();
    let names: Vec<_> = (0..10).map(|n| n.to_string()).collect();
    for _ in 0..10 {
        let supervisor = names.iter().fold(Supervisor::new(Strategy::OneForAll), |it, name| {
            it.child(Child::new(name, || Worker { ledger: Arc::default() }))
        });
        let root = within(run_agent("root", supervisor).into_future()).await.unwrap();
        let mut workers: Vec<AgentRef<Worker>> = Vec::new();
        for name in &names {
            workers.push(root.child(name).await.unwrap());
        }
        let kills = join_all(workers.iter().map(|it| it.kill()));
        within(join(kills, root.kill())).await;
        within(join_all(workers.iter().map(|it| it.gone()))).await;
        assert!(ns.agents().await.unwrap().is_empty());
    }
    within(ns.shutdown(Duration::from_secs(10))).await.unwrap();
}
