//! What the gleis sockets have in common, as a trait that scenarios can be generic over.

use std::future::{Future, IntoFuture};
use std::time::Duration;

use gleis_patterns::{
    Builder, Dealer, Event, Events, Message, OpenError, Pair, Publisher, Pull, Push, Replier,
    Requester, Router, Subscriber, XPub, XSub,
};

/// A gleis socket of any kind.
pub(crate) trait Socket: Sized {
    fn binding(at: &str) -> Builder<Self>;
    fn connecting(to: &str) -> Builder<Self>;
    fn open(builder: Builder<Self>) -> impl Future<Output = Result<Self, OpenError>>;
    fn at(&self) -> String;
    fn has_peers(&self, n: usize) -> impl Future<Output = ()>;
    fn n_peers(&self) -> usize;
    fn shut(&self) -> impl Future<Output = usize>;
    fn told(&self) -> Events;
}

macro_rules! socket {
    ($socket:ident < $($param:ident),+ >) => {
        impl<$($param: Message),+> Socket for $socket<$($param),+> {
            fn binding(at: &str) -> Builder<Self> {
                Self::bind(at)
            }

            fn connecting(to: &str) -> Builder<Self> {
                Self::connect(to)
            }

            fn open(builder: Builder<Self>) -> impl Future<Output = Result<Self, OpenError>> {
                builder.into_future()
            }

            fn at(&self) -> String {
                self.endpoint().to_string()
            }

            fn has_peers(&self, n: usize) -> impl Future<Output = ()> {
                self.wait_for_peers(n)
            }

            fn n_peers(&self) -> usize {
                self.peers().len()
            }

            fn shut(&self) -> impl Future<Output = usize> {
                self.close()
            }

            fn told(&self) -> Events {
                self.events()
            }
        }
    };
}

socket!(Dealer<S, R>);
socket!(Pair<S, R>);
socket!(Publisher<T>);
socket!(Pull<T>);
socket!(Push<T>);
socket!(Replier<Q, R>);
socket!(Requester<Q, R>);
socket!(Router<S, R>);
socket!(Subscriber<T>);
socket!(XPub<T>);
socket!(XSub<T>);

/// The builder as it is: for scenarios that choose nothing.
pub(crate) fn plain<S>(builder: Builder<S>) -> Builder<S> {
    builder
}

/// What has been told so far.
pub(crate) async fn so_far(events: &mut Events) -> Vec<Event> {
    let mut told = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::ZERO, events.recv()).await {
        told.push(event);
    }
    told
}
