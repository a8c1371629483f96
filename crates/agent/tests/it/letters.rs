//! What is not handled at the end: handled first, given back, or a dead letter.

use std::time::Duration;

use gleis_agent::{
    CallError, Child, Context, DeadLetters, ErrorPolicy, Kind, Node, Restart, Strategy, Supervisor,
    Undelivered, agent,
};
use gleis_test::wait::{eventually, within};
use tokio::sync::oneshot;

use crate::support::{Counter, CounterTells, counter};

const SECOND: Duration = Duration::from_secs(1);

/// Waits where it is told to, and counts.
struct Slow {
    n: u64,
    wait: Option<oneshot::Receiver<()>>,
    total: Option<oneshot::Sender<u64>>,
}

#[agent]
impl Slow {
    async fn on_stop(&mut self) {
        if let Some(total) = self.total.take() {
            // The test may be over.
            let _ = total.send(self.n);
        }
    }

    #[method]
    async fn wait(&mut self) {
        if let Some(wait) = self.wait.take() {
            // Whoever has the other end may be gone.
            let _ = wait.await;
        }
    }

    #[method]
    fn add(&mut self, n: u64) -> u64 {
        self.n += n;
        self.n
    }

    #[method]
    fn burst(&mut self) {
        panic!("burst");
    }
}

fn slow() -> (Slow, oneshot::Sender<()>, oneshot::Receiver<u64>) {
    let (go, wait) = oneshot::channel();
    let (total, sum) = oneshot::channel();
    (Slow { n: 0, wait: Some(wait), total: Some(total) }, go, sum)
}

/// What there is to read, in text.
fn texts(letters: &mut DeadLetters) -> Vec<String> {
    std::iter::from_fn(|| letters.try_recv()).map(|it| it.to_string()).collect()
}

#[tokio::test]
async fn what_waits_at_the_end_is_given_back_or_is_a_dead_letter() {
    let node = Node::local();
    let (state, go, sum) = slow();
    let slow = node.run_agent("slow", state).await.unwrap();
    let told = slow.oneway();
    told.wait().await.unwrap();
    told.add(1).await.unwrap();
    let call = tokio::spawn({
        let slow = slow.clone();
        async move { slow.add(1).await }
    });
    // It waits in the mailbox when the agent is told to end.
    tokio::task::yield_now().await;
    slow.context().shutdown();
    go.send(()).unwrap();
    within(slow.gone()).await;
    assert_eq!(sum.await.unwrap(), 0);
    assert!(matches!(within(call).await.unwrap(), Err(CallError::Gone { .. })));
    let mut letters = node.dead_letters();
    let text = "add for `slow`: the agent has ended";
    assert_eq!(texts(&mut letters), [text, text]);
    assert!(matches!(told.add(1).await, Err(CallError::Gone { .. })));
}

#[tokio::test]
async fn an_agent_that_drains_handles_first_what_waits() {
    let node = Node::local();
    let (state, go, sum) = slow();
    let slow = node.run_agent("slow", state).drain().await.unwrap();
    let told = slow.oneway();
    told.wait().await.unwrap();
    for _ in 0..10 {
        told.add(1).await.unwrap();
    }
    // Faults are got over or end it, but they do not leave callers alone.
    told.burst().await.unwrap();
    told.add(1).await.unwrap();
    slow.context().shutdown();
    go.send(()).unwrap();
    within(slow.gone()).await;
    assert_eq!(sum.await.unwrap(), 10);
    assert_eq!(texts(&mut slow.dead_letters()), ["add for `slow`: the agent has ended"]);
}

#[tokio::test(start_paused = true)]
async fn draining_ends_with_the_grace() {
    let node = Node::local();
    let (state, _go, _sum) = slow();
    let slow = node.run_agent("slow", state).drain().await.unwrap();
    let told = slow.oneway();
    told.add(1).await.unwrap();
    told.wait().await.unwrap();
    told.add(1).await.unwrap();
    let mut letters = node.dead_letters();
    assert_eq!(within(node.shutdown(SECOND)).await.len(), 1);
    let left =
        ["wait for `slow`: the agent was interrupted", "add for `slow`: the agent has ended"];
    within(eventually(|| texts(&mut slow.dead_letters()).len() == 2)).await;
    assert_eq!(texts(&mut letters), left);
    drop((slow, told));
    assert_eq!(within(letters.recv()).await, None);
}

#[tokio::test]
async fn a_stopped_agent_makes_dead_letters_of_what_comes() {
    let (node, counter) = counter().await;
    within(counter.stop()).await.unwrap();
    counter.oneway().add(1).await.unwrap();
    let mut letters = node.dead_letters();
    let letter = within(letters.recv()).await.unwrap();
    assert_eq!((letter.what.as_str(), letter.reason), ("add", Undelivered::Stopped));
    assert_eq!(letter.agent, *counter.name());
}

#[tokio::test]
async fn what_is_not_what_the_handler_takes_is_a_dead_letter() {
    let (node, counter) = counter().await;
    let typed = counter.bind(Kind::Pull, "typed").handler(|_: &mut Counter, _: String| ());
    let typed = typed.await.unwrap();
    let named = counter.bind(Kind::Pull, "named").method("add").await.unwrap();
    let (other, sender) = crate::support::counter().await;
    sender.connect_as(typed, "to typed").await.unwrap();
    sender.connect_as(named, "to named").await.unwrap();
    let mut letters = node.dead_letters();
    sender.send("to typed", vec![u64::MAX; 1_000]).await.unwrap();
    let letter = within(letters.recv()).await.unwrap();
    assert_eq!(letter.what, "a message from `typed`");
    let Undelivered::Refused(why) = letter.reason else { panic!("{letter:?}") };
    assert!(why.len() < 300, "{why}");
    sender.send("to named", "no number".to_owned()).await.unwrap();
    let letter = within(letters.recv()).await.unwrap();
    assert_eq!(letter.what, "a message for `add`");
    assert!(texts(&mut other.dead_letters()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_child_that_does_not_come_again_is_a_dead_letter() {
    let node = Node::local();
    let make = || Slow { n: 0, wait: None, total: None };
    let plan = Restart::new().back_off(SECOND, SECOND).at_most(1, SECOND * 60);
    let supervisor =
        Supervisor::new(Strategy::OneForOne).restart(plan).child(Child::new("slow", make));
    let root = node.run_agent("root", supervisor).await.unwrap();
    let slow = root.child::<Slow>("slow").await.unwrap();
    let told = slow.oneway();
    for _ in 0..2 {
        told.burst().await.unwrap();
    }
    told.add(1).await.unwrap();
    let waits = tokio::spawn({
        let slow = slow.within(SECOND * 60);
        async move { slow.add(1).await }
    });
    within(slow.gone()).await;
    let error = within(waits).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
    let text = "add for `slow`: the agent has ended";
    assert_eq!(texts(&mut node.dead_letters()), [text, text]);
}

#[tokio::test]
async fn an_agent_that_drains_gets_over_errors_as_it_does_before() {
    let node = Node::local();
    let (state, go, sum) = slow();
    let run = node.run_agent("slow", state).drain().on_error(ErrorPolicy::Log);
    let slow = run.await.unwrap();
    let fail = |_: &mut Slow, _: &Context<Slow>, _: u64| Err::<(), _>("no");
    let addr = slow.bind(Kind::Pull, "in").handler(fail).await.unwrap();
    let (_other, sender) = counter().await;
    sender.connect_as(addr, "out").await.unwrap();
    slow.oneway().wait().await.unwrap();
    sender.send("out", 1_u64).await.unwrap();
    slow.oneway().add(5).await.unwrap();
    slow.context().shutdown();
    go.send(()).unwrap();
    within(slow.gone()).await;
    assert_eq!(sum.await.unwrap(), 5);
}
