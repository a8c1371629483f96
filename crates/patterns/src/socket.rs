//! What every socket can do, written once.

/// The methods that all sockets share; the socket has a field `core`.
macro_rules! shared {
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

        /// Closes the socket: takes nothing more and waits, up to the linger time, for what is
        /// queued. Returns how many messages did not leave. Dropping the socket closes it at once.
        ///
        /// # Cancel safety
        /// The socket is closed in any case; what was queued may be lost.
        pub async fn close(&self) -> usize {
            self.core.close().await
        }
    };
}

pub(crate) use shared;
