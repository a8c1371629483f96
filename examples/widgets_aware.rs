//! Widgets that each client has for itself, and that the server calls back.
//!
//! ```text
//! cargo run --release --example widgets_aware
//! cargo run --release --example widgets_aware server zmq://127.0.0.1:7050/rep
//! cargo run --release --example widgets_aware client zmq://127.0.0.1:7050/req
//! ```
//!
//! The widgets of an aware server of xbahn. It prints
//!
//! ```text
//! Server running!
//! Slapped (a)? true
//! Poked (a)? true
//! Poked (b)? false
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;

use gleis::rpc::{Client, Server, Url, Value, Widget, WidgetRef};

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
        _ => Err("usage: widgets_aware [server URL | client URL]".into()),
    }
}

async fn serve(url: Url) -> Result<Server, Box<dyn Error>> {
    let demo = Widget::new(|_| false)
        .expose("poked", [], async |it: WidgetRef<bool>, ()| Ok::<_, String>(*it.lock()))
        .expose("poke", [], async |it: WidgetRef<bool>, ()| {
            *it.lock() = true;
            // Now it is the client's turn.
            it.call::<Value>("slap", ()).await.map(drop)
        });
    let server = Server::new().aware().widget("demo", demo).listen(url).await?;
    println!("Server running!");
    Ok(server)
}

async fn call(url: Url) -> Result<(), Box<dyn Error>> {
    let demo = Widget::new(|_| false).expose("slap", [], async |it: WidgetRef<bool>, ()| {
        *it.lock() = true;
        Ok::<_, String>(())
    });
    let client = Client::new().widget("demo", demo).connect(url).await?;
    let a = client.attach("demo", "widget_a").await?;
    a.call::<Value>("poke", ()).await?;
    let slapped = a.local::<bool>().is_some_and(|it| *it.lock());
    println!("Slapped (a)? {slapped}");
    println!("Poked (a)? {}", a.call::<bool>("poked", ()).await?);

    // Another client, on the same connection, has a widget of its own.
    let other = Client::on(client.link().clone());
    let b = other.attach("demo", "widget_a").await?;
    println!("Poked (b)? {}", b.call::<bool>("poked", ()).await?);
    client.close().await;
    Ok(())
}
