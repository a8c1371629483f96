//! Calls of `gleis-rpc`, whose messages are the JSON of xbahn.

use std::time::Instant;

use gleis_benches::rig::{Cores, Outcome, Ready, Rig};
use gleis_rpc::{Client, RpcError, Server, Url};
use tokio::task::JoinSet;

async fn serve(ready: Ready<Url>) -> Outcome {
    let server = Server::new()
        .expose("echo", ["it"], async |(it,): (u64,)| Ok::<_, String>(it))
        .listen("zmq://127.0.0.1:0/rep")
        .await?;
    ready.tell(server.url().twin());
    std::future::pending().await
}

/// One call at a time.
pub(crate) fn call(cores: Cores) -> Rig {
    Rig::pair(cores, serve, async move |mut turns, at| {
        let client = Client::connect(at).await?;
        let mut times = Vec::new();
        while let Some(n) = turns.next().await {
            for it in 0..n {
                let start = Instant::now();
                client.call::<u64>("echo", (it,)).await?;
                times.push(start.elapsed());
            }
            turns.done_each(&mut times);
        }
        Ok(())
    })
}

/// Calls from `n_callers` tasks over one connection, each of which awaits its answer.
pub(crate) fn callers(n_callers: u64) -> Rig {
    Rig::pair(Cores::Any, serve, async move |mut turns, at| {
        let client = Client::connect(at).await?;
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            let mut callers = JoinSet::new();
            for _ in 0..n_callers {
                let client = client.clone();
                callers.spawn(async move {
                    for it in 0..n / n_callers {
                        client.call::<u64>("echo", (it,)).await?;
                    }
                    Ok::<_, RpcError>(())
                });
            }
            while let Some(done) = callers.join_next().await {
                done??;
            }
            turns.done(start.elapsed());
        }
        Ok(())
    })
}
