//! Attributes: fields that others may see, and free ones.
//!
//! ```text
//! cargo run --release --example attributes
//! ```
//!
//! Those of osBrain, at the start and later. It prints
//!
//! ```text
//! x = 1, y = 2
//! x = 3, y = 2
//! attributes: x, y
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Result, agent, run_agent, run_nameserver};

#[derive(Default)]
struct Point {
    x: i64,
}

// Others may see and set the field `x`; `y` is a free attribute.
#[agent(attributes(x))]
impl Point {
    #[method]
    fn shift(&mut self, by: i64) {
        self.x += by;
    }
}

#[tokio::main]
async fn main() -> Result {
    let ns = run_nameserver().await?;
    let a0 = run_agent("foo", Point::default()).attribute("x", 1).attribute("y", 2).await?;

    let proxy = ns.proxy("foo").await?;
    let (x, y): (i64, i64) = (proxy.get_attr("x").await?, proxy.get_attr("y").await?);
    println!("x = {x}, y = {y}");

    a0.shift(2).await?;
    let (x, y): (i64, i64) = (proxy.get_attr("x").await?, proxy.get_attr("y").await?);
    println!("x = {x}, y = {y}");
    println!("attributes: {}", proxy.attrs().await?.join(", "));
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
