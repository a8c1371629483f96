//! What every channel that answers can do, written once.

/// The methods of channels that answer; the channel has a field `owner`.
macro_rules! answering {
    () => {
        /// Waits for a request, and gives it with the means to answer it. Several tasks may wait.
        ///
        /// # Errors
        /// [`RecvError::Closed`].
        ///
        /// # Cancel safety
        /// Nothing is lost when the future is dropped.
        pub async fn recv(&self) -> Result<(Q, Reply<R>), RecvError> {
            self.owner.office.take().await
        }

        /// Answers each request with what `handler` returns: a value, or a `Result` of one. An error and
        /// a panic are logged and answered as [`Failed`](crate::RequestError::Failed).
        ///
        /// An `async` closure that captures something is no `Fn`, so write `move |request| { let it =
        /// it.clone(); async move { .. } }`, or [give it a state](Self::serve_on).
        pub fn serve<F, Fut>(self, handler: F) -> Serving<Self>
        where
            F: Fn(Q) -> Fut + Send + Sync + 'static,
            Fut: Future<Output: Outcome<R>> + Send + 'static,
        {
            let office = self.owner.office.clone();
            Serving::new(
                self,
                serving::values(office, move |request| handler::doing(handler(request))),
            )
        }

        /// As [`serve`](Self::serve), with an async method on `state`.
        pub fn serve_on<S, O, F>(self, state: &State<S>, method: F) -> Serving<Self>
        where
            S: Send + 'static,
            O: Outcome<R> + 'static,
            F: for<'a> Method<'a, S, (Q,), Output = O>,
        {
            let office = self.owner.office.clone();
            let handler = handler::method(state, method);
            Serving::new(self, serving::values(office, move |request| handler((request,))))
        }

        /// Gives each request to `handler` with the means to answer it: early, to go on working, or
        /// later, from another task; the next request waits until the handler is done. What it returns
        /// as an error, or a panic, is logged, and answers the request if nothing else did.
        pub fn serve_asked<F, Fut>(self, handler: F) -> Serving<Self>
        where
            F: Fn(Q, Reply<R>) -> Fut + Send + Sync + 'static,
            Fut: Future<Output: Outcome<()>> + Send + 'static,
        {
            let handler = handler::closure(move |(request, reply)| handler(request, reply));
            let office = self.owner.office.clone();
            Serving::new(self, serving::asked(office, handler))
        }

        /// As [`serve_asked`](Self::serve_asked), with an async method on `state`.
        pub fn serve_asked_on<S, O, F>(self, state: &State<S>, method: F) -> Serving<Self>
        where
            S: Send + 'static,
            O: Outcome<()> + 'static,
            F: for<'a> Method<'a, S, (Q, Reply<R>), Output = O>,
        {
            let office = self.owner.office.clone();
            Serving::new(self, serving::asked(office, handler::method(state, method)))
        }

        /// Where it can be reached.
        pub fn endpoint(&self) -> &Endpoint {
            self.owner.office.router.endpoint()
        }

        /// How many peers are connected.
        pub fn peers(&self) -> usize {
            self.owner.office.router.peers().len()
        }

        /// What became of the requests.
        pub fn stats(&self) -> ReplyStats {
            self.owner.office.stats()
        }

        /// Closes the channel: takes nothing more, and what is queued has the linger time to leave.
        /// Returns how many messages did not.
        ///
        /// # Cancel safety
        /// The channel is closed in any case; what was queued may be lost.
        pub async fn close(&self) -> usize {
            self.owner.office.close().await
        }
    };
}
