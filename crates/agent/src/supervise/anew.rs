//! An agent that begins anew after a fault: with a fresh state, and with what others gave it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::time::{Instant, sleep};

use super::restart::{Restart, Restarts};
use crate::{Agent, AgentState, Fault, actor::Actor, cell::Cell, dynamic::Fields, orders::Order};

/// Makes the state that an agent begins with.
pub(crate) type Make<A> = Box<dyn FnMut() -> A + Send>;

/// How an agent begins anew, and how often it may.
pub(crate) struct Anew<A: 'static> {
    make: Make<A>,
    restarts: Restarts,
    /// The fields that whoever runs the agent has set.
    fields: Fields<A>,
}

impl<A: Agent> Anew<A> {
    pub(crate) fn new(plan: Restart, make: Make<A>) -> Self {
        Self { make, restarts: Restarts::new(plan), fields: Vec::new() }
    }

    /// Has each state begin with these fields.
    pub(crate) fn begin_with(&mut self, fields: Fields<A>) {
        self.fields = fields;
    }

    fn make(&mut self) -> Result<A, Fault> {
        let Self { make, fields, .. } = self;
        let made = catch_unwind(AssertUnwindSafe(|| {
            let mut agent = make();
            for (field, value) in fields {
                field.set(&mut agent, value.clone()).map_err(|it| Fault::said(it.to_string()))?;
            }
            Ok(agent)
        }));
        made.unwrap_or_else(|payload| Err(Fault::panic(&*payload)))
    }
}

/// Why an agent does not begin anew.
pub(crate) enum Over {
    /// It has failed too often, or has no way to begin anew.
    Failed(Fault),
    /// It was told to stop meanwhile.
    Told,
}

impl<A: Agent> Actor<A> {
    /// Begins anew after a fault, as often as it takes and its plan allows.
    pub(crate) async fn begin_anew(&mut self, mut fault: Fault) -> Result<(), Over> {
        let Some(mut anew) = self.anew.take() else {
            return Err(Over::Failed(fault));
        };
        let cell = self.cx.cell.clone();
        loop {
            let Some(pause) = anew.restarts.fail(Instant::now(), fastrand::f64()) else {
                return Err(Over::Failed(fault));
            };
            tracing::warn!(target: "gleis::agent", agent = %cell.name, %fault, ?pause, "the agent begins anew after a fault");
            cell.lay_down(fault);
            self.forget();
            cell.end_led().await;
            tokio::select! {
                biased;
                _ = cell.orders.at_least(Order::Renew) => return Err(Over::Told),
                () = sleep(pause) => (),
            }
            match anew.make() {
                Ok(agent) => self.agent = Some(agent),
                Err(error) => {
                    fault = error;
                    continue;
                }
            }
            match self.start().await {
                Ok(()) => break,
                Err(error) => fault = error,
            }
        }
        self.anew = Some(anew);
        Ok(())
    }

    /// Drops the state.
    fn forget(&mut self) {
        let agent = self.agent.take();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(agent))) {
            let fault = Fault::panic(&*payload);
            tracing::error!(target: "gleis::agent", agent = %self.cx.name(), %fault, "the state of the agent fails to end");
        }
    }
}

impl<A: Agent> Cell<A> {
    /// Ends those whom it has led.
    pub(crate) async fn end_led(&self) {
        if let Some(host) = self.host.upgrade() {
            host.end_led(&self.identity).await;
        }
    }

    /// One life is over and the next is to come: what the agent made itself goes, what others gave it stays.
    pub(crate) fn lay_down(&self, fault: Fault) {
        self.count_restart();
        self.timers.stop_own();
        self.sockets.leave();
        self.book.disconnect_if(|alias| self.sockets.is_left(alias));
        self.enter(AgentState::Restarting(fault));
    }
}
