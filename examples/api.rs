//! A client calls what a server exposes.
//!
//! ```text
//! cargo run --release --example api
//! cargo run --release --example api server zmq://127.0.0.1:7050/rep
//! cargo run --release --example api client zmq://127.0.0.1:7050/req
//! ```
//!
//! The API of xbahn; its clients may call this server, and this client its servers. It prints
//!
//! ```text
//! Server running!
//! ping!
//! pong!
//! 7*6 = 42
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin api
use std::error::Error;

use gleis::rpc::{Client, Server, Url};

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
        _ => Err("usage: api [server URL | client URL]".into()),
    }
}

async fn serve(url: Url) -> Result<Server, Box<dyn Error>> {
    let server = Server::new()
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .listen(url)
        .await?;
    println!("Server running!");
    Ok(server)
}

async fn call(url: Url) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    println!("ping!");
    println!("{}", client.call::<String>("ping", ()).await?);
    println!("7*6 = {}", client.call::<i64>("multiply", (7, 6)).await?);
    Ok(())
}
// README: end api
