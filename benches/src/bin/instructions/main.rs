//! Moves messages along one hot path, so that valgrind can count what that takes.
//!
//! `cargo xtask instructions` runs it; by hand: `instructions patterns/push/64 4000`, and without
//! arguments it lists the paths with the number of messages that tell what one costs.

#![expect(clippy::print_stdout, reason = "it is asked for the list")]

use gleis_benches::hot::{HOT_PATHS, HotPath, Outcome};

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [] => {
            for path in HOT_PATHS {
                println!("{} {}", path.name, path.messages);
            }
            Ok(())
        }
        [name, n_messages] => {
            let path = HotPath::named(name).ok_or_else(|| format!("there is no path `{name}`"))?;
            path.run(n_messages.parse()?)
        }
        _ => Err("takes a path and a number of messages, or nothing".into()),
    }
}
