//! What an agent is told to do.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What an agent is told to do; it goes from one to the next, never back but from `Renew` to `Run`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Order {
    /// Handle what comes.
    Run,
    /// End this life: another one is to come, of those who have a supervisor.
    Renew,
    /// Handle nothing more, and stay to be looked at.
    Stop,
    /// Shut down.
    End,
}

/// What an agent was told last, for its one task: a `watch` channel, made for many readers, is tenfold as large.
pub(crate) struct Orders {
    last: Mutex<Order>,
    news: Notify,
}

impl Orders {
    pub(crate) fn new() -> Self {
        Self { last: Mutex::new(Order::Run), news: Notify::new() }
    }

    pub(crate) fn last(&self) -> Order {
        *self.last.lock()
    }

    /// Tells the agent something, unless it was told more already.
    pub(crate) fn tell(&self, order: Order) {
        let mut last = self.last.lock();
        if *last < order {
            *last = order;
            drop(last);
            self.news.notify_waiters();
        }
    }

    /// It is to run again if it was to begin anew; false if it was told to end meanwhile.
    pub(crate) fn run_again(&self) -> bool {
        let mut last = self.last.lock();
        if *last == Order::Renew {
            *last = Order::Run;
        }
        *last == Order::Run
    }

    /// Waits until it is told at least this.
    pub(crate) async fn at_least(&self, order: Order) {
        loop {
            // Before the look: what is told after it is heard.
            let news = self.news.notified();
            if order <= self.last() {
                return;
            }
            news.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_never_taken_back_but_to_run_again() {
        let orders = Orders::new();
        assert!(orders.run_again());
        for (told, last) in [
            (Order::Renew, Order::Renew),
            (Order::Run, Order::Renew),
            (Order::Stop, Order::Stop),
            (Order::Renew, Order::Stop),
        ] {
            orders.tell(told);
            assert_eq!(orders.last(), last);
        }
        assert!(!orders.run_again());
        assert_eq!(orders.last(), Order::Stop);
    }

    #[tokio::test]
    async fn who_waits_for_an_order_hears_of_it_and_of_a_greater_one() {
        for told in [Order::Renew, Order::Stop, Order::End] {
            let orders = Orders::new();
            let mut waits = Box::pin(orders.at_least(Order::Stop));
            assert!(futures::poll!(&mut waits).is_pending());
            orders.tell(Order::Renew);
            assert!(futures::poll!(&mut waits).is_pending());
            orders.tell(told);
            assert_eq!(futures::poll!(&mut waits).is_ready(), Order::Stop <= told);
        }
    }
}
