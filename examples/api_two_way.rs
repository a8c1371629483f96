//! A server calls its client back.
//!
//! ```text
//! cargo run --release --example api_two_way
//! cargo run --release --example api_two_way server zmq://127.0.0.1:7050/rep
//! cargo run --release --example api_two_way client zmq://127.0.0.1:7050/req
//! ```
//!
//! The two-way API of xbahn. It prints
//!
//! ```text
//! Server running!
//! ping!
//! pong!
//! Touched? true
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin api_two_way
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
        _ => Err("usage: api_two_way [server URL | client URL]".into()),
    }
}

async fn serve(url: Url) -> Result<Server, Box<dyn Error>> {
    let server = Server::new()
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        // Every new client is touched before its first call returns.
        .on_new_client(async |client| {
            if let Err(error) = client.call::<bool>("touch", ()).await {
                println!("{error}");
            }
        })
        .listen(url)
        .await?;
    println!("Server running!");
    Ok(server)
}

async fn call(url: Url) -> Result<(), Box<dyn Error>> {
    let touched = Arc::new(AtomicBool::new(false));
    let touch = touched.clone();
    let client = Client::new().expose("touch", [], move |()| {
        touch.store(true, Ordering::SeqCst);
        async { Ok::<_, String>(true) }
    });
    // A server of xbahn calls back elsewhere: `connect_with_responder` tells it where.
    let client = client.connect(url).await?;
    println!("ping!");
    println!("{}", client.call::<String>("ping", ()).await?);
    println!("Touched? {}", touched.load(Ordering::SeqCst));
    client.close().await;
    Ok(())
}
// README: end api_two_way
