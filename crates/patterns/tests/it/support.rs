//! What the tests share: fresh endpoints and waits with a watchdog.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use gleis_patterns::{Builder, Endpoint};
pub(crate) use gleis_test::wait::eventually as until;
use gleis_test::wait::within;

/// The transports every pattern is tried on.
#[cfg(not(feature = "zeromq"))]
pub(crate) const SCHEMES: [&str; 3] = ["inproc", "ipc", "tcp"];
/// The transports every pattern is tried on.
#[cfg(feature = "zeromq")]
pub(crate) const SCHEMES: [&str; 5] = ["inproc", "ipc", "tcp", "zmq+ipc", "zmq+tcp"];

/// Those on which gleis sockets know each other.
pub(crate) const NATIVE: [&str; 3] = ["inproc", "ipc", "tcp"];

/// An endpoint nobody uses yet; the system chooses its place where it can.
pub(crate) fn fresh(scheme: &str) -> String {
    match scheme {
        "inproc" => inproc(),
        "ipc" | "zmq+ipc" => format!("{scheme}://*"),
        _ => format!("{scheme}://127.0.0.1:0"),
    }
}

/// An inproc name nobody uses yet.
pub(crate) fn inproc() -> String {
    static SERIAL: AtomicUsize = AtomicUsize::new(0);
    format!("inproc://patterns-{}", SERIAL.fetch_add(1, Ordering::Relaxed))
}

/// Waits for `it`, but not for ever.
#[track_caller]
pub(crate) fn soon<F: IntoFuture>(it: F) -> impl Future<Output = F::Output> {
    within(it.into_future())
}

/// What an opened socket must offer for [`pair`].
pub(crate) trait Socket: Sized {
    fn at(&self) -> Endpoint;
    fn bind_at(at: String) -> Builder<Self>;
    fn connect_at(at: Endpoint) -> Builder<Self>;
}

macro_rules! socket {
    ($socket:ident < $($param:ident),+ >) => {
        impl<$($param: gleis_patterns::Message),+> Socket for gleis_patterns::$socket<$($param),+> {
            fn at(&self) -> Endpoint {
                self.endpoint().clone()
            }

            fn bind_at(at: String) -> Builder<Self> {
                Self::bind(at)
            }

            fn connect_at(at: Endpoint) -> Builder<Self> {
                Self::connect(&at)
            }
        }
    };
}

socket!(Publisher<T>);
socket!(Pull<T>);
socket!(Push<T>);
socket!(Replier<Q, R>);
socket!(Requester<Q, R>);
socket!(Subscriber<T>);
socket!(XPub<T>);
socket!(XSub<T>);

/// Which of two sockets binds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binder {
    First,
    Second,
}

/// Opens two sockets that talk to each other.
pub(crate) async fn pair<A: Socket, B: Socket>(scheme: &str, binder: Binder) -> (A, B)
where
    Builder<A>: IntoFuture<Output = Result<A, gleis_patterns::OpenError>>,
    Builder<B>: IntoFuture<Output = Result<B, gleis_patterns::OpenError>>,
{
    match binder {
        Binder::First => {
            let a = A::bind_at(fresh(scheme)).await.expect("a fresh endpoint opens");
            let b = B::connect_at(a.at()).await.expect("a fresh endpoint opens");
            (a, b)
        }
        Binder::Second => {
            let b = B::bind_at(fresh(scheme)).await.expect("a fresh endpoint opens");
            let a = A::connect_at(b.at()).await.expect("a fresh endpoint opens");
            (a, b)
        }
    }
}
