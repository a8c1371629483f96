//! Agents that many tests use.

use gleis_agent::{AgentRef, Context, Kind, Node, Result, SendError, agent};
use tokio::sync::mpsc;

/// Binds a `Push` socket `main` and greets there.
pub(crate) struct Greeter;

#[agent]
impl Greeter {
    async fn on_init(&mut self, cx: &Context<Self>) -> Result {
        cx.bind(Kind::Push, "main").await?;
        Ok(())
    }

    #[method]
    pub(crate) async fn hello(
        &mut self,
        cx: &Context<Self>,
        name: String,
    ) -> Result<(), SendError> {
        cx.send("main", format!("Hello, {name}!")).await
    }
}

/// Hands everything it hears to a test.
pub(crate) struct Listener {
    pub(crate) heard: mpsc::UnboundedSender<String>,
}

impl Listener {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (heard, hears) = mpsc::unbounded_channel();
        (Self { heard }, hears)
    }
}

#[agent]
impl Listener {
    pub(crate) async fn hear(&mut self, _: &Context<Self>, text: String) {
        // The test may be over.
        let _ = self.heard.send(text);
    }
}

/// Counts, and answers by name and by type.
#[derive(Default)]
pub(crate) struct Counter {
    pub(crate) n: u64,
}

#[agent]
impl Counter {
    /// Adds to the count.
    #[method]
    pub(crate) fn add(&mut self, more: u64) -> u64 {
        self.n += more;
        self.n
    }

    #[method]
    async fn total(&self) -> u64 {
        self.n
    }

    #[method]
    fn divide(&mut self, by: u64) -> Result<u64> {
        self.n.checked_div(by).ok_or_else(|| "division by zero".into())
    }

    #[method]
    fn burst(&mut self) {
        panic!("burst at {}", self.n);
    }

    #[method]
    async fn linger_on(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// A counter that runs without a name server.
pub(crate) async fn counter() -> (Node, AgentRef<Counter>) {
    let node = Node::local();
    let counter = node.run_agent("counter", Counter::default()).await.unwrap();
    (node, counter)
}
