//! The task of an agent: one thing at a time, until it is told to shut down.

use std::future::poll_fn;
use std::mem::take;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::{Instant, sleep};

use crate::{
    Agent, AgentState, BoxError, Context, ErrorPolicy, Fault,
    bell::Bell,
    cell::{Cell, Order},
    current::Frame,
    guarded::guarded,
    job::Job,
    mailbox::Mailbox,
    timer::Due,
};

/// An agent with everything its task needs.
pub(crate) struct Actor<A: Agent> {
    agent: A,
    cx: Context<A>,
    jobs: Mailbox<Job<A>>,
    /// The frame of the last job: the next one is often for the same caller.
    frame: Arc<Frame>,
}

impl<A: Agent> Actor<A> {
    pub(crate) fn new(agent: A, cell: Arc<Cell<A>>, jobs: Mailbox<Job<A>>) -> Self {
        let frame = Frame::at_home(cell.identity.clone());
        Self { agent, cx: Context { cell }, jobs, frame }
    }

    /// The beginning: after it the agent runs.
    pub(crate) async fn start(&mut self) -> Result<(), Fault> {
        let Self { agent, cx, frame, .. } = self;
        hook(frame, agent.on_init(cx)).await?;
        hook(frame, agent.before_loop(cx)).await?;
        cx.cell.enter(AgentState::Running);
        Ok(())
    }

    /// The rest of its life.
    pub(crate) async fn run(mut self) {
        match self.live().await {
            Ok(()) => self.stop().await,
            Err(fault) => self.fail(fault),
        }
        self.lie().await;
        self.end().await;
    }

    /// Does what comes, until it is told to stop or something fails.
    async fn live(&mut self) -> Result<(), Fault> {
        let cell = self.cx.cell.clone();
        let mut order = cell.order.subscribe();
        // Both wait through many jobs: to begin anew for each costs more than a small job does.
        let mut told = pin!(order.wait_for(|it| *it != Order::Run));
        let mut due = pin!(cell.timers.next());
        let mut bell = Bell::new();
        let mut is_jobs_turn = false;
        loop {
            let mut idle = A::IDLE_AFTER.map(|it| Box::pin(sleep(it)));
            let next = poll_fn(|ctx| {
                let job = |it: Option<_>| it.map_or(Next::Stop, Next::Job);
                if let Some(mut rare) = bell.answer(ctx) {
                    if told.as_mut().poll(&mut rare).is_ready() {
                        return Poll::Ready(Next::Stop);
                    }
                    // Timers that are always due leave jobs their turn.
                    if take(&mut is_jobs_turn)
                        && let Poll::Ready(next) = self.jobs.poll_recv(ctx)
                    {
                        bell.ring();
                        return Poll::Ready(job(next));
                    }
                    if let Poll::Ready(next) = due.as_mut().poll(&mut rare) {
                        is_jobs_turn = true;
                        bell.ring();
                        return Poll::Ready(Next::Due(next));
                    }
                }
                match self.jobs.poll_recv(ctx) {
                    Poll::Ready(next) => Poll::Ready(job(next)),
                    Poll::Pending => match &mut idle {
                        Some(idle) => idle.as_mut().poll(ctx).map(|()| Next::Idle),
                        None => Poll::Pending,
                    },
                }
            });
            let next = next.await;
            if let Next::Due(_) = next {
                due.set(cell.timers.next());
            }
            let done = match next {
                Next::Due(due) => self.act(due).await,
                Next::Idle => {
                    let Self { agent, cx, frame, .. } = self;
                    hook(frame, agent.idle(cx)).await
                }
                Next::Job(job) => self.work(job).await,
                Next::Stop => return Ok(()),
            };
            self.get_over(done)?;
        }
    }

    /// Goes on after an error if that is the policy.
    fn get_over(&self, done: Result<(), Fault>) -> Result<(), Fault> {
        match done {
            Err(fault) if self.cx.cell.policy == ErrorPolicy::Log && !fault.panicked() => {
                self.cx.log_fault("the agent goes on after an error", &fault);
                Ok(())
            }
            done => done,
        }
    }

    async fn work(&mut self, job: Job<A>) -> Result<(), Fault> {
        let Self { agent, cx, frame, .. } = self;
        let what = job.about().what.clone();
        let frame = frame.on_behalf_of(job.about().caller.as_ref());
        let res = guarded(frame.scope(async move { job.run(agent, cx).await })).await;
        res.and_then(|it| it).inspect_err(|_| {
            tracing::debug!(target: "gleis::agent", agent = %self.cx.name(), %what, "failed");
        })
    }

    async fn act(&mut self, due: Due<A>) -> Result<(), Fault> {
        let Self { agent, cx, frame, .. } = self;
        let done = hook(frame, (due.action)(agent, cx)).await;
        cx.cell.timers.again(&due, Instant::now());
        // A timer without a period must not keep the thread for itself.
        tokio::task::yield_now().await;
        done
    }

    /// It was told to stop or to end.
    async fn stop(&mut self) {
        let Self { agent, cx, frame, .. } = self;
        cx.cell.enter(AgentState::Stopping);
        if let Err(fault) = hook(frame, agent.on_stop(cx)).await {
            cx.log_fault("on_stop failed", &fault);
        }
        cx.cell.timers.close();
        if *cx.cell.order.borrow() == Order::Stop {
            cx.cell.sockets.stop_receiving();
            cx.cell.enter(AgentState::Stopped);
        }
    }

    fn fail(&mut self, fault: Fault) {
        self.cx.log_fault("the agent has stopped after a fault", &fault);
        let cell = &self.cx.cell;
        cell.timers.close();
        cell.sockets.stop_receiving();
        cell.enter(AgentState::Failed(fault));
    }

    /// Lets others look until it is told to end, and refuses everything else.
    async fn lie(&mut self) {
        let mut order = self.cx.cell.order.subscribe();
        loop {
            let job = tokio::select! {
                biased;
                _ = order.wait_for(|it| *it == Order::End) => return,
                job = self.jobs.recv() => job,
            };
            match job {
                None => return,
                Some(job) if job.about().after_fault => {
                    // A look that fails harms nobody but the one who looks.
                    let _ = self.work(job).await;
                }
                // Dropping it tells the caller.
                Some(job) => given_up(&self.cx, job),
            }
        }
    }

    async fn end(&mut self) {
        let Self { cx, jobs, .. } = self;
        cx.cell.timers.close();
        for job in jobs.close() {
            given_up(cx, job);
        }
        cx.cell.sockets.close_all().await;
    }
}

impl<A: Agent> Drop for Actor<A> {
    fn drop(&mut self) {
        // Others may have the frame for long.
        if let Some(timer) = self.frame.timer() {
            timer.release();
        }
    }
}

/// Tells of work that came too late. Who waits for it hears of it when it is dropped.
fn given_up<A: Agent>(cx: &Context<A>, job: Job<A>) {
    tracing::debug!(target: "gleis::agent", agent = %cx.name(), what = %job.about().what, "given up");
    drop(job);
}

enum Next<A: 'static> {
    Due(Due<A>),
    Idle,
    Job(Job<A>),
    Stop,
}

/// Runs a hook or an action as the agent of this frame, for nobody.
async fn hook(
    frame: &mut Arc<Frame>,
    work: impl Future<Output = Result<(), BoxError>>,
) -> Result<(), Fault> {
    match guarded(frame.on_behalf_of(None).scope(work)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Fault::error(&error)),
        Err(fault) => Err(fault),
    }
}
