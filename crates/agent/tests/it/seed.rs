//! The program of the seed: a greeter and one who listens.

use std::time::Duration;

use gleis_agent::{run_agent, run_nameserver};
use gleis_test::wait::within;

use crate::support::{Greeter, GreeterCalls, Listener};

#[tokio::test(flavor = "multi_thread")]
async fn bob_hears_three_greetings_in_order() {
    let ns = run_nameserver().await.unwrap();
    let alice = run_agent("Alice", Greeter).await.unwrap();
    let (listener, mut hears) = Listener::new();
    let bob = run_agent("Bob", listener).await.unwrap();
    bob.connect(alice.addr("main").await.unwrap(), Listener::hear).await.unwrap();
    for name in ["Bob", "you", "world"] {
        alice.hello(name).await.unwrap();
    }
    for name in ["Bob", "you", "world"] {
        let heard = within(hears.recv()).await.unwrap();
        assert_eq!(heard, format!("Hello, {name}!"));
    }
    ns.shutdown(Duration::from_secs(10)).await.unwrap();
}
