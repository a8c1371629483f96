//! The `zeromq` crate as a foreign peer: ZMTP 3.0, no PAIR, no heartbeats, no high-water marks.

use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use zeromq::{
    DealerSocket, PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket, RouterSocket, Socket,
    SocketOptions, SocketRecv, SocketSend, SubSocket, XPubSocket, XSubSocket, ZmqError, ZmqMessage,
};

use crate::foreign::orders::{Answer, Frames, Order, Word, frames, number, numbered, words};
use crate::foreign::serve::Obedient;
use crate::outcome::{Failure, Outcome, soon};

enum Any {
    Dealer(DealerSocket),
    Pub(PubSocket),
    Pull(PullSocket),
    Push(PushSocket),
    Rep(RepSocket),
    Req(ReqSocket),
    Router(RouterSocket),
    Sub(SubSocket),
    Xpub(XPubSocket),
    Xsub(XSubSocket),
}

/// The same expression for all sockets; for those that are named, and an error for others.
macro_rules! for_each {
    ([$($kind:ident)+], $any:expr, $socket:ident => $expression:expr) => {
        match $any {
            $(Any::$kind($socket) => $expression,)+
            _ => return Err(Failure::new("this socket cannot do that")),
        }
    };
    ($any:expr, $socket:ident => $expression:expr) => {
        match $any {
            Any::Dealer($socket) => $expression,
            Any::Pub($socket) => $expression,
            Any::Pull($socket) => $expression,
            Any::Push($socket) => $expression,
            Any::Rep($socket) => $expression,
            Any::Req($socket) => $expression,
            Any::Router($socket) => $expression,
            Any::Sub($socket) => $expression,
            Any::Xpub($socket) => $expression,
            Any::Xsub($socket) => $expression,
        }
    };
}

/// How long one look at an idle socket takes.
const TURN: Duration = Duration::from_millis(1);

/// One socket at a time.
pub(crate) struct Zeromq {
    open: Option<Open>,
    runtime: Runtime,
}

struct Open {
    /// What was received while nobody asked for it.
    early: Option<Frames>,
    socket: Any,
}

impl Zeromq {
    pub(crate) fn new() -> Outcome<Self> {
        // Its tasks run on while nobody gives orders.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { open: None, runtime })
    }
}

impl Obedient for Zeromq {
    fn obey(&mut self, order: Order) -> Outcome<Answer> {
        let Self { open, runtime } = self;
        // Some sockets can be made only where tasks can be.
        runtime.block_on(async {
            match (order, open) {
                (Order::Open { heartbeat: Some(_), .. }, _) => {
                    Err(Failure::new("zeromq has no heartbeats"))
                }
                (Order::Open { identity, kind, .. }, open) => {
                    *open = Some(Open { early: None, socket: socket(&kind, identity.as_ref())? });
                    Ok(Answer::default())
                }
                (Order::Close, open) => {
                    // A PULL that is only dropped keeps its connections.
                    if let Some(Open { socket: Any::Pull(it), .. }) = open.take() {
                        it.backend().shutdown();
                    }
                    Ok(Answer::default())
                }
                (_, None) => Err(Failure::new("there is no socket")),
                (order, Some(open)) => open.obey(order).await,
            }
        })
    }

    fn idle(&mut self) -> Outcome {
        // Such a socket sees that its connection is gone, and makes another, only if it is read.
        if let Some(Open { early: early @ None, socket: it @ (Any::Sub(_) | Any::Xsub(_)) }) =
            &mut self.open
        {
            let reading = async { tokio::time::timeout(TURN, take(it)).await };
            // What goes wrong is how it sees it.
            *early = self.runtime.block_on(reading).ok().and_then(Result::ok);
        }
        Ok(())
    }
}

fn socket(kind: &str, identity: Option<&Word>) -> Outcome<Any> {
    let mut options = SocketOptions::default();
    if let Some(identity) = identity {
        options.peer_identity(Bytes::try_from(identity)?.to_vec().try_into()?);
    }
    Ok(match kind {
        "DEALER" => Any::Dealer(DealerSocket::with_options(options)),
        "PUB" => Any::Pub(PubSocket::with_options(options)),
        "PULL" => Any::Pull(PullSocket::with_options(options)),
        "PUSH" => Any::Push(PushSocket::with_options(options)),
        "REP" => Any::Rep(RepSocket::with_options(options)),
        "REQ" => Any::Req(ReqSocket::with_options(options)),
        "ROUTER" => Any::Router(RouterSocket::with_options(options)),
        "SUB" => Any::Sub(SubSocket::with_options(options)),
        "XPUB" => Any::Xpub(XPubSocket::with_options(options)),
        "XSUB" => Any::Xsub(XSubSocket::with_options(options)),
        _ => return Err(Failure::new(format!("no socket type: {kind}"))),
    })
}

impl Open {
    async fn obey(&mut self, order: Order) -> Outcome<Answer> {
        let mut answer = Answer::default();
        match order {
            Order::Bind { at } => answer.at = self.bind(&at).await?,
            Order::Close | Order::Open { .. } => (),
            Order::Connect { at } => {
                for_each!(&mut self.socket, it => soon(it.connect(&at)).await??);
            }
            Order::Echo { count } => {
                for _ in 0..count {
                    let message = self.recv().await?;
                    soon(self.send(message)).await??;
                }
            }
            Order::Flood { count, head, patience, size } => {
                let (head, patience) = (frames(&head)?, Duration::from_millis(patience));
                answer.count = self.flood(count, head, patience, size).await?;
            }
            Order::Numbers { count } => {
                for _ in 0..count {
                    let message = self.recv().await?;
                    answer.numbers.push(number(message.last().map_or(&[], |it| it))?);
                }
            }
            Order::Recv { count } => {
                for _ in 0..count {
                    answer.messages.push(words(&self.recv().await?));
                }
            }
            Order::Send { messages } => {
                for message in &messages {
                    soon(self.send(frames(message)?)).await??;
                }
            }
            Order::Subscribe { prefix } => self.subscribe(&Bytes::try_from(&prefix)?).await?,
            Order::Unsubscribe { prefix } => self.unsubscribe(&Bytes::try_from(&prefix)?).await?,
        }
        Ok(answer)
    }

    async fn bind(&mut self, at: &str) -> Outcome<String> {
        // A peer that was killed has left its file, which the crate does not take away.
        if let Some(path) = at.strip_prefix("ipc://") {
            let _ = std::fs::remove_file(path);
        }
        let at = for_each!(&mut self.socket, it => soon(it.bind(at)).await??);
        Ok(at.to_string())
    }

    /// Waits for a peer, as others do; the socket itself gives the message back.
    async fn send(&mut self, message: Frames) -> Outcome {
        loop {
            match put(&mut self.socket, message.clone()).await? {
                // Not synchronisation: only keeps the polling from burning a core.
                Err(ZmqError::ReturnToSender { .. }) => tokio::time::sleep(TURN).await,
                sent => return Ok(sent?),
            }
        }
    }

    async fn recv(&mut self) -> Outcome<Frames> {
        match self.early.take() {
            Some(message) => Ok(message),
            None => soon(take(&mut self.socket)).await?,
        }
    }

    async fn subscribe(&mut self, prefix: &[u8]) -> Outcome {
        match &mut self.socket {
            Any::Sub(it) => Ok(it.subscribe(str::from_utf8(prefix)?).await?),
            Any::Xsub(it) => Ok(it.send([&[1], prefix].concat().into()).await?),
            _ => Err(Failure::new("this socket does not subscribe")),
        }
    }

    async fn unsubscribe(&mut self, prefix: &[u8]) -> Outcome {
        match &mut self.socket {
            Any::Sub(it) => Ok(it.unsubscribe(str::from_utf8(prefix)?).await?),
            Any::Xsub(it) => Ok(it.send([&[0], prefix].concat().into()).await?),
            _ => Err(Failure::new("this socket does not subscribe")),
        }
    }

    async fn flood(
        &mut self,
        count: u64,
        mut head: Frames,
        patience: Duration,
        size: usize,
    ) -> Outcome<u64> {
        for n_sent in 0..count {
            head.push(numbered(n_sent, size));
            match tokio::time::timeout(patience, self.send(head.clone())).await {
                Ok(sent) => sent?,
                Err(_) => return Ok(n_sent),
            }
            head.pop();
            // A publisher never waits, and so would keep its own writer from the processor.
            tokio::task::yield_now().await;
        }
        Ok(count)
    }
}

async fn put(socket: &mut Any, message: Frames) -> Outcome<Result<(), ZmqError>> {
    let message = ZmqMessage::try_from(message)
        .map_err(|_| Failure::new("a message has at least one frame"))?;
    Ok(for_each!([Dealer Pub Push Rep Req Router Xpub Xsub], socket, it => it.send(message).await))
}

async fn take(socket: &mut Any) -> Outcome<Frames> {
    let message =
        for_each!([Dealer Pull Rep Req Router Sub Xpub Xsub], socket, it => it.recv().await?);
    Ok(message.into_vec())
}
