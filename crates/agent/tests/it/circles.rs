//! Agents that would wait for each other for ever are told so, and nobody else is.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use gleis_agent::{
    AgentRef, CallError, NameServerProxy, Node, Result, agent, run_agent, run_nameserver,
};
use gleis_test::wait::{eventually, within};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinHandle;

/// Asks others, as it is told.
#[derive(Default)]
struct Asker {
    others: Vec<AgentRef<Self>>,
    /// Where all meet before they ask.
    barrier: Option<Arc<Barrier>>,
    gate: Arc<Notify>,
    /// Where tasks say how it went that the handler does not wait for.
    later: Vec<JoinHandle<Result<(), CallError>>>,
}

#[agent]
impl Asker {
    #[method]
    fn touch(&mut self) {}

    /// Asks the first of the others, which asks its first, and so on.
    #[method]
    async fn pass(&mut self) -> Result {
        match self.others.first() {
            Some(other) => Ok(other.pass().await?),
            None => Ok(()),
        }
    }

    /// What the first of the others hears that touches its first.
    #[method]
    async fn path_of_next(&mut self) -> Result<Vec<String>> {
        Ok(self.others[0].path().await?)
    }

    /// The circle of the first of the others.
    #[method]
    async fn path(&mut self) -> Result<Vec<String>> {
        match self.others[0].touch().await {
            Err(CallError::WouldDeadlock { path }) => {
                Ok(path.iter().map(|it| it.to_string()).collect())
            }
            other => Err(format!("{other:?}").into()),
        }
    }

    /// Touches all others at the same time, once all others are about to.
    #[method]
    async fn meet(&mut self) -> Result {
        if let Some(barrier) = &self.barrier {
            barrier.wait().await;
        }
        let touched = join_all(self.others.iter().map(AgentRef::touch)).await;
        touched.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    /// Touches the others, one after the other.
    #[method]
    async fn touch_others(&mut self) -> Result {
        for other in &self.others {
            other.touch().await?;
        }
        Ok(())
    }

    /// Has the first of the others touch its others, and does not wait.
    #[method]
    async fn ask_later(&mut self) {
        let other = self.others[0].clone();
        self.later.push(tokio::spawn(async move { other.touch_others().await }));
    }

    /// As `ask_later`, but begins to wait and has another task go on.
    #[method]
    async fn hand_over(&mut self) {
        let other = self.others[0].clone();
        let mut ask = Box::pin(async move { other.touch_others().await });
        assert!(futures::poll!(&mut ask).is_pending());
        self.later.push(tokio::spawn(ask));
    }

    /// Waits in vain for the first of the others, and then for the gate.
    #[method]
    async fn give_up(&mut self) {
        let hurried = self.others[0].within(Duration::from_millis(1));
        let given_up = hurried.touch_when_told().await;
        assert!(matches!(given_up, Err(CallError::DeadlineExceeded { .. })), "{given_up:?}");
        self.gate.notify_one();
    }

    /// Touches the others once the gate is open.
    #[method]
    async fn touch_when_told(&mut self) -> Result {
        self.gate.notified().await;
        self.touch_others().await
    }

    #[method]
    async fn touch_later(&mut self) -> Result {
        self.others[0].oneway().touch_others().await?;
        Ok(())
    }

    /// Beside the work of the first of the others.
    #[method]
    async fn ask_beside(&mut self) -> Result {
        Ok(self.others[0].rest().await?)
    }

    #[method]
    async fn rest() {
        BESIDE.notify_one();
        GO_ON.notified().await;
    }

    /// Passes a call on by name.
    #[method]
    async fn pass_by_name(&mut self, name_server: String, names: Vec<String>) -> Result {
        let Some((next, rest)) = names.split_first() else {
            return Ok(());
        };
        let ns = NameServerProxy::connect(name_server.as_str()).await?;
        let next = ns.proxy(next).await?.within(Duration::from_secs(2));
        Ok(next.call("pass_by_name", (name_server, rest)).await?)
    }
}

static BESIDE: Notify = Notify::const_new();
static GO_ON: Notify = Notify::const_new();

/// Agents that are called like this, of which each knows the next and the last one the first.
async fn ring(node: &Node, names: &[&str]) -> Vec<AgentRef<Asker>> {
    let runs = names.iter().map(|it| node.run_agent(it, Asker::default()).into_future());
    let agents = join_all(runs).await;
    let agents: Vec<_> = agents.into_iter().map(|it| it.unwrap()).collect();
    for (one, next) in agents.iter().zip(agents.iter().cycle().skip(1)) {
        let next = next.clone();
        one.with(|it, _| it.others.push(next)).await.unwrap();
    }
    agents
}

async fn check_ring(names: &[&str], expect: &str) {
    let node = Node::local();
    let agents = ring(&node, names).await;
    let error = within(agents[0].pass()).await.unwrap_err().to_string();
    assert!(error.ends_with(expect), "{error}");
    // Nobody hangs, and all go on.
    for agent in agents {
        within(agent.touch()).await.unwrap();
    }
}

#[tokio::test]
async fn a_circle_is_told_in_its_order() {
    check_ring(&["a"], "would wait for each other for ever: a -> a").await;
    check_ring(&["a", "b"], ": a -> b -> a").await;
    check_ring(&["a", "b", "c"], ": a -> b -> c -> a").await;
    let many: Vec<_> = (0..40).map(|n| format!("n{n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    check_ring(&many, " -> n38 -> n39 -> n0").await;
}

#[tokio::test]
async fn the_error_tells_who_waits_for_whom() {
    let node = Node::local();
    let agents = ring(&node, &["a", "b"]).await;
    let path = within(agents[0].path_of_next()).await.unwrap();
    assert_eq!(path, ["a", "b", "a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_begin_to_wait_at_the_same_moment_one_is_told() {
    let node = Node::local();
    for names in [&["a", "b"][..], &["c", "d", "e"]] {
        let agents = ring(&node, names).await;
        let barrier = Arc::new(Barrier::new(agents.len()));
        for agent in &agents {
            let barrier = Some(barrier.clone());
            agent.with(|it, _| it.barrier = barrier).await.unwrap();
        }
        for _ in 0..500 {
            let met = within(join_all(agents.iter().map(AgentRef::meet))).await;
            let errors: Vec<_> = met.into_iter().filter_map(Result::err).collect();
            assert!(!errors.is_empty());
            assert!(
                errors.iter().all(|it| it.to_string().contains("for each other")),
                "{errors:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_ask_the_same_agents_in_the_same_order_are_not_accused() {
    let node = Node::local();
    let agents = ring(&node, &["a", "b", "c", "d"]).await;
    let below = |n: usize| agents[n + 1..].to_vec();
    for (n, agent) in agents.iter().enumerate() {
        let others = below(n);
        agent.with(|it, _| it.others = others).await.unwrap();
    }
    for _ in 0..200 {
        let all = agents.iter().flat_map(|it| [it.meet(), it.meet()]).collect::<Vec<_>>();
        let one_by_one = agents.iter().map(AgentRef::touch_others);
        let (met, touched) = within(join(join_all(all), join_all(one_by_one))).await;
        for done in met.into_iter().chain(touched) {
            done.unwrap();
        }
    }
}

/// What the tasks of an agent say that its handlers did not wait for.
async fn later(agent: &AgentRef<Asker>) -> Vec<Result<(), CallError>> {
    let tasks = agent.with(|it, _| std::mem::take(&mut it.later)).await.unwrap();
    within(join_all(tasks)).await.into_iter().map(|it| it.unwrap()).collect()
}

#[tokio::test]
async fn a_handler_that_does_not_wait_is_not_accused() {
    let node = Node::local();
    let agents = ring(&node, &["a", "b"]).await;
    for _ in 0..100 {
        within(agents[0].ask_later()).await.unwrap();
        within(agents[0].hand_over()).await.unwrap();
        within(agents[0].touch_later()).await.unwrap();
    }
    let later = later(&agents[0]).await;
    assert_eq!(later.len(), 200);
    assert!(later.iter().all(Result::is_ok), "{later:?}");
}

#[tokio::test]
async fn one_that_has_given_up_is_not_accused() {
    let node = Node::local();
    let agents = ring(&node, &["a", "b"]).await;
    let gate = agents[1].with(|it, _| it.gate.clone()).await.unwrap();
    agents[0].with(|it, _| it.gate = gate).await.unwrap();
    within(agents[0].give_up()).await.unwrap();
    // Its handler goes on for nobody, and asks the one that has given up: that is not a fault.
    within(agents[1].touch()).await.unwrap();
    within(agents[0].touch()).await.unwrap();
    assert!(agents.iter().all(AgentRef::is_running));
}

#[tokio::test]
async fn one_that_waits_for_what_is_done_beside_another_is_not_accused() {
    let node = Node::local();
    let agents = ring(&node, &["a", "b"]).await;
    let beside = agents[0].ask_beside();
    let asks = async {
        BESIDE.notified().await;
        let touches = agents[1].touch_others();
        let opens = async {
            // The other one has begun to wait.
            eventually(|| !agents[1].status().waits_for.is_empty()).await;
            GO_ON.notify_one();
        };
        join(touches, opens).await.0
    };
    let (beside, asked) = within(join(beside, asks)).await;
    beside.unwrap();
    asked.unwrap();
}

#[tokio::test]
async fn a_circle_through_the_network_is_found_up_to_a_bound() {
    let ns = run_nameserver().await.unwrap();
    let names: Vec<_> = (0..17).map(|n| format!("n{n}")).collect();
    for name in &names {
        run_agent(name, Asker::default()).await.unwrap();
    }
    let at = ns.endpoint().to_string();
    let first = NameServerProxy::connect(at.as_str()).await.unwrap().proxy("n0").await.unwrap();
    let first = first.within(Duration::from_secs(60));
    for (n, expect) in [(2, ": n0 -> n1 -> n0"), (16, " -> n14 -> n15 -> n0"), (17, "within 2s")] {
        let ring: Vec<_> = names[1..n].iter().chain([&names[0]]).collect();
        let called = first.call::<()>("pass_by_name", (&at, ring));
        let error = within(called).await.unwrap_err().to_string();
        assert!(error.contains(expect), "{n}: {error}");
    }
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}
