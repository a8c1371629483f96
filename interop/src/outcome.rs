//! Why a scenario failed, and where it noticed.

use std::error::Error;
use std::fmt::{self, Debug};
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

/// What a step of a scenario ends with.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// How long one step may take; shorter than the watchdog, which does not know which step it was.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);

/// What went wrong and where it was noticed. Made from any error by `?`.
pub(crate) struct Failure {
    place: &'static Location<'static>,
    text: String,
}

impl Failure {
    #[track_caller]
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { place: Location::caller(), text: text.into() }
    }

    /// What went wrong.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl<E: Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            text.push_str(": ");
            text.push_str(&source.to_string());
            next = source.source();
        }
        Self::new(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, text } = self;
        write!(f, "{text}, at {}:{}", place.file(), place.line())
    }
}

impl Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Fails unless `found` is what was `expected`.
#[track_caller]
pub(crate) fn same<A, B>(found: A, expected: B) -> Outcome
where
    A: PartialEq<B> + Debug,
    B: Debug,
{
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(format!("found {}, expected {}", shortened(&found), shortened(&expected))))
}

/// Fails unless `condition` holds; `text` says what does not.
#[track_caller]
pub(crate) fn holds(condition: bool, text: &str) -> Outcome {
    if condition { Ok(()) } else { Err(Failure::new(text)) }
}

/// What `step` gives, if it does so in time.
#[track_caller]
pub(crate) fn soon<F: Future>(step: F) -> impl Future<Output = Outcome<F::Output>> {
    let place = Location::caller();
    async move {
        let timeout = tokio::time::timeout(PATIENCE, step).await;
        timeout.map_err(|_| Failure { place, text: format!("nothing happened for {PATIENCE:?}") })
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn until(mut condition: impl FnMut() -> bool) -> impl Future<Output = Outcome> {
    let polled = async move {
        while !condition() {
            // Not synchronisation: only keeps the polling from burning a core.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(polled)
}

/// A 16 MiB body does not belong on a screen.
fn shortened(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    if text.chars().count() <= 200 {
        return text;
    }
    let start: String = text.chars().take(200).collect();
    format!("{start}..")
}
