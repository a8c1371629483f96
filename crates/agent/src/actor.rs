//! The task of an agent: one thing at a time, until it is told to shut down.

use std::future::poll_fn;
use std::mem::take;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::{Instant, sleep};

use crate::{
    Agent, AgentState, BoxError, Context, Ended, ErrorPolicy, Fault, Undelivered,
    bell::Bell,
    cell::Cell,
    current::Frame,
    guarded::guarded,
    hand::Held,
    job::{Job, What},
    mailbox::{Mailbox, mailbox},
    orders::Order,
    supervise::{Anew, End, Over},
    timer::Due,
};

/// An agent with everything its task needs.
pub(crate) struct Actor<A: Agent> {
    /// None between two lives.
    pub(crate) agent: Option<A>,
    pub(crate) cx: Context<A>,
    jobs: Mailbox<Job<A>>,
    /// How it begins anew after a fault, if it can.
    pub(crate) anew: Option<Box<Anew<A>>>,
    /// The frame of the last job: the next one is often for the same caller.
    frame: Arc<Frame>,
}

impl<A: Agent> Actor<A> {
    pub(crate) fn new(
        agent: A,
        cell: Arc<Cell<A>>,
        jobs: Mailbox<Job<A>>,
        anew: Option<Box<Anew<A>>>,
    ) -> Self {
        let frame = Frame::at_home(cell.home.clone());
        Self { agent: Some(agent), anew, cx: Context { cell }, jobs, frame }
    }

    /// The beginning: after it the agent runs.
    pub(crate) async fn start(&mut self) -> Result<(), Fault> {
        let Self { agent: Some(agent), cx, frame, .. } = self else {
            return Ok(());
        };
        hook(frame, What::Hook("on_init"), agent.on_init(cx)).await?;
        hook(frame, What::Hook("before_loop"), agent.before_loop(cx)).await?;
        cx.cell.enter(AgentState::Running);
        // Of an earlier life, and not opened again.
        cx.cell.sockets.close_left().await;
        Ok(())
    }

    /// The rest of its life, and how it ends.
    pub(crate) async fn run(mut self) -> End {
        let end = loop {
            let over = match self.live().await {
                Ok(()) => Over::Told,
                Err(fault) => match Box::pin(self.begin_anew(fault)).await {
                    Ok(()) => continue,
                    Err(over) => over,
                },
            };
            match over {
                Over::Failed(fault) => break End::Failed(fault),
                Over::Told => break self.stop().await,
            }
        };
        match &end {
            End::Failed(fault) => {
                self.cx.log_fault("the agent has stopped after a fault", fault);
                self.cx.cell.end_led().await;
                if self.cx.cell.is_led() {
                    return end;
                }
                self.fail(fault.clone());
            }
            End::Renewed => return end,
            End::Killed | End::Shutdown => (),
        }
        self.lie().await;
        self.end().await;
        end
    }

    /// Does what comes, until it is told to stop or something fails.
    async fn live(&mut self) -> Result<(), Fault> {
        let Self { agent: Some(agent), cx, jobs, frame, .. } = self else {
            return Ok(());
        };
        let cell = cx.cell.clone();
        // Both wait through many jobs: to begin anew for each costs more than a small job does.
        let mut told = pin!(cell.orders.at_least(Order::Renew));
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
                        && let Poll::Ready(next) = jobs.poll_recv(ctx)
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
                match jobs.poll_recv(ctx) {
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
                Next::Due(due) => act(agent, cx, frame, due).await,
                Next::Idle => hook(frame, What::Hook("idle"), agent.idle(cx)).await,
                Next::Job(job) => work(agent, cx, frame, job).await,
                Next::Stop => return Ok(()),
            };
            get_over(cx, done)?;
        }
    }

    /// It was told to stop or to end, or to begin anew.
    async fn stop(&mut self) -> End {
        let Self { agent, cx, jobs, frame, .. } = self;
        cx.cell.enter(AgentState::Stopping);
        if let Some(agent) = agent
            && cx.cell.drains
            && cx.cell.orders.last() != Order::Renew
        {
            // Boxed, as it is rare.
            Box::pin(drain(agent, cx, jobs, frame)).await;
        }
        if let Some(agent) = agent
            && let Err(fault) = hook(frame, What::Hook("on_stop"), agent.on_stop(cx)).await
        {
            cx.log_fault("on_stop failed", &fault);
        }
        let order = cx.cell.orders.last();
        if order == Order::Renew {
            return End::Renewed;
        }
        cx.cell.timers.close();
        if order == Order::Stop {
            cx.cell.sockets.stop_receiving();
            cx.cell.note_end(Ended::Stopped);
            cx.cell.enter(AgentState::Stopped);
        }
        End::Shutdown
    }

    fn fail(&mut self, fault: Fault) {
        let cell = &self.cx.cell;
        cell.timers.close();
        cell.sockets.stop_receiving();
        cell.note_end(Ended::Failed(fault.clone()));
        cell.enter(AgentState::Failed(fault));
    }

    /// Lets others look until it is told to end, and refuses everything else.
    async fn lie(&mut self) {
        let Self { agent, cx, jobs, frame, .. } = self;
        loop {
            let job = tokio::select! {
                biased;
                _ = cx.cell.orders.at_least(Order::End) => return,
                job = jobs.recv() => job,
            };
            match (job, &mut *agent) {
                (None, _) => return,
                (Some(job), Some(agent)) if job.about().after_fault => {
                    // A look that fails harms nobody but the one who looks.
                    let _ = work(agent, cx, frame, job).await;
                }
                // Dropping it tells the caller.
                (Some(job), _) => given_up(cx, job, Undelivered::Stopped),
            }
        }
    }

    async fn end(&mut self) {
        let Self { cx, jobs, .. } = self;
        cx.cell.timers.close();
        for job in jobs.close() {
            given_up(cx, job, Undelivered::Ended);
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
        // What waits in the mailbox waits for the next life, if there is to be one.
        let cell = &self.cx.cell;
        if cell.is_led() {
            cell.park(std::mem::replace(&mut self.jobs, mailbox(1).1));
            return;
        }
        for job in self.jobs.close() {
            given_up(&self.cx, job, Undelivered::Ended);
        }
    }
}

async fn work<A: Agent>(
    agent: &mut A,
    cx: &Context<A>,
    frame: &mut Arc<Frame>,
    job: Job<A>,
) -> Result<(), Fault> {
    let held = cx.cell.home.hand.hold(&job.about().what);
    let mut in_hand = InHand { cx, held, is_done: false };
    let frame = frame.on_behalf_of(job.about().caller.as_ref());
    let res = guarded(frame.scope(async move { job.run(agent, cx).await })).await;
    in_hand.is_done = true;
    res.and_then(|it| it).inspect_err(|_| {
        tracing::debug!(target: "gleis::agent", agent = %cx.name(), what = %in_hand.held, "failed");
    })
}

async fn act<A: Agent>(
    agent: &mut A,
    cx: &Context<A>,
    frame: &mut Arc<Frame>,
    due: Due<A>,
) -> Result<(), Fault> {
    let done = hook(frame, due.what(), (due.action)(agent, cx)).await;
    cx.cell.timers.again(&due, Instant::now());
    // A timer without a period must not keep the thread for itself.
    tokio::task::yield_now().await;
    done
}

/// Goes on after an error if that is the policy.
fn get_over<A: Agent>(cx: &Context<A>, done: Result<(), Fault>) -> Result<(), Fault> {
    match done {
        Err(fault) if cx.cell.policy == ErrorPolicy::Log && !fault.panicked() => {
            cx.log_fault("the agent goes on after an error", &fault);
            Ok(())
        }
        done => done,
    }
}

/// Handles what waits now.
async fn drain<A: Agent>(
    agent: &mut A,
    cx: &Context<A>,
    jobs: &mut Mailbox<Job<A>>,
    frame: &mut Arc<Frame>,
) {
    for _ in 0..jobs.end_lane() {
        let Some(job) = jobs.recv().await else {
            return;
        };
        let done = work(agent, cx, frame, job).await;
        if let Err(fault) = get_over(cx, done) {
            cx.log_fault("the agent fails while it ends", &fault);
            return;
        }
    }
}

/// Gives up work that came too late. Who waits for it hears of it when it is dropped.
fn given_up<A: Agent>(cx: &Context<A>, job: Job<A>, why: Undelivered) {
    cx.cell.bury(&job.about().what, why);
    drop(job);
}

/// Work that is a dead letter if it is dropped before it is done.
struct InHand<'a, A: Agent> {
    cx: &'a Context<A>,
    held: Held<'a>,
    is_done: bool,
}

impl<A: Agent> Drop for InHand<'_, A> {
    fn drop(&mut self) {
        // The agent is killed; nobody else knows of what was told.
        if !self.is_done {
            self.cx.cell.bury(&self.held, Undelivered::Interrupted);
        }
    }
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
    what: What,
    work: impl Future<Output = Result<(), BoxError>>,
) -> Result<(), Fault> {
    let home = frame.home().clone();
    let _held = home.hand.hold(&what);
    match guarded(frame.on_behalf_of(None).scope(work)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Fault::error(&error)),
        Err(fault) => Err(fault),
    }
}
