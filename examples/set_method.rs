//! Methods that an agent is given while it runs.
//!
//! ```text
//! cargo run --release --example set_method
//! ```
//!
//! The `set_method` of osBrain. It prints
//!
//! ```text
//! 3
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

use std::time::Duration;

use gleis::agent::{Context, Result, agent, run_agent, run_nameserver};

struct Plain;

#[agent]
impl Plain {}

fn set_x(_: &mut Plain, cx: &Context<Plain>, value: i64) -> Result {
    Ok(cx.set_attr("x", value)?)
}

fn set_y(_: &mut Plain, cx: &Context<Plain>, value: i64) -> Result {
    Ok(cx.set_attr("y", value)?)
}

fn add_xy(_: &mut Plain, cx: &Context<Plain>, (): ()) -> Result<i64> {
    Ok(cx.get_attr::<i64>("x")? + cx.get_attr::<i64>("y")?)
}

#[tokio::main]
async fn main() -> Result {
    // System deployment
    let ns = run_nameserver().await?;
    let agent = run_agent("Example", Plain).await?;

    // System configuration
    agent.set_method("set_x", set_x)?;
    agent.set_method("set_y", set_y)?;
    agent.set_method("add", add_xy)?;

    // Trying the new methods, as anybody in any process could
    let proxy = ns.proxy("Example").await?;
    proxy.call::<()>("set_x", (1,)).await?;
    proxy.call::<()>("set_y", (2,)).await?;
    println!("{}", proxy.call::<i64>("add", ()).await?);
    Ok(ns.shutdown(Duration::from_secs(10)).await?)
}
