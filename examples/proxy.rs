//! Clients ask, workers answer, and a proxy between them passes on what they say. Nobody but the
//! proxy has a fixed place, so workers may come and go.
//!
//! ```text
//! cargo run --release --example proxy
//! ```
//!
//! It prints `2 + 3 = 5` and `4 + 5 = 9`, how much has passed, and ends.

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use gleis::patterns::{Dealer, Endpoint, Multipart, Proxy, Replier, Requester, Router};

/// Answers one question and leaves.
async fn work(at: Endpoint) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let worker = Replier::<(u32, u32), u32>::connect(&at).await?;
    let ((a, b), reply) = worker.recv().await?;
    reply.send(a + b).await?;
    worker.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let clients = Router::<Multipart>::bind("tcp://127.0.0.1:0").await?;
    let workers = Dealer::<Multipart>::bind("tcp://127.0.0.1:0").await?;
    let (front, back) = (clients.endpoint().clone(), workers.endpoint().clone());
    let proxy = Proxy::queue(clients, workers).start();

    let client = Requester::<(u32, u32), u32>::connect(&front).await?;
    for (a, b) in [(2, 3), (4, 5)] {
        let worker = tokio::spawn(work(back.clone()));
        println!("{a} + {b} = {}", client.request((a, b)).await?);
        worker.await??;
    }

    let stats = proxy.stop().await;
    println!("{} requests and {} answers passed", stats.forward.passed, stats.backward.passed);
    Ok(())
}
