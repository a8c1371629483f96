//! A service: a trait that a server has and a client calls, by type on both sides.
//!
//! ```text
//! cargo run --release --example service
//! cargo run --release --example service server zmq://127.0.0.1:7050/rep
//! cargo run --release --example service client zmq://127.0.0.1:7050/req
//! ```
//!
//! Clients of xbahn may call it by name, too. It prints
//!
//! ```text
//! Server running!
//! 7*6 = 42
//! 7*2 = 14
//! Cannot divide by zero.
//! multiply(a: i64, b: i64) -> i64: Multiplies two numbers.
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin service
use std::error::Error;

use gleis::rpc::{Client, Server, Url, service};

#[service]
trait Calculator {
    /// Multiplies two numbers.
    async fn multiply(&self, a: i64, #[default(2)] b: i64) -> i64;

    async fn divide(&self, a: i64, b: i64) -> Result<i64, String>;
}

struct Calculating;

impl Calculator for Calculating {
    async fn multiply(&self, a: i64, b: i64) -> i64 {
        a * b
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, String> {
        a.checked_div(b).ok_or_else(|| "Cannot divide by zero.".to_owned())
    }
}

async fn serve(url: Url) -> Result<Server, Box<dyn Error>> {
    let server = Server::new().service(CalculatorService(Calculating)).listen(url).await?;
    println!("Server running!");
    Ok(server)
}

async fn call(url: Url) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    let calculator = CalculatorClient::new(client.clone());
    println!("7*6 = {}", calculator.multiply(7, 6).await?);
    // By name, as from Python; the second argument has a default.
    println!("7*2 = {}", client.call::<i64>("multiply", (7,)).await?);
    if let Err(error) = calculator.divide(1, 0).await {
        println!("{error}");
    }
    let methods = client.describe().await?.methods;
    for it in methods.iter().filter(|it| !it.docs.is_empty()) {
        println!("{it}: {}", it.docs);
    }
    Ok(())
}
// README: end service

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
        _ => Err("usage: service [server URL | client URL]".into()),
    }
}
