//! A child as its supervisor sees it: whether it runs, and when it is to.

use std::sync::Arc;

use tokio::time::{Instant, timeout};

use super::{
    ChildInfo, ChildKind, Restart,
    child::AnyChild,
    leash::{Leash, Report},
    restart::Restarts,
};
use crate::{AgentState, Ended, Fault, Name, RunError, node::Host, timer::after};

/// A child as its supervisor sees it.
pub(super) struct Kid {
    pub(super) child: Box<dyn AnyChild>,
    pub(super) status: Status,
    /// On which leash it is.
    id: u64,
    /// How many of its lives are settled: what is reported of them is old.
    n_settled: u32,
    n_restarts: u32,
    /// For the length of its pauses alone.
    failures: Restarts,
    /// Whether its last life was ended because another child had failed.
    was_laid_down: bool,
}

/// Whether a child runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    /// It was ended, is done, or has not begun.
    Down,
    /// It is to begin again then.
    Due(Instant),
    Up,
}

impl Kid {
    pub(super) fn new(child: Box<dyn AnyChild>, plan: Restart) -> Self {
        // How often is for its supervisor to decide.
        let failures = Restarts::new(plan.without_limit());
        Self {
            child,
            status: Status::Down,
            id: 0,
            n_settled: 0,
            n_restarts: 0,
            failures,
            was_laid_down: false,
        }
    }

    pub(super) fn info(&self) -> ChildInfo {
        let life = self.child.agent().map(|it| it.life());
        ChildInfo {
            name: self.child.name().to_owned(),
            kind: self.child.kind(),
            state: life.map_or(AgentState::Gone, |it| it.state),
            restarts: self.n_restarts,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        matches!(self.status, Status::Due(at) if at <= now)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match self.status {
            Status::Due(at) => Some(at),
            Status::Down | Status::Up => None,
        }
    }

    /// Whether this tells something new of it.
    pub(super) fn is_concerned(&self, report: &Report) -> bool {
        let is_new = self.n_settled < report.n_lives || report.end == super::End::Shutdown;
        self.status == Status::Up && self.id == report.child && is_new
    }

    /// It has failed: it is to begin again after a pause.
    pub(super) fn put_off(&mut self, now: Instant) -> Instant {
        let pause = self.failures.fail(now, fastrand::f64()).unwrap_or_default();
        let at = after(now, pause);
        self.status = Status::Due(at);
        at
    }

    /// Begins, or begins again; a child that cannot is down.
    pub(super) async fn begin(&mut self, host: &Arc<Host>, leash: Leash) -> Result<(), Fault> {
        let is_again = matches!(self.status, Status::Due(_));
        (self.status, self.was_laid_down) = (Status::Down, false);
        // One that was told to end meanwhile has no other life.
        if let Some(agent) = self.child.agent()
            && !(agent.is_parked() && agent.is_led())
        {
            host.end(&agent).await;
            if is_again && self.child.kind() == ChildKind::Transient && !agent.is_led() {
                // It did not fail since, so it is done.
                return Ok(());
            }
        }
        let (id, within) = (leash.child(), self.child.within());
        match timeout(within, self.child.begin(host, leash.clone())).await {
            Ok(Ok(is_new)) => {
                if is_new {
                    (self.id, self.n_settled) = (id, 0);
                }
                self.n_restarts = self.n_restarts.saturating_add(u32::from(is_again));
                self.status = Status::Up;
                Ok(())
            }
            Ok(Err(RunError::Start { fault, .. })) => Err(fault),
            Ok(Err(error)) => Err(Fault::error(&error.into())),
            Err(_) => {
                self.give_up(host, &leash).await;
                Err(Fault::said(format!("it has not begun within {within:?}")))
            }
        }
    }

    /// It takes too long to begin.
    async fn give_up(&mut self, host: &Arc<Host>, leash: &Leash) {
        let agent = Name::new(self.child.name()).ok().and_then(|it| host.find(&it));
        if let Some(agent) = agent.filter(|it| it.leash().is_some_and(|it| it.is_like(leash))) {
            host.end(&agent).await;
        }
    }

    /// Ends its life, by force if it takes too long; another one may follow.
    pub(super) async fn rest(&mut self, host: &Arc<Host>) {
        if let Some(agent) = self.child.agent() {
            host.rest(&agent, self.child.grace()).await;
            self.n_settled = agent.n_restarts();
            self.was_laid_down = agent.is_parked();
        }
    }

    /// Ends it, by force if it takes too long.
    pub(super) async fn end(&mut self, host: &Arc<Host>) {
        self.status = Status::Down;
        if let Some(agent) = self.child.agent() {
            if self.was_laid_down && agent.is_parked() {
                // It had not failed.
                agent.note_end(Ended::Shutdown);
            }
            host.stop(&agent, self.child.grace()).await;
        }
    }
}
