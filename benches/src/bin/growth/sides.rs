//! The two sides of many connections, each a process of its own: what one holds and does is then its
//! own, no allocator remembers earlier points, and each has the files it may open to itself.
//!
//! A side does one order after the other, a line each, and answers with a line. It ends with its input.

use std::error::Error;
use std::fmt::Display;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use gleis_benches::Load;
use gleis_patterns::{Builder, Endpoint, Pull, Push};
use tokio::sync::{mpsc, oneshot};

/// The word by which the program is told that it is a side.
pub(crate) const FLAG: &str = "--side";
/// Connections in the making at a time.
const AT_A_TIME: usize = 64;
/// Bytes of a message.
const SIZE: usize = 64;
const READY: Duration = Duration::from_secs(60);

/// Whether connections send PINGs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heartbeats {
    /// As they do by default.
    Default,
    Off,
}

impl Heartbeats {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Default => "heartbeats",
            Self::Off => "silent",
        }
    }

    fn of<S>(self, builder: Builder<S>) -> Builder<S> {
        if self == Self::Off { builder.no_heartbeat() } else { builder }
    }
}

/// Plays the side that `words` name, until its input ends.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (orders, ended) = orders();
    let playing = async {
        tokio::select! {
            played = play(words, orders) => played,
            // An order may wait for what the other side does not do any more.
            _ = ended => Ok(()),
        }
    };
    let played = runtime.map_err(Into::into).and_then(|it| it.block_on(playing));
    if let Err(error) = played {
        eprintln!("growth: {}: {error}", words.join(" "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

type Played = Result<(), Box<dyn Error>>;

async fn play(words: &[String], orders: mpsc::Receiver<String>) -> Played {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["bind", heartbeats] => bind(read(heartbeats), orders).await,
        ["connect", heartbeats, at] => connect(read(heartbeats), at.parse()?, orders).await,
        _ => Err("no such side".into()),
    }
}

fn read(word: &str) -> Heartbeats {
    if word == Heartbeats::Off.word() { Heartbeats::Off } else { Heartbeats::Default }
}

/// The lines of the input, and its end. The thread ends with it, or with the process.
fn orders() -> (mpsc::Receiver<String>, oneshot::Receiver<()>) {
    let ((tell, orders), (end, ended)) = (mpsc::channel(4), oneshot::channel());
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
        drop(end);
    });
    (orders, ended)
}

fn answer(text: impl Display) {
    // Who does not listen any more has ended the input as well.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn number(word: &str) -> Result<u64, Box<dyn Error>> {
    word.parse().map_err(|_| format!("`{word}` is no number").into())
}

/// One `Pull`. Answers first where it is.
async fn bind(heartbeats: Heartbeats, mut orders: mpsc::Receiver<String>) -> Played {
    let builder = Pull::<Bytes>::bind("tcp://127.0.0.1:0").max_peers(1 << 20);
    let pull = heartbeats.of(builder).await?;
    answer(pull.endpoint());
    while let Some(order) = orders.recv().await {
        match order.split_once(' ') {
            Some(("peers", n)) => pull.wait_for_peers(number(n)? as usize).await,
            Some(("take", n)) => {
                for _ in 0..number(n)? {
                    pull.recv().await?;
                }
            }
            _ if order == "alone" => {
                let mut events = pull.events();
                while !pull.peers().is_empty() {
                    events.recv().await;
                }
            }
            _ => return Err(format!("no such order: {order}").into()),
        }
        answer("done");
    }
    Ok(())
}

/// Many `Push`.
async fn connect(
    heartbeats: Heartbeats,
    at: Endpoint,
    mut orders: mpsc::Receiver<String>,
) -> Played {
    let (mut sockets, load) = (Vec::new(), Load::new(SIZE));
    let one = || heartbeats.of(Push::<Bytes>::connect(&at)).ready(READY);
    while let Some(order) = orders.recv().await {
        match order.split_once(' ') {
            Some(("connect", n)) => {
                let made = stream::iter(0..number(n)?).map(|_| one().into_future());
                sockets = made.buffer_unordered(AT_A_TIME).try_collect().await?;
            }
            Some(("send", n)) => {
                let messages = load.turn(number(n)?);
                for (push, message) in sockets.iter().cycle().zip(messages) {
                    push.send(Bytes::copy_from_slice(message)).await?;
                }
            }
            _ if order == "close" => {
                for push in sockets.drain(..) {
                    push.close().await;
                }
            }
            _ => return Err(format!("no such order: {order}").into()),
        }
        answer("done");
    }
    Ok(())
}
