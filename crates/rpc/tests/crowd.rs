//! A crowd of clients on one server, in a program of its own, since its memory is looked at.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::time::Duration;

use gleis_rpc::{Client, RpcError, Server};
use gleis_test::wait::eventually;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const CLIENTS: u64 = 1_000;
const CALLS: u64 = 8;
/// Rounds of the whole crowd, at most: memory grows to what it needs in the first ones.
const ROUNDS: usize = 8;
/// So much from one round to the next is nothing: what a client has in buffers alone is more.
const LEFT: i64 = 4 << 20;
/// A wait that only a failure fills.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_thousand_clients_with_eight_calls_each_get_their_answers_and_leave_nothing() {
    let enough = allow_connections();
    let at = if enough { "zmq://127.0.0.1:0/rep" } else { "zmq://crowd/rep?transport=inproc" };
    let server = Server::new()
        .aware()
        .expose("double", ["n"], async |(n,): (u64,)| Ok::<_, String>(n * 2))
        .listen(at)
        .await
        .unwrap();
    let mut sizes = Vec::new();
    for _ in 0..ROUNDS {
        tokio::time::timeout(PATIENCE, round(&server)).await.unwrap();
        eventually(|| server.clients().is_empty()).await;
        sizes.extend(resident());
        if let [.., before, after] = sizes[..]
            && after - before < LEFT
        {
            return;
        }
    }
    assert!(sizes.is_empty(), "each round leaves something behind: {sizes:?}");
}

async fn round(server: &Server) {
    let url = server.url().twin();
    let crowd = (0..CLIENTS).map(|n| {
        let url = url.clone();
        async move {
            // It can be called back, so the server knows it until it leaves.
            let client = Client::new().expose("poke", [], async |()| Ok::<_, String>(()));
            let client = client.connect(url).await.unwrap();
            let calls = (0..CALLS).map(|k| client.call::<u64>("double", (n * CALLS + k,)));
            let answers = futures::future::join_all(calls).await;
            (client, answers)
        }
    });
    let crowd = futures::future::join_all(crowd).await;
    let mut leaving = Vec::new();
    for (n, (client, answers)) in (0..).zip(crowd) {
        let answers: Result<Vec<_>, RpcError> = answers.into_iter().collect();
        let expect: Vec<_> = (0..CALLS).map(|k| (n * CALLS + k) * 2).collect();
        assert_eq!(answers.unwrap(), expect);
        leaving.push(client.close());
    }
    futures::future::join_all(leaving).await;
}

/// Lets this program have two connections' ends for each client, if the system allows it.
fn allow_connections() -> bool {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    raised.is_ok() && maximum.is_none_or(|it| 3 * CLIENTS < it)
}

/// Bytes of memory that this program holds, where the system says so.
fn resident() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let kib = text.lines().find_map(|it| it.strip_prefix("Rss:"))?;
    kib.trim().trim_end_matches(" kB").parse::<i64>().ok().map(|it| it << 10)
}
