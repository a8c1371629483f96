//! Widgets that all clients of a server share.
//!
//! ```text
//! cargo run --release --example widgets
//! cargo run --release --example widgets server zmq://127.0.0.1:7050/rep
//! cargo run --release --example widgets client zmq://127.0.0.1:7050/req
//! ```
//!
//! The widgets of an unaware server of xbahn. It prints
//!
//! ```text
//! Server running!
//! Number on the server widget (A) 123
//! Number on the server widget (B) 0
//! Number on the server widget (C through A) 123
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::error::Error;

use gleis::rpc::{Client, Server, Url, Widget, widget};

#[derive(Default)]
struct Demo {
    number: i64,
}

#[widget]
impl Demo {
    #[method]
    fn set_number(&mut self, num: i64) {
        self.number = num;
    }

    #[method]
    fn get_number(&self) -> i64 {
        self.number
    }
}

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
        _ => Err("usage: widgets [server URL | client URL]".into()),
    }
}

async fn serve(url: Url) -> Result<Server, Box<dyn Error>> {
    let demo = Widget::of(|_| Demo::default());
    let server = Server::new().widget("demo", demo).listen(url).await?;
    println!("Server running!");
    Ok(server)
}

async fn call(url: Url) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    let a = DemoClient::new(client.attach("demo", "widget_a").await?);
    a.set_number(123).await?;
    println!("Number on the server widget (A) {}", a.get_number().await?);

    // Another id is another widget.
    let b = DemoClient::new(client.attach("demo", "widget_b").await?);
    println!("Number on the server widget (B) {}", b.get_number().await?);

    // The same id is the same one.
    let c = DemoClient::new(client.attach("demo", "widget_a").await?);
    println!("Number on the server widget (C through A) {}", c.get_number().await?);
    Ok(())
}
