//! What every socket can do, written once.

/// The methods that all sockets share; the socket has a field `core`, and `receiving` if so told.
macro_rules! shared {
    () => {
        $crate::socket::common!();

        /// Closes the socket: takes nothing more and waits, up to the linger time, for what is
        /// queued. Returns how many messages did not leave. Dropping the socket closes it at once.
        ///
        /// # Cancel safety
        /// The socket is closed in any case; what was queued may be lost.
        pub async fn close(&self) -> usize {
            self.core.close().await
        }
    };
    (receiving) => {
        $crate::socket::common!();

        /// Closes the socket: takes nothing more and waits, up to the linger time, for what is
        /// queued. Returns how many messages did not leave. What was received and not taken is
        /// dropped. Dropping the socket closes it at once.
        ///
        /// # Cancel safety
        /// The socket is closed in any case; what was queued may be lost.
        pub async fn close(&self) -> usize {
            let unsent = self.core.close().await;
            self.receiving.close();
            unsent
        }
    };
}

macro_rules! common {
    () => {
        /// Opens a socket that peers connect to. Port 0 and `ipc://*` let the system choose:
        /// see [`endpoint`](Self::endpoint).
        pub fn bind<E>(at: E) -> $crate::Builder<Self>
        where
            E: TryInto<gleis_core::Endpoint, Error: Into<gleis_core::EndpointError>>,
        {
            $crate::Builder::new($crate::options::Side::Bind, at)
        }

        /// Opens a socket that connects to a peer, and connects again whenever the link breaks.
        pub fn connect<E>(at: E) -> $crate::Builder<Self>
        where
            E: TryInto<gleis_core::Endpoint, Error: Into<gleis_core::EndpointError>>,
        {
            $crate::Builder::new($crate::options::Side::Connect, at)
        }

        /// Also listens at `at`; returns where it can be reached.
        ///
        /// # Errors
        /// [`OpenError`](crate::OpenError): no endpoint, in use, or closed.
        ///
        /// # Cancel safety
        /// A dropped future does not listen.
        pub async fn also_bind<E>(&self, at: E) -> Result<gleis_core::Endpoint, $crate::OpenError>
        where
            E: TryInto<gleis_core::Endpoint, Error: Into<gleis_core::EndpointError>>,
        {
            let at = at.try_into().map_err(|it| $crate::OpenError::Endpoint(it.into()))?;
            self.core.bind(&at).await
        }

        /// Also connects to `at`. That nobody listens there yet is no error.
        ///
        /// # Errors
        /// [`OpenError`](crate::OpenError): no endpoint, the peer does not fit, or closed.
        ///
        /// # Cancel safety
        /// A dropped future connects no more; a connection that was made already stays until it breaks,
        /// or until [`disconnect`](Self::disconnect).
        pub async fn also_connect<E>(&self, at: E) -> Result<(), $crate::OpenError>
        where
            E: TryInto<gleis_core::Endpoint, Error: Into<gleis_core::EndpointError>>,
        {
            let at = at.try_into().map_err(|it| $crate::OpenError::Endpoint(it.into()))?;
            self.core.connect(at).await
        }

        /// Where the socket was first bound (the real port) or connected.
        pub fn endpoint(&self) -> &gleis_core::Endpoint {
            self.core.endpoint()
        }

        /// The codec of this socket. A connection may use another one: see
        /// [`peers`](Self::peers).
        pub fn codec(&self) -> &gleis_codec::AnyCodec {
            self.core.codec()
        }

        /// Who is connected now.
        pub fn peers(&self) -> Vec<$crate::PeerInfo> {
            self.core.peers()
        }

        /// Waits until at least `n` peers are connected, or the socket is closed.
        ///
        /// # Cancel safety
        /// Safe.
        pub async fn wait_for_peers(&self, n: usize) {
            self.core.wait_for_peers(n).await;
        }

        /// What happens to the links from now on.
        pub fn events(&self) -> $crate::Events {
            self.core.events()
        }

        /// What became of the messages, in all and for each peer.
        pub fn stats(&self) -> $crate::Stats {
            self.core.stats()
        }

        /// Stops listening at `endpoint`; false if the socket does not listen there. Peers that came
        /// in there stay. The address is free when this is done.
        ///
        /// # Cancel safety
        /// It stops in any case, a moment later.
        pub async fn unbind(&self, endpoint: &gleis_core::Endpoint) -> bool {
            self.core.unbind(endpoint).await
        }

        /// Stops connecting to `endpoint` and closes the connections made to it, all of them if it was
        /// connected to more than once; false if there is neither. What is queued for it has the
        /// linger time to leave.
        ///
        /// # Cancel safety
        /// It is disconnected in any case; what was queued may be lost.
        pub async fn disconnect(&self, endpoint: &gleis_core::Endpoint) -> bool {
            self.core.disconnect(endpoint).await
        }

        /// Waits until everything is up in both directions: each endpoint that the socket connects
        /// to is connected, and there is at least one peer; whatever each peer was told, such as
        /// subscriptions, has had its effect there. A peer that is no gleis socket cannot confirm
        /// that and counts as ready when it is connected.
        ///
        /// A peer confirms behind what it has sent so far, such as kept messages that it replays. While
        /// this waits, a socket that subscribes takes them beyond its
        /// [high-water mark](crate::Builder::high_water), as far as the bytes of
        /// [`recv_high_water`](crate::Options::recv_high_water) allow. A socket that has no room for them all the
        /// same and is not received from meanwhile does not get ready.
        ///
        /// # Errors
        /// [`OpenError::NotReady`](crate::OpenError::NotReady) after `timeout`,
        /// [`OpenError::Closed`](crate::OpenError::Closed) if the socket is closed.
        ///
        /// # Cancel safety
        /// Safe.
        pub async fn ready(&self, timeout: std::time::Duration) -> Result<(), $crate::OpenError> {
            self.core.ready(timeout).await
        }
    };
}

/// The methods of sockets that give each message to one peer; the socket has a field `sending`.
macro_rules! sends {
    ($message:ty) => {
        /// Sends `message`, by value or by reference, to the next peer that has room.
        ///
        /// # Errors
        /// [`SendError`](crate::SendError); `Full` and `NoPeer` only if
        /// [`Overflow::Fail`](crate::Overflow::Fail) was chosen, `TimedOut` only with a
        /// [`send_timeout`](crate::Builder::send_timeout). Pass a reference to keep the message for
        /// another attempt.
        ///
        /// # Cancel safety
        /// A dropped future has sent nothing.
        pub async fn send(
            &self,
            message: impl $crate::Outgoing<$message>,
        ) -> Result<(), $crate::SendError> {
            self.sending.send(message).await
        }

        /// Sends `message` if that is possible at once, whatever [`Overflow`](crate::Overflow) says.
        ///
        /// # Errors
        /// [`SendError`](crate::SendError): `Full` and `NoPeer` are safe to try again.
        pub fn try_send(
            &self,
            message: impl $crate::Outgoing<$message>,
        ) -> Result<(), $crate::SendError> {
            self.sending.try_send(message)
        }

        /// The socket as a [`Sink`](futures::Sink): a view, the socket can be used beside it. What it
        /// took is sent, or waits, one message at most, until it is flushed. An error concerns that
        /// message alone: the next one is sent as if nothing had happened.
        pub fn sink(&self) -> impl futures::Sink<$message, Error = $crate::SendError> + Send + '_ {
            self.sending.sink()
        }
    };
}

/// The methods of sockets that receive; the socket has a field `receiving`.
macro_rules! receives {
    ($item:ty) => {
        /// Waits for what comes next. Several tasks may wait; they take turns.
        ///
        /// # Errors
        /// [`RecvError`](crate::RecvError); except after `Closed` the next call goes on with the next
        /// message. `TimedOut` only with a [`recv_timeout`](crate::Builder::recv_timeout).
        ///
        /// # Cancel safety
        /// Nothing is lost when the future is dropped: the message stays in the queue. Of several
        /// waiting tasks the first has to be polled for the others to get on, so do not keep a
        /// future that was polled once and then left alone.
        pub async fn recv(&self) -> Result<$item, $crate::RecvError> {
            self.receiving.recv().await
        }

        /// Takes what is there.
        ///
        /// # Errors
        /// [`RecvError::Empty`](crate::RecvError::Empty) if nothing is, or if other tasks wait for
        /// what comes; else as [`recv`](Self::recv).
        pub fn try_recv(&self) -> Result<$item, $crate::RecvError> {
            self.receiving.try_recv()
        }

        /// Waits for what comes next and appends it, and what else is there, to `into`: `most` items
        /// at most. Returns how many.
        ///
        /// # Errors
        /// As [`recv`](Self::recv); then nothing was appended.
        ///
        /// # Cancel safety
        /// Nothing is lost when the future is dropped.
        pub async fn recv_many(
            &self,
            into: &mut Vec<$item>,
            most: usize,
        ) -> Result<usize, $crate::RecvError> {
            self.receiving.recv_many(into, most).await
        }

        /// Polls for what comes next: what [`recv`](Self::recv) awaits, without its timeout.
        pub fn poll_recv(
            &mut self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<$item, $crate::RecvError>> {
            self.receiving.poll_recv(cx)
        }

        /// The socket as a [`Stream`](futures::Stream), which ends when the socket is closed: a view,
        /// the socket can be used beside it. The socket itself is a stream as well.
        ///
        /// A stream that is polled and finds nothing waits in turn, as [`recv`](Self::recv) does: what
        /// comes next is kept for it, and others that receive get on only when it is polled again or
        /// dropped. Nothing is lost when it is dropped.
        pub fn stream(
            &self,
        ) -> impl futures::Stream<Item = Result<$item, $crate::RecvError>> + Send + '_ {
            self.receiving.stream()
        }
    };
}

/// The methods of sockets that publish; the socket has a field `publishing`.
macro_rules! publishes {
    ($message:ty) => {
        /// Publishes `message` under `topic` to all that subscribed to it.
        ///
        /// # Errors
        /// [`SendError::Full`](crate::SendError::Full) only if
        /// [`Overflow::Fail`](crate::Overflow::Fail) was chosen, `TimedOut` only with a
        /// [`send_timeout`](crate::Builder::send_timeout): some subscribers had no room, the others
        /// have the message. With [`Encode`](crate::SendError::Encode) nobody has it. That there are no subscribers is no error, but counted.
        ///
        /// # Cancel safety
        /// Waits only if [`Overflow::Block`](crate::Overflow::Block) was chosen; a future dropped
        /// then has reached some subscribers and not others.
        pub async fn publish(
            &self,
            topic: impl AsRef<[u8]>,
            message: impl $crate::Outgoing<$message>,
        ) -> Result<(), $crate::SendError> {
            let topic = gleis_transport::Head::copied([topic.as_ref()]);
            self.publishing.publish(topic, message.value()).await
        }

        /// Publishes `message` under the empty topic: only those that subscribed to everything, or
        /// to this topic, get it.
        ///
        /// # Errors
        /// As [`publish`](Self::publish).
        ///
        /// # Cancel safety
        /// As [`publish`](Self::publish).
        pub async fn send(
            &self,
            message: impl $crate::Outgoing<$message>,
        ) -> Result<(), $crate::SendError> {
            self.publishing.publish(gleis_transport::Head::copied([b""]), message.value()).await
        }

        /// Publishes `message` under `topic` if nobody who wants it has to be waited for, whatever
        /// [`Overflow`](crate::Overflow) says.
        ///
        /// # Errors
        /// [`SendError::Full`](crate::SendError::Full) if a subscriber has no room: then nobody has the
        /// message, nothing is counted, and it is safe to try again. Only if another task publishes at
        /// the same moment may it be that just those without room missed it, which is counted. That
        /// there are no subscribers is no error, but counted.
        pub fn try_publish(
            &self,
            topic: impl AsRef<[u8]>,
            message: impl $crate::Outgoing<$message>,
        ) -> Result<(), $crate::SendError> {
            let topic = gleis_transport::Head::copied([topic.as_ref()]);
            self.publishing.try_publish(&topic, message.value())
        }

        /// As [`try_publish`](Self::try_publish), under the empty topic.
        ///
        /// # Errors
        /// As [`try_publish`](Self::try_publish).
        pub fn try_send(
            &self,
            message: impl $crate::Outgoing<$message>,
        ) -> Result<(), $crate::SendError> {
            self.publishing.try_publish(&gleis_transport::Head::copied([b""]), message.value())
        }

        /// The socket as a [`Sink`](futures::Sink) of `(topic, message)`, each of which is
        /// [published](Self::publish): a view, the socket can be used beside it. What it took is
        /// published, or waits, one message at most, until it is flushed. An error concerns that
        /// message alone.
        pub fn sink<K: AsRef<[u8]>>(
            &self,
        ) -> impl futures::Sink<(K, $message), Error = $crate::SendError> + Send {
            self.publishing.sink()
        }

        /// How many peers have at least one subscription.
        pub fn subscribers(&self) -> usize {
            self.publishing.audience().n_subscribers()
        }

        /// Waits until at least `n` peers have a subscription, or the socket is closed.
        ///
        /// # Cancel safety
        /// Safe.
        pub async fn wait_for_subscribers(&self, n: usize) {
            self.publishing.audience().wait_for_subscribers(n).await;
        }
    };
}

/// The methods of sockets that subscribe; the socket has a field `wishes`.
macro_rules! subscribes {
    () => {
        /// Also receives what is published under the topics that `filter` wants; bytes and text are
        /// prefixes, the empty one is all. A filter subscribed to twice must be unsubscribed twice.
        ///
        /// A publisher knows of it a moment later: what it publishes before that does not arrive. See
        /// [`ready`](Self::ready).
        pub fn subscribe(&self, filter: impl Into<$crate::Filter>) {
            self.wishes.add(&filter.into());
        }

        /// Ends one subscription to `filter`; false if there is none. What is already here and no longer
        /// wanted is not delivered.
        pub fn unsubscribe(&self, filter: impl Into<$crate::Filter>) -> bool {
            self.wishes.remove(&filter.into())
        }
    };
}

/// Makes a socket that receives a stream.
macro_rules! streams {
    ($socket:ident < $($param:ident),+ >, $item:ty) => {
        impl<$($param: gleis_codec::Message),+> futures::Stream for $socket<$($param),+> {
            type Item = Result<$item, $crate::RecvError>;

            fn poll_next(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Self::Item>> {
                self.receiving.poll_stream(cx)
            }
        }
    };
}

pub(crate) use {common, publishes, receives, sends, shared, streams, subscribes};
