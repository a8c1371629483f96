//! Streams: a method that gives many values, a reader that has enough of them, calls that build on each other
//! without waiting, and a call that takes too long.
//!
//! ```text
//! cargo run --release --example streams
//! cargo run --release --example streams server zmq://127.0.0.1:7050/rep
//! cargo run --release --example streams client zmq://127.0.0.1:7050/req
//! ```
//!
//! It prints
//!
//! ```text
//! Server running!
//! 20.5 degrees
//! 21 degrees
//! 21.5 degrees
//! attic: there is no thermometer
//! (2 + 3) * 4 = 20
//! timeout of 50ms exceeded for send(comm.call)
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin streams
use std::error::Error;
use std::time::Duration;

use futures::{StreamExt, stream};
use gleis::rpc::{Client, Server, Streaming, Url, service};

#[service]
trait House {
    /// How warm it is, for as long as somebody wants to know.
    fn degrees(&self, room: String) -> Result<Streaming<f64>, String>;

    fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    fn multiply(&self, a: i64, b: i64) -> i64 {
        a * b
    }

    /// Is dropped when nobody waits any more.
    async fn heat(&self) {
        std::future::pending::<()>().await;
    }
}

struct Mine;

impl House for Mine {
    fn degrees(&self, room: String) -> Result<Streaming<f64>, String> {
        match &room[..] {
            "kitchen" => Ok(Streaming::of(stream::iter(41..).map(|it| f64::from(it) / 2.0))),
            _ => Err(format!("{room}: there is no thermometer")),
        }
    }
}

async fn serve(url: Url) -> Result<Server, Box<dyn Error>> {
    let server = Server::new().service(HouseService(Mine)).listen(url).await?;
    println!("Server running!");
    Ok(server)
}

async fn call(url: Url) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    let house = HouseClient::new(client.clone());
    let mut degrees = house.degrees("kitchen").await?;
    for _ in 0..3 {
        if let Some(it) = degrees.next().await {
            println!("{} degrees", it?);
        }
    }
    // The house measures no more.
    drop(degrees);
    if let Err(error) = house.degrees("attic").await {
        println!("{error}");
    }

    // Both calls are on their way before either is answered.
    let sum = client.begin::<i64>("add", (2, 3)).await?;
    let product = client.begin::<i64>("multiply", (sum.result(), 4)).await?;
    println!("(2 + 3) * 4 = {}", product.await?);

    let hurried = HouseClient::new(client.within(Duration::from_millis(50)));
    if let Err(error) = hurried.heat().await {
        println!("{error}");
    }
    Ok(())
}
// README: end streams

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let server = serve("zmq://127.0.0.1:0/rep".parse()?).await?;
            call(server.url().twin()).await
        }
        ["server", url] => {
            let _server = serve(url.parse()?).await?;
            Ok(tokio::signal::ctrl_c().await?)
        }
        ["client", url] => call(url.parse()?).await,
        _ => Err("usage: streams [server URL | client URL]".into()),
    }
}
