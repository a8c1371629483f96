//! What the tests share: fresh endpoints, what was logged, and waits with a watchdog.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use gleis_test::wait::eventually as until;
use gleis_test::wait::within;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The transports every channel is tried on.
#[cfg(not(feature = "zeromq"))]
pub(crate) const SCHEMES: [&str; 3] = ["inproc", "ipc", "tcp"];
/// The transports every channel is tried on.
#[cfg(feature = "zeromq")]
pub(crate) const SCHEMES: [&str; 5] = ["inproc", "ipc", "tcp", "zmq+ipc", "zmq+tcp"];

/// How long a channel may take to be ready.
pub(crate) const READY: Duration = Duration::from_secs(20);

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// An endpoint nobody uses yet; the system chooses its place where it can.
pub(crate) fn fresh(scheme: &str) -> String {
    static SERIAL: AtomicUsize = AtomicUsize::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    match scheme {
        "inproc" => format!("inproc://channels-{serial}"),
        "ipc" | "zmq+ipc" => format!("{scheme}://*"),
        // A loopback address of its own for each listener: its port stays free for a successor.
        _ if cfg!(target_os = "linux") => {
            let process = std::process::id() as usize;
            format!(
                "{scheme}://127.{}.{}.{}:0",
                1 + process % 250,
                1 + serial / 250 % 250,
                1 + serial % 250
            )
        }
        _ => format!("{scheme}://127.0.0.1:0"),
    }
}

/// Waits for `it`, but not for ever.
#[track_caller]
pub(crate) fn soon<F: IntoFuture>(it: F) -> impl Future<Output = F::Output> {
    within(it.into_future())
}

/// What tests write down, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Waits until there are so many.
    pub(crate) async fn until(&self, n: usize) {
        until(|| n <= self.len()).await;
    }

    /// Waits until these are there, in this order, and no others.
    #[track_caller]
    pub(crate) fn check(&self, expect: &[&str]) {
        assert_eq!(self.all(), expect);
    }
}

/// What is logged on this thread.
pub(crate) struct Log {
    _guard: DefaultGuard,
    text: Text,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Text {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// From now on.
    pub(crate) fn new() -> Self {
        let text = Text::default();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(text.clone());
        Self { _guard: tracing::subscriber::set_default(log.finish()), text }
    }

    /// How many lines have all these words.
    pub(crate) fn count(&self, words: &[&str]) -> usize {
        let text = String::from_utf8_lossy(&self.text.0.lock().unwrap()).into_owned();
        text.lines().filter(|line| words.iter().all(|it| line.contains(it))).count()
    }
}
