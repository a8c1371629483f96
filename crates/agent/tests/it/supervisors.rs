//! Supervisors: who begins anew, in which order, how often, and what is left at the end.

use std::{sync::Arc, time::Duration};

use gleis_agent::{
    AgentRef, AgentState, CallError, Child, ChildKind, Context, Ended, Node, Restart, Result,
    RunError, Strategy, Supervisor, SupervisorCalls, agent, run_agent, run_nameserver,
};
use gleis_test::wait::{eventually, tasks_down_to, within};
use parking_lot::Mutex;
use tokio::runtime::Handle;

const SECOND: Duration = Duration::from_secs(1);

/// What has happened, in order.
type Diary = Arc<Mutex<Vec<String>>>;

/// Writes down when it begins and ends.
struct Worker {
    diary: Diary,
    n: u64,
    hangs: bool,
}

#[agent]
impl Worker {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        let mut diary = self.diary.lock();
        diary.push(format!("+{}", cx.name()));
        let is_cursed = |it: &String| *it == format!("curse {}", cx.name());
        if let Some(at) = diary.iter().position(is_cursed) {
            diary.remove(at);
            return Err("cursed".into());
        }
        Ok(())
    }

    async fn on_stop(&mut self, cx: &Context<Self>) {
        self.diary.lock().push(format!("-{}", cx.name()));
        if self.hangs {
            std::future::pending::<()>().await;
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

    #[method]
    async fn linger_on(&mut self) {
        std::future::pending::<()>().await;
    }

    #[method]
    fn rest(&mut self, cx: &Context<Self>) {
        cx.shutdown();
    }
}

fn child(diary: &Diary, name: &str) -> Child<Worker> {
    let diary = diary.clone();
    Child::new(name, move || Worker { diary: diary.clone(), n: 0, hangs: false })
}

/// A supervisor of `a`, `b` and `c` on a node without a name server.
async fn abc(strategy: Strategy) -> (Node, AgentRef<Supervisor>, [AgentRef<Worker>; 3], Diary) {
    let (node, diary) = (Node::local(), Diary::default());
    let supervisor = ["a", "b", "c"]
        .iter()
        .fold(Supervisor::new(strategy), |it, name| it.child(child(&diary, name)));
    let root = node.run_agent("root", supervisor).await.unwrap();
    let mut workers = Vec::new();
    for name in ["a", "b", "c"] {
        workers.push(root.child(name).await.unwrap());
    }
    let Ok(workers) = workers.try_into() else { unreachable!() };
    (node, root, workers, diary)
}

/// Waits until it holds, while the clock goes on.
async fn until(holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            // Not synchronisation: a clock that is paused moves only when nobody has anything to do.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(wait).await;
}

fn taken(diary: &Diary) -> String {
    std::mem::take(&mut *diary.lock()).join(" ")
}

#[tokio::test(start_paused = true)]
async fn children_begin_in_order_and_end_the_last_one_first() {
    let (node, root, [a, ..], diary) = abc(Strategy::OneForOne).await;
    assert_eq!(taken(&diary), "+a +b +c");
    assert_eq!(a.add(1).await.unwrap(), 1);
    within(root.shutdown()).await.unwrap();
    assert_eq!(taken(&diary), "-c -b -a");
    assert!(node.agents().is_empty());
    assert_eq!(a.state(), AgentState::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_shuts_down_has_supervisors_end_their_children() {
    let (node, _, _, diary) = abc(Strategy::OneForOne).await;
    taken(&diary);
    assert!(within(node.shutdown(SECOND * 10)).await.is_empty());
    assert_eq!(taken(&diary), "-c -b -a");
}

#[tokio::test(start_paused = true)]
async fn one_for_one_keeps_the_others_and_what_waits_for_the_one() {
    let (_node, root, [a, b, _], diary) = abc(Strategy::OneForOne).await;
    taken(&diary);
    a.add(5).await.unwrap();
    b.add(7).await.unwrap();
    let told = b.oneway();
    told.burst().await.unwrap();
    for _ in 0..10 {
        told.add(1).await.unwrap();
    }
    assert_eq!(within(b.add(0)).await.unwrap(), 10);
    assert_eq!(a.add(0).await.unwrap(), 5);
    assert_eq!(taken(&diary), "+b");
    let children = root.children().await.unwrap();
    let restarts: Vec<_> = children.iter().map(|it| (it.name.as_str(), it.restarts)).collect();
    assert_eq!(restarts, [("a", 0), ("b", 1), ("c", 0)]);
    assert!(children.iter().all(|it| it.state == AgentState::Running));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_killed_begins_anew_and_its_caller_hears_of_it() {
    let (_node, root, [a, ..], diary) = abc(Strategy::OneForOne).await;
    taken(&diary);
    let lost = tokio::spawn({
        let a = a.clone();
        async move { a.linger_on().await }
    });
    let waits = tokio::spawn({
        let a = a.clone();
        async move { a.add(3).await }
    });
    tokio::task::yield_now().await;
    a.kill().await;
    let error = within(lost).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Failed { .. }), "{error}");
    assert_eq!(within(waits).await.unwrap().unwrap(), 3);
    assert_eq!(taken(&diary), "+a");
    assert_eq!(root.children().await.unwrap()[0].restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn one_for_all_ends_the_others_in_order_and_begins_all() {
    let (_node, root, [a, b, c], diary) = abc(Strategy::OneForAll).await;
    taken(&diary);
    for it in [&a, &b, &c] {
        it.add(5).await.unwrap();
    }
    // What waits in the mailboxes of the others waits on, too.
    b.burst().await.unwrap_err();
    let told = c.oneway();
    told.add(1).await.unwrap();
    assert_eq!(within(futures::future::join_all([a.add(1), b.add(1), c.add(1)])).await.len(), 3);
    assert_eq!(taken(&diary), "-c -a +a +b +c");
    assert_eq!(a.add(0).await.unwrap(), 1);
    assert_eq!(c.add(0).await.unwrap(), 2);
    let children = root.children().await.unwrap();
    assert!(children.iter().all(|it| it.restarts == 1), "{children:?}");
}

#[tokio::test(start_paused = true)]
async fn rest_for_one_begins_those_anew_that_came_after() {
    let (_node, _root, [a, b, c], diary) = abc(Strategy::RestForOne).await;
    taken(&diary);
    for it in [&a, &b, &c] {
        it.add(5).await.unwrap();
    }
    b.burst().await.unwrap_err();
    assert_eq!(within(b.add(0)).await.unwrap(), 0);
    assert_eq!(within(c.add(0)).await.unwrap(), 0);
    assert_eq!(a.add(0).await.unwrap(), 5);
    assert_eq!(taken(&diary), "-c +b +c");
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_child_that_shuts_down_or_fails_depends_on_its_kind() {
    let (node, diary) = (Node::local(), Diary::default());
    let kinds = [ChildKind::Permanent, ChildKind::Temporary, ChildKind::Transient];
    let supervisor = kinds.iter().fold(Supervisor::new(Strategy::OneForOne), |it, kind| {
        it.child(child(&diary, &format!("{kind:?}")).kind(*kind))
    });
    let root = node.run_agent("root", supervisor).await.unwrap();
    let states = async || {
        let children = root.children().await.unwrap();
        let text = |it: &gleis_agent::ChildInfo| format!("{} {:?}", it.name, it.state);
        children.iter().map(text).collect::<Vec<_>>().join(", ")
    };
    let get = async |name: &str| root.child::<Worker>(name).await.unwrap();
    let (permanent, transient) = (get("Permanent").await, get("Transient").await);
    for it in [&permanent, &transient] {
        it.burst().await.unwrap_err();
        within(it.add(1)).await.unwrap();
    }
    get("Temporary").await.burst().await.unwrap_err();
    let two = "Permanent Running, Transient Running";
    until(async || states().await == two).await;
    permanent.rest().await.unwrap();
    transient.rest().await.unwrap();
    within(permanent.gone()).await;
    within(transient.gone()).await;
    let done = "Permanent Running, Transient Gone";
    until(async || states().await == done).await;
    // It is another agent of the same name.
    assert!(matches!(permanent.add(1).await, Err(CallError::Gone { .. })));
    assert_eq!(get("Permanent").await.add(1).await.unwrap(), 1);
    within(root.start_child("Transient".to_owned())).await.unwrap();
    assert_eq!(states().await, two);
    within(root.shutdown()).await.unwrap();
    assert!(node.agents().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_storm_ends_at_the_limit_and_is_a_failure_of_the_supervisor() {
    let (node, diary) = (Node::local(), Diary::default());
    let plan = Restart::new().back_off(Duration::ZERO, SECOND).at_most(3, SECOND * 60);
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .restart(plan)
        .child(child(&diary, "a"))
        .child(child(&diary, "b"));
    let root = node.run_agent("root", supervisor).await.unwrap();
    let a: AgentRef<Worker> = root.child("a").await.unwrap();
    let told = a.oneway();
    let mut n = 0;
    while told.burst().await.is_ok() {
        n += 1;
        tokio::task::yield_now().await;
        assert!(n < 1_000_000);
    }
    within(eventually(|| matches!(root.state(), AgentState::Failed(_)))).await;
    let AgentState::Failed(fault) = root.state() else { unreachable!() };
    assert_eq!(fault.text(), "children fail too often; `a`: panicked: burst");
    assert_eq!(taken(&diary), "+a +b +a +a +a -b");
    assert_eq!(node.agents().len(), 1);
    within(root.shutdown()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_fails_begins_anew_under_its_own_supervisor() {
    let (node, diary) = (Node::local(), Diary::default());
    let also = diary.clone();
    let inner = move || {
        let plan = Restart::new().back_off(Duration::ZERO, SECOND).at_most(1, SECOND * 60);
        Supervisor::new(Strategy::OneForAll)
            .restart(plan)
            .child(child(&also, "a"))
            .child(child(&also, "b"))
    };
    let outer = Supervisor::new(Strategy::OneForOne).child(Child::new("inner", inner));
    let root = node.run_agent("root", outer).await.unwrap();
    let inner: AgentRef<Supervisor> = root.child("inner").await.unwrap();
    for _ in 0..2 {
        let a: AgentRef<Worker> = within(inner.child("a")).await.unwrap();
        a.burst().await.unwrap_err();
        // It is over with this life of its supervisor, too, or with this one of its own.
        within(eventually(|| a.state() != AgentState::Running || 0 < a.restarts())).await;
        within(eventually(|| node.agents().len() == 4)).await;
    }
    let a: AgentRef<Worker> = within(inner.child("a")).await.unwrap();
    within(a.add(1)).await.unwrap();
    assert_eq!((inner.restarts(), inner.state()), (1, AgentState::Running));
    assert_eq!(taken(&diary), "+a +b -b +a +b -b +a +b");
    within(node.shutdown(SECOND * 10)).await;
}

#[tokio::test(start_paused = true)]
async fn children_of_a_supervisor_that_is_killed_go_with_it() {
    let (node, root, workers, _) = abc(Strategy::OneForOne).await;
    within(root.kill()).await;
    for it in &workers {
        assert_eq!(it.state(), AgentState::Gone);
        assert!(it.add(1).await.is_err());
    }
    assert!(node.agents().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_panics_takes_its_children_with_it() {
    let (node, root, [a, ..], _) = abc(Strategy::OneForOne).await;
    root.with(|_, _| panic!("confused")).await.unwrap_err();
    within(eventually(|| matches!(root.state(), AgentState::Failed(_)))).await;
    assert_eq!(a.state(), AgentState::Gone);
    assert_eq!(node.agents().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn children_come_and_go_while_the_supervisor_runs() {
    let (node, root, [a, ..], diary) = abc(Strategy::OneForOne).await;
    taken(&diary);
    let d = root.add_child(child(&diary, "d")).await.unwrap();
    assert_eq!(d.add(1).await.unwrap(), 1);
    d.burst().await.unwrap_err();
    assert_eq!(within(d.add(1)).await.unwrap(), 1);
    within(root.stop_child("a".to_owned())).await.unwrap();
    assert_eq!(a.state(), AgentState::Gone);
    within(root.start_child("a".to_owned())).await.unwrap();
    within(root.remove_child("d".to_owned())).await.unwrap();
    assert_eq!(taken(&diary), "+d +d -a +a -d");
    let names: Vec<_> = root.children().await.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let text = |it: CallError| it.to_string();
    let error = root.add_child(child(&diary, "b")).await.unwrap_err();
    assert_eq!(text(error), "`add_child` of `root` failed: there is a child `b` already");
    let error = root.start_child("b".to_owned()).await.unwrap_err();
    assert_eq!(text(error), "`start_child` of `root` failed: `b` has begun");
    let error = root.stop_child("dd".to_owned()).await.unwrap_err();
    let expect = "`stop_child` of `root` failed: no child `dd`; there is `a`, `b` and `c`";
    assert_eq!(text(error), expect);
    let error = root.child::<Supervisor>("b").await.unwrap_err();
    assert_eq!(text(error), "`child` of `root` failed: `b` is an agent of another type");
    assert!(root.add_child(child(&diary, "no\nname")).await.is_err());
    assert_eq!(node.agents().len(), 4);
    assert!(root.is_running());
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_whose_child_does_not_begin_does_not_begin() {
    let (node, diary) = (Node::local(), Diary::default());
    diary.lock().push("curse b".to_owned());
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .child(child(&diary, "a"))
        .child(child(&diary, "b"))
        .child(child(&diary, "c"));
    let error = within(async { node.run_agent("root", supervisor).await }).await.unwrap_err();
    assert_eq!(error.to_string(), "`root` did not start: `b` did not start: cursed");
    assert_eq!(taken(&diary), "+a +b -a");
    assert!(node.agents().is_empty());
    // Nor does a child that panics before it is one.
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .child(Child::new("a", || -> Worker { panic!("no worker") }));
    let error = within(async { node.run_agent("root", supervisor).await }).await.unwrap_err();
    assert_eq!(error.to_string(), "`root` did not start: `a` did not start: panicked: no worker");
}

#[tokio::test(start_paused = true)]
async fn a_child_that_does_not_begin_again_is_tried_again() {
    let (_node, root, [a, ..], diary) = abc(Strategy::OneForAll).await;
    taken(&diary);
    diary.lock().extend(["curse b".to_owned(), "curse b".to_owned()]);
    a.burst().await.unwrap_err();
    let runs = |it: &gleis_agent::ChildInfo| it.state == AgentState::Running;
    until(async || root.children().await.unwrap().iter().all(runs)).await;
    assert_eq!(taken(&diary), "-c -b +a +b -a +a +b -a +a +b +c");
}

/// Begins well the first time, and never again.
struct Slow {
    life: u32,
}

#[agent]
impl Slow {
    async fn on_init(&mut self) {
        if 0 < self.life {
            std::future::pending::<()>().await;
        }
    }

    #[method]
    fn burst(&mut self) {
        panic!("burst");
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_that_never_begins_again_is_given_up() {
    let node = Node::local();
    let mut life = 0;
    let make = move || {
        life += 1;
        Slow { life: life - 1 }
    };
    let plan = Restart::new().at_most(3, SECOND * 60);
    let slow = Child::new("slow", make).within(SECOND);
    let supervisor = Supervisor::new(Strategy::OneForOne).restart(plan).child(slow);
    let root = node.run_agent("root", supervisor).await.unwrap();
    let slow: AgentRef<Slow> = root.child("slow").await.unwrap();
    slow.burst().await.unwrap_err();
    within(eventually(|| matches!(root.state(), AgentState::Failed(_)))).await;
    let AgentState::Failed(fault) = root.state() else { unreachable!() };
    let expect = "children fail too often; `slow`: it has not begun within 1s";
    assert_eq!(fault.text(), expect);
    assert_eq!(node.agents().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_does_not_end_is_ended_by_force() {
    let (node, diary) = (Node::local(), Diary::default());
    let make = |diary: &Diary| {
        let diary = diary.clone();
        move || Worker { diary: diary.clone(), n: 0, hangs: true }
    };
    let supervisor = Supervisor::new(Strategy::OneForAll)
        .child(Child::new("a", make(&diary)).grace(SECOND))
        .child(Child::new("b", make(&diary)).grace(SECOND));
    let root = node.run_agent("root", supervisor).await.unwrap();
    let a: AgentRef<Worker> = root.child("a").await.unwrap();
    let b: AgentRef<Worker> = root.child("b").await.unwrap();
    a.burst().await.unwrap_err();
    assert_eq!(within(b.add(1)).await.unwrap(), 1);
    assert_eq!((a.restarts(), b.restarts()), (1, 1));
    within(root.shutdown()).await.unwrap();
    assert!(node.agents().is_empty());
}

#[tokio::test]
async fn names_stay_registered_and_proxies_stay_good() {
    let n_tasks = Handle::current().metrics().num_alive_tasks();
    let ns = run_nameserver().await.unwrap();
    let diary = Diary::default();
    let plan = Restart::new().back_off(Duration::from_millis(1), SECOND).at_most(100, SECOND);
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .restart(plan)
        .child(child(&diary, "a"))
        .child(child(&diary, "b").with(|run| run.on_thread()));
    let root = run_agent("root", supervisor).await.unwrap();
    let (a, b) = (ns.proxy("a").await.unwrap(), ns.proxy("b").await.unwrap());
    for proxy in [&a, &b] {
        within(proxy.call::<()>("burst", ())).await.unwrap_err();
        assert_eq!(within(proxy.call::<u64>("add", (3,))).await.unwrap(), 3);
        within(proxy.kill()).await.unwrap();
        assert_eq!(within(proxy.call::<u64>("add", (4,))).await.unwrap(), 4);
        assert_eq!(proxy.life().await.unwrap().restarts, 2);
    }
    // A permanent child that is shut down comes back as another agent of the same name.
    within(a.shutdown()).await.unwrap();
    let add = async { while a.call::<u64>("add", (5,)).await.ok() != Some(5) {} };
    within(add).await;
    let supervisor = ns.proxy("root").await.unwrap();
    let children = supervisor.call::<Vec<gleis_agent::ChildInfo>>("children", ()).await.unwrap();
    assert_eq!(children.len(), 2);
    taken(&diary);
    within(ns.shutdown(SECOND * 10)).await.unwrap();
    assert_eq!(taken(&diary), "-b -a");
    drop((ns, root, supervisor, a, b));
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_dropped_takes_supervisors_and_children_with_it() {
    let n_tasks = Handle::current().metrics().num_alive_tasks();
    let (node, root, [a, ..], _) = abc(Strategy::OneForOne).await;
    a.burst().await.unwrap_err();
    drop(node);
    assert_eq!((root.state(), a.state()), (AgentState::Gone, AgentState::Gone));
    let error = within(a.add(1)).await.unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
    drop((root, a));
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_shut_down_between_two_lives_is_gone() {
    let (node, diary) = (Node::local(), Diary::default());
    let plan = Restart::new().back_off(SECOND * 3_600, SECOND * 3_600);
    let transient = child(&diary, "a").kind(ChildKind::Transient);
    let supervisor = Supervisor::new(Strategy::OneForOne).restart(plan).child(transient);
    let root = node.run_agent("root", supervisor).await.unwrap();
    let a: AgentRef<Worker> = root.child("a").await.unwrap();
    a.burst().await.unwrap_err();
    within(eventually(|| matches!(a.state(), AgentState::Restarting(_)))).await;
    let waits = tokio::spawn({
        let a = a.clone();
        async move { a.add(1).await }
    });
    tokio::task::yield_now().await;
    within(a.shutdown()).await.unwrap();
    let error = within(waits).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Gone { .. }), "{error}");
    assert_eq!(node.agents().len(), 1);
    within(root.shutdown()).await.unwrap();
}

#[tokio::test]
async fn a_name_that_others_have_is_an_error_of_the_supervisor() {
    let (node, diary) = (Node::local(), Diary::default());
    node.run_agent("a", Supervisor::new(Strategy::OneForOne)).await.unwrap();
    let supervisor = Supervisor::new(Strategy::OneForOne).child(child(&diary, "a"));
    let error = node.run_agent("root", supervisor).await.unwrap_err();
    assert!(matches!(error, RunError::Start { .. }), "{error}");
    assert_eq!(node.agents().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_transient_child_that_is_shut_down_in_its_pause_is_done() {
    let (node, diary) = (Node::local(), Diary::default());
    let supervisor = Supervisor::new(Strategy::OneForOne)
        .restart(Restart::new().back_off(SECOND, SECOND))
        .child(child(&diary, "a").kind(ChildKind::Transient));
    let root = node.run_agent("root", supervisor).await.unwrap();
    let a: AgentRef<Worker> = root.child("a").await.unwrap();
    let _ = a.burst().await;
    within(eventually(|| matches!(a.state(), AgentState::Restarting(_)))).await;
    a.shutdown().await.unwrap();
    tokio::time::advance(SECOND * 5).await;
    // It is not begun by what the supervisor does next.
    root.children().await.unwrap();
    assert_eq!(taken(&diary), "+a");
    assert_eq!(root.children().await.unwrap()[0].state, AgentState::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_was_laid_down_for_another_one_has_not_failed() {
    let node = Node::local();
    let diary = Diary::default();
    let supervisor = Supervisor::new(Strategy::OneForAll)
        .restart(Restart::new().back_off(SECOND * 3_600, SECOND * 3_600))
        .child(child(&diary, "a"))
        .child(child(&diary, "b"));
    let root = node.run_agent("root", supervisor).await.unwrap();
    let a: AgentRef<Worker> = root.child("a").await.unwrap();
    let b: AgentRef<Worker> = root.child("b").await.unwrap();
    let watch = tokio::spawn({
        let b = b.clone();
        async move { b.ended().await }
    });
    let _ = a.burst().await;
    within(eventually(|| matches!(b.state(), AgentState::Restarting(_)))).await;
    within(root.shutdown()).await.unwrap();
    assert_eq!(within(watch).await.unwrap(), Ended::Shutdown);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_was_stopped_does_not_hold_up_the_others() {
    let (_node, root, [a, b, _], diary) = abc(Strategy::OneForAll).await;
    b.stop().await.unwrap();
    taken(&diary);
    let begun = tokio::time::Instant::now();
    let _ = a.burst().await;
    until(async || root.children().await.unwrap()[0].restarts == 1).await;
    assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
}
