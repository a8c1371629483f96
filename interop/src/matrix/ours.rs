//! Gleis sockets as the matrix sees them: frames in, frames out.
//!
//! A new kind of socket is one more `impl Ours`, and rows in the [table](super::table).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use gleis_patterns::{
    Builder, Publisher, Pull, Push, Replier, ReplyHandle, RequestError, Requester, Stats,
    Subscriber,
};
use tokio::task::JoinHandle;

use crate::foreign::Frames;
use crate::gleis::Socket;
use crate::outcome::{Failure, Outcome};

/// A gleis socket of bytes.
pub(crate) trait Ours: Sized + 'static {
    type Socket: Socket;

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
    Waits,
}

/// The frames of a message that must have this many.
fn exactly<const N: usize>(frames: Frames) -> Outcome<[Bytes; N]> {
    let wrong = |it: Frames| Failure::new(format!("{} frames, not {N}", it.len()));
    <[Bytes; N]>::try_from(frames).map_err(wrong)
}

/// What the impls below have in common.
macro_rules! holder {
    ($name:literal, $socket:ty) => {
        type Socket = $socket;

        const NAME: &'static str = $name;

        fn new(socket: Self::Socket) -> Self {
            socket
        }

        fn socket(&self) -> &Self::Socket {
            self
        }

        fn stats(&self) -> Stats {
            self.stats()
        }
    };
}

impl Ours for Push<Bytes> {
    holder!("Push", Self);

    async fn send(&mut self, frames: Frames) -> Outcome {
        let [body] = exactly(frames)?;
        Ok(Self::send(self, body).await?)
    }
}

impl Ours for Pull<Bytes> {
    holder!("Pull", Self);

    async fn recv(&mut self) -> Outcome<Frames> {
        Ok(vec![Self::recv(self).await?])
    }
}

impl Ours for Publisher<Bytes> {
    holder!("Publisher", Self);

    const WHEN_FULL: WhenFull = WhenFull::Drops;

    async fn ready(&self) {
        self.wait_for_subscribers(1).await;
    }

    async fn send(&mut self, frames: Frames) -> Outcome {
        let [topic, body] = exactly(frames)?;
        Ok(self.publish(topic, body).await?)
    }
}

impl Ours for Subscriber<Bytes> {
    holder!("Subscriber", Self);

    fn want(builder: Builder<Self>, prefix: &Bytes) -> Builder<Self> {
        builder.subscribe(prefix)
    }

    async fn recv(&mut self) -> Outcome<Frames> {
        let publication = Self::recv(self).await?;
        Ok(vec![publication.topic, publication.message])
    }
}

/// Asks when it sends, and receives the answers in the order of its questions.
pub(crate) struct Asker {
    answers: VecDeque<JoinHandle<Result<Bytes, RequestError>>>,
    socket: Arc<Requester<Bytes, Bytes>>,
}

impl Ours for Asker {
    type Socket = Requester<Bytes, Bytes>;

    const NAME: &'static str = "Requester";

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
        let [body] = exactly(frames)?;
        let socket = self.socket.clone();
        self.answers.push_back(tokio::spawn(async move { socket.request(body).await }));
        Ok(())
    }

    async fn recv(&mut self) -> Outcome<Frames> {
        let Some(answer) = self.answers.pop_front() else {
            return Err(Failure::new("nothing was asked"));
        };
        Ok(vec![answer.await??])
    }
}

/// Receives questions; what it sends answers the oldest one.
pub(crate) struct Answerer {
    handles: VecDeque<ReplyHandle<Bytes>>,
    socket: Replier<Bytes, Bytes>,
}

impl Ours for Answerer {
    type Socket = Replier<Bytes, Bytes>;

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
        let [body] = exactly(frames)?;
        let Some(handle) = self.handles.pop_front() else {
            return Err(Failure::new("nobody asked"));
        };
        Ok(handle.send(body).await?)
    }

    async fn recv(&mut self) -> Outcome<Frames> {
        let (question, handle) = self.socket.recv().await?;
        self.handles.push_back(handle);
        Ok(vec![question])
    }
}
