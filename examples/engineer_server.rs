//! A server with commands for the program `engineer`.
//!
//! ```text
//! cargo run --release --example engineer_server [URL]
//! engineer zmq://0.0.0.0:7050/req --help
//! engineer zmq://0.0.0.0:7050/req do_something "say hello"
//! ```
//!
//! That of xbahn. It listens at `zmq://0.0.0.0:7050/rep` until Ctrl-C, and prints
//!
//! ```text
//! Server running ...
//! ```

#![expect(clippy::print_stdout, reason = "the reader should see something")]

// README: begin engineer_server
use std::error::Error;
use std::pin::pin;

use gleis::rpc::{Command, CommandArgs, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "zmq://0.0.0.0:7050/rep".to_owned());
    let _server = Server::new()
        .command("status", Command::new(), async |_| Ok::<_, String>("ok"))
        .command(
            "do_something",
            Command::new().description("Do the task specified in [WHAT]").argument("what"),
            async |args: CommandArgs| {
                Ok::<_, String>(format!("did {}", args["what"].as_str().unwrap_or_default()))
            },
        )
        .command(
            "show",
            Command::new().flag("--extra/--no-extra", "include extra info"),
            async |args: CommandArgs| {
                let is_extra = args["extra"].as_bool() == Some(true);
                Ok::<_, String>(if is_extra { vec!["Basic", "Extra!!"] } else { vec!["Basic"] })
            },
        )
        .listen(url)
        .await?;
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    // Heard from its first poll on, so before anybody is told that this runs.
    _ = futures::poll!(&mut interrupted);
    println!("Server running ...");
    Ok(interrupted.await?)
}
// README: end engineer_server
