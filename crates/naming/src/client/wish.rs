//! The wish for news, while the server has not granted it.

use std::sync::atomic::{AtomicBool, Ordering};

/// Makes new connections ask for news from the start: one may come before anybody has looked at the
/// answer of the old one.
pub(super) struct Wish<'a> {
    is_granted: bool,
    wants_news: &'a AtomicBool,
}

impl<'a> Wish<'a> {
    pub(super) fn new(wants_news: &'a AtomicBool) -> Self {
        wants_news.store(true, Ordering::Relaxed);
        Self { is_granted: false, wants_news }
    }

    /// The server sends news from now on.
    pub(super) fn keep(mut self) {
        self.is_granted = true;
    }
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        // Whoever asks next must ask the server.
        if !self.is_granted {
            self.wants_news.store(false, Ordering::Relaxed);
        }
    }
}
