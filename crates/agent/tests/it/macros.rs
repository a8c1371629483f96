//! What `#[agent]` and `#[method]` take.

use std::collections::BTreeMap;

use gleis_agent::{AgentRef, Context, Fault, Method, Node, Outcome, Result, agent};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// An agent for any key.
#[derive(Default)]
struct Store<K: Ord> {
    values: BTreeMap<K, u32>,
}

#[agent]
impl<K> Store<K>
where
    K: Ord + Default + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    #[method]
    fn put(&mut self, key: K, value: u32) -> Option<u32> {
        self.values.insert(key, value)
    }
}

#[tokio::test]
async fn an_agent_may_be_generic() {
    let node = Node::local();
    let store = node.run_agent("store", Store::<String>::default()).await.unwrap();
    assert_eq!(store.put("one".to_owned(), 1).await.unwrap(), None);
    assert_eq!(store.call::<Option<u32>>("put", ("one", 2)).await.unwrap(), Some(1));
}

/// Names its arguments and methods like what the macro writes.
struct Odd;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Pair {
    left: u32,
    right: u32,
}

type PairResult = Result<Pair, Fault>;

#[agent]
impl Odd {
    #[method]
    fn swap(&mut self, cx: &Context<Self>, agent: Pair, arguments: u32) -> PairResult {
        assert_eq!(cx.name(), "odd");
        Ok(Pair { left: agent.right, right: agent.left + arguments })
    }

    #[method]
    async fn send(&self, cx: u32) -> u32 {
        cx
    }

    #[method]
    async fn r#loop(&self, r#type: String) -> String {
        r#type
    }

    #[method]
    fn nothing(&self) {}

    fn plain(&self) -> &str {
        "not a method"
    }
}

#[tokio::test]
async fn names_may_be_odd() {
    let node = Node::local();
    let odd: AgentRef<Odd> = node.run_agent("odd", Odd).await.unwrap();
    let pair = Pair { left: 1, right: 2 };
    let swapped = Pair { left: 2, right: 2 };
    assert_eq!(odd.swap(pair, 1).await.unwrap(), swapped);
    assert_eq!(odd.call::<Pair>("swap", (pair, 1)).await.unwrap(), swapped);
    assert_eq!(OddCalls::send(&odd, 7).await.unwrap(), 7);
    assert_eq!(odd.r#loop("round").await.unwrap(), "round");
    assert_eq!(odd.call::<String>("loop", ("round",)).await.unwrap(), "round");
    odd.nothing().await.unwrap();
    odd.call::<()>("nothing", ()).await.unwrap();
    assert_eq!(Odd.plain(), "not a method");
}

#[test]
fn a_method_tells_what_it_takes() {
    let methods: Vec<_> = <Odd as gleis_agent::Agent>::METHODS.iter().map(show).collect();
    let expect =
        ["swap(agent: Pair, arguments: u32)", "send(cx: u32)", "loop(type: String)", "nothing()"];
    assert_eq!(methods, expect);
}

fn show(method: &Method<Odd>) -> String {
    format!("{method:?}")
}

#[test]
fn plain_values_and_results_are_outcomes() {
    fn check<O: Outcome>(outcome: O) -> Option<O::Reply> {
        outcome.into_result().ok()
    }
    assert_eq!(check(1), Some(1));
    assert_eq!(check(Ok::<_, String>(1)), Some(1));
    assert_eq!(check(Err::<u32, _>("no")), None);
}
