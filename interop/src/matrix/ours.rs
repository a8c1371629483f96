//! Gleis sockets as the matrix sees them: frames in, frames out.
//!
//! A new kind of socket is one more `impl Ours`, and rows in the [table](super::scenarios).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use gleis_patterns::{
    Builder, Dealer, Message, Multipart, Pair, Publisher, Pull, Push, Replier, ReplyHandle,
    RequestError, Requester, Router, Stats, Subscriber, Upstream, XPub, XSub,
};
use tokio::task::JoinHandle;

use crate::foreign::Frames;
use crate::gleis::Socket;
use crate::outcome::{Failure, Outcome};

/// A gleis socket.
pub(crate) trait Ours: Sized + 'static {
    type Socket: Socket;
    type Value: Value;

    /// What users call it.
    const NAME: &'static str;
    /// What it does when its peer does not read.
    const WHEN_FULL: WhenFull = WhenFull::Waits;

    fn new(socket: Self::Socket) -> Self;
    fn socket(&self) -> &Self::Socket;
    fn stats(&self) -> Stats;

    /// Has the socket want what begins with `prefix`, if wanting is what it does.
    fn want(builder: Builder<Self::Socket>, _prefix: &Bytes) -> Builder<Self::Socket> {
        builder
    }

    /// Waits until a peer can be sent to.
    async fn ready(&self) {
        self.socket().has_peers(1).await;
    }

    async fn send(&mut self, _frames: Frames) -> Outcome {
        Err(Failure::new("this socket does not send"))
    }

    async fn recv(&mut self) -> Outcome<Frames> {
        Err(Failure::new("this socket does not receive"))
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WhenFull {
    Drops,
    /// Has so many questions under way and not one more.
    Holds,
    Waits,
}

/// What a socket carries.
pub(crate) trait Value: Message {
    /// Whether it may have any number of frames, or exactly one.
    const IS_FRAMES: bool;

    fn of(frames: Frames) -> Outcome<Self>;
    fn frames(self) -> Frames;
}

impl Value for Bytes {
    const IS_FRAMES: bool = false;

    fn of(frames: Frames) -> Outcome<Self> {
        let wrong = |it: Frames| Failure::new(format!("{} frames, not 1", it.len()));
        let [body] = <[Self; 1]>::try_from(frames).map_err(wrong)?;
        Ok(body)
    }

    fn frames(self) -> Frames {
        vec![self]
    }
}

impl Value for Multipart {
    const IS_FRAMES: bool = true;

    fn of(frames: Frames) -> Outcome<Self> {
        Ok(frames.into())
    }

    fn frames(self) -> Frames {
        self.frames
    }
}

/// What the impls below have in common.
macro_rules! itself {
    ($name:literal, $value:ident) => {
        type Socket = Self;
        type Value = $value;

        const NAME: &'static str = $name;

        fn new(socket: Self) -> Self {
            socket
        }

        fn socket(&self) -> &Self {
            self
        }

        fn stats(&self) -> Stats {
            self.stats()
        }
    };
}

impl<V: Value> Ours for Push<V> {
    itself!("Push", V);

    async fn send(&mut self, frames: Frames) -> Outcome {
        Ok(Self::send(self, V::of(frames)?).await?)
    }
}

impl<V: Value> Ours for Pull<V> {
    itself!("Pull", V);

    async fn recv(&mut self) -> Outcome<Frames> {
        Ok(Self::recv(self).await?.frames())
    }
}

/// Sockets that send and receive the same.
macro_rules! talks {
    ($name:literal, $socket:ident) => {
        impl<V: Value> Ours for $socket<V> {
            itself!($name, V);

            async fn send(&mut self, frames: Frames) -> Outcome {
                Ok(Self::send(self, V::of(frames)?).await?)
            }

            async fn recv(&mut self) -> Outcome<Frames> {
                Ok(Self::recv(self).await?.frames())
            }
        }
    };
}

talks!("Dealer", Dealer);
talks!("Pair", Pair);

/// The first frame is who.
impl<V: Value> Ours for Router<V> {
    itself!("Router", V);

    async fn send(&mut self, frames: Frames) -> Outcome {
        let (to, message) = behind_first(frames)?;
        Ok(self.send_to(&to.into(), V::of(message)?).await?)
    }

    async fn recv(&mut self) -> Outcome<Frames> {
        let (from, message) = Self::recv(self).await?;
        Ok([vec![from.into()], message.frames()].concat())
    }
}

/// Sockets that publish.
macro_rules! publishes {
    ($name:literal, $socket:ident $(, $recv:item)?) => {
        impl<V: Value> Ours for $socket<V> {
            itself!($name, V);

            const WHEN_FULL: WhenFull = WhenFull::Drops;

            async fn ready(&self) {
                self.wait_for_subscribers(1).await;
            }

            async fn send(&mut self, frames: Frames) -> Outcome {
                let (topic, message) = behind_first(frames)?;
                Ok(self.publish(topic, V::of(message)?).await?)
            }

            $($recv)?
        }
    };
}

publishes!("Publisher", Publisher);
publishes!(
    "XPub",
    XPub,
    /// What its subscribers say, beside what they subscribe to.
    async fn recv(&mut self) -> Outcome<Frames> {
        loop {
            if let Upstream::Message(message) = Self::recv(self).await? {
                return Ok(message.frames());
            }
        }
    }
);

/// Sockets that subscribe.
macro_rules! subscribes {
    ($name:literal, $socket:ident) => {
        impl<V: Value> Ours for $socket<V> {
            itself!($name, V);

            fn want(builder: Builder<Self>, prefix: &Bytes) -> Builder<Self> {
                builder.subscribe(prefix)
            }

            async fn recv(&mut self) -> Outcome<Frames> {
                let publication = Self::recv(self).await?;
                Ok([vec![publication.topic], publication.message.frames()].concat())
            }
        }
    };
}

subscribes!("Subscriber", Subscriber);
subscribes!("XSub", XSub);

/// Asks when it sends, and receives the answers in the order of its questions.
pub(crate) struct Asker<V> {
    answers: VecDeque<JoinHandle<Result<V, RequestError>>>,
    socket: Arc<Requester<V, V>>,
}

impl<V: Value> Ours for Asker<V> {
    type Socket = Requester<V, V>;
    type Value = V;

    const NAME: &'static str = "Requester";
    const WHEN_FULL: WhenFull = WhenFull::Holds;

    fn new(socket: Self::Socket) -> Self {
        Self { answers: VecDeque::new(), socket: Arc::new(socket) }
    }

    fn socket(&self) -> &Self::Socket {
        &self.socket
    }

    fn stats(&self) -> Stats {
        self.socket.stats()
    }

    async fn send(&mut self, frames: Frames) -> Outcome {
        let question = V::of(frames)?;
        let socket = self.socket.clone();
        self.answers.push_back(tokio::spawn(async move { socket.request(question).await }));
        Ok(())
    }

    async fn recv(&mut self) -> Outcome<Frames> {
        let Some(answer) = self.answers.pop_front() else {
            return Err(Failure::new("nothing was asked"));
        };
        Ok(answer.await??.frames())
    }
}

/// Receives questions; what it sends answers the oldest one.
pub(crate) struct Answerer<V> {
    handles: VecDeque<ReplyHandle<V>>,
    socket: Replier<V, V>,
}

impl<V: Value> Ours for Answerer<V> {
    type Socket = Replier<V, V>;
    type Value = V;

    const NAME: &'static str = "Replier";

    fn new(socket: Self::Socket) -> Self {
        Self { handles: VecDeque::new(), socket }
    }

    fn socket(&self) -> &Self::Socket {
        &self.socket
    }

    fn stats(&self) -> Stats {
        self.socket.stats()
    }

    async fn send(&mut self, frames: Frames) -> Outcome {
        let answer = V::of(frames)?;
        let Some(handle) = self.handles.pop_front() else {
            return Err(Failure::new("nobody asked"));
        };
        Ok(handle.send(answer).await?)
    }

    async fn recv(&mut self) -> Outcome<Frames> {
        let (question, handle) = self.socket.recv().await?;
        self.handles.push_back(handle);
        Ok(question.frames())
    }
}

/// The first frame, and the others.
fn behind_first(mut frames: Frames) -> Outcome<(Bytes, Frames)> {
    if frames.is_empty() {
        return Err(Failure::new("no frames"));
    }
    let first = frames.remove(0);
    Ok((first, frames))
}
