//! What is shared between an agent's task and everybody who talks to it.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use gleis_codec::AnyCodec;
use gleis_core::{Endpoint, Name};
use tokio::{
    sync::{
        Semaphore,
        mpsc::{self, error::TrySendError},
        oneshot, watch,
    },
    task::coop::consume_budget,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    Agent, AgentState, BoxError, CallError, Context, ErrorPolicy, Fault,
    current::Frame,
    dynamic::{Attributes, Functions, Methods},
    job::{About, Job, What},
    log::Book,
    node::{ControlReply, Want, perform},
    socket::Sockets,
    text::chain,
    timer::{Timers, from_now},
};

/// How many bytes of messages may wait in a mailbox. A larger message has it for itself.
pub(crate) const ROOM: usize = 16 << 20;

/// What an agent is told to do; it goes from one to the next, never back.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Order {
    /// Handle what comes.
    Run,
    /// Handle nothing more, and stay to be looked at.
    Stop,
    /// Shut down.
    End,
}

/// How an agent is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// How many pieces of work may wait.
    pub(crate) mailbox: usize,
    pub(crate) policy: ErrorPolicy,
    /// Whether it has a thread of its own.
    pub(crate) on_thread: bool,
    pub(crate) sockets: SocketDefaults,
}

/// What an agent's sockets are unless one is said to be otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketDefaults {
    pub(crate) at: Option<Endpoint>,
    pub(crate) codec: Option<AnyCodec>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mailbox: 1_000,
            policy: ErrorPolicy::default(),
            on_thread: false,
            sockets: SocketDefaults::default(),
        }
    }
}

/// What is shared between an agent's task and everybody who talks to it.
pub(crate) struct Cell<A: 'static> {
    /// Tells this agent from every other one in the world, also of the same name.
    pub(crate) identity: Name,
    pub(crate) name: Name,
    pub(crate) mail: mpsc::Sender<Job<A>>,
    /// A permit for each byte that messages in the mailbox may have.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) state: watch::Sender<AgentState>,
    /// What the agent was told last.
    pub(crate) order: watch::Sender<Order>,
    pub(crate) policy: ErrorPolicy,
    pub(crate) timers: Timers<A>,
    pub(crate) sockets: Sockets<A>,
    pub(crate) socket_defaults: SocketDefaults,
    /// What it has logged.
    pub(crate) book: Book,
    /// Its free attributes.
    pub(crate) attributes: Attributes,
    /// What it was given as methods.
    pub(crate) methods: Methods<A>,
    /// What it may be given as methods by name.
    pub(crate) functions: Functions<A>,
}

impl<A: Agent> Cell<A> {
    pub(crate) fn new(
        name: Name,
        setup: Setup,
        functions: Functions<A>,
    ) -> (Arc<Self>, mpsc::Receiver<Job<A>>) {
        let (mail, jobs) = mpsc::channel(setup.mailbox);
        let cell = Self {
            identity: identity(),
            name,
            mail,
            room: Arc::new(Semaphore::new(ROOM)),
            state: watch::Sender::new(AgentState::Starting),
            order: watch::Sender::new(Order::Run),
            policy: setup.policy,
            timers: Timers::new(),
            sockets: Sockets::new(),
            socket_defaults: setup.sockets,
            book: Book::default(),
            attributes: Attributes::default(),
            methods: Methods::new(),
            functions,
        };
        (Arc::new(cell), jobs)
    }

    /// Tells the agent something, unless it was told more already.
    pub(crate) fn tell(&self, order: Order) {
        self.order.send_if_modified(|it| {
            let is_more = *it < order;
            *it = order.max(*it);
            is_more
        });
    }

    /// Has the agent do something and waits for the answer.
    pub(crate) async fn ask<R: Send + 'static>(
        &self,
        what: impl Into<Cow<'static, str>>,
        how: Asking,
        call: impl for<'a> FnOnce(
            &'a mut A,
            &'a Context<A>,
        ) -> BoxFuture<'a, Result<Result<R, BoxError>, CallError>>
        + Send
        + 'static,
    ) -> Result<R, CallError> {
        let what = what.into();
        let Asking { caller, within, after_fault } = how;
        if caller.as_ref().is_some_and(|it| it.contains(&self.identity)) {
            return Err(CallError::SelfCall { agent: self.name.clone() });
        }
        if *self.state.borrow() == AgentState::Gone {
            return Err(CallError::Gone { agent: self.name.clone() });
        }
        let (reply, answer) = oneshot::channel();
        let about = About { what: What::Call(what.clone()), caller, after_fault };
        let job = answering(self.name.clone(), what.clone(), about, reply, call);
        let deadline = from_now(within);
        let wait = async {
            self.mail.send(job).await.map_err(|_| ()).ok()?;
            answer.await.ok()
        };
        match timeout_at(deadline, wait).await {
            Ok(Some(res)) => res,
            Ok(None) => Err(self.why_no_answer(deadline).await),
            Err(_) => Err(CallError::DeadlineExceeded {
                agent: self.name.clone(),
                what: what.into_owned(),
                within,
            }),
        }
    }

    /// Has the agent do something when its turn comes, and waits no longer than until that is sure.
    pub(crate) async fn tell_work(
        &self,
        what: Cow<'static, str>,
        within: Duration,
        call: impl for<'a> FnOnce(&'a mut A, &'a Context<A>) -> BoxFuture<'a, Result<(), BoxError>>
        + Send
        + 'static,
    ) -> Result<(), CallError> {
        let method = what.clone();
        let job = Job::new(What::Call(what.clone()), move |agent, cx| {
            Box::pin(async move {
                if let Err(error) = call(agent, cx).await {
                    tracing::warn!(target: "gleis::agent", agent = %cx.name(), %method, error = chain(&*error), "what was told failed");
                }
                Ok(())
            })
        });
        let agent = || self.name.clone();
        // Whoever tells without end lets others run; `try_send` alone would not.
        consume_budget().await;
        let job = match self.mail.try_send(job) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(CallError::Gone { agent: agent() }),
            Err(TrySendError::Full(job)) => job,
        };
        match timeout(within, self.mail.send(job)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(CallError::Gone { agent: agent() }),
            Err(_) => {
                let what = what.into_owned();
                Err(CallError::DeadlineExceeded { agent: agent(), what, within })
            }
        }
    }

    /// Why a job was given up without an answer.
    async fn why_no_answer(&self, deadline: Instant) -> CallError {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(AgentState::is_over);
        let agent = self.name.clone();
        match timeout_at(deadline, settled).await {
            Ok(Ok(state)) => match &*state {
                AgentState::Failed(fault) => {
                    CallError::NotRunning { agent, fault: Some(fault.clone()) }
                }
                AgentState::Stopped => CallError::NotRunning { agent, fault: None },
                _ => CallError::Gone { agent },
            },
            _ => CallError::Gone { agent },
        }
    }
}

/// A name that no other agent in the world has: chance once, then a number, which costs no call into
/// the system.
fn identity() -> Name {
    static PROCESS: LazyLock<Name> = LazyLock::new(Name::random);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    Name::new(format!("{}-{n}", *PROCESS)).unwrap_or_else(|_| Name::random())
}

/// How something is asked of an agent.
pub(crate) struct Asking {
    pub(crate) caller: Option<Arc<Frame>>,
    pub(crate) within: Duration,
    pub(crate) after_fault: bool,
}

/// The work that answers a call. A panic goes to the caller too, and stops the agent.
fn answering<A: Agent, R: Send + 'static>(
    agent_name: Name,
    what: Cow<'static, str>,
    about: About,
    reply: oneshot::Sender<Result<R, CallError>>,
    call: impl for<'a> FnOnce(
        &'a mut A,
        &'a Context<A>,
    ) -> BoxFuture<'a, Result<Result<R, BoxError>, CallError>>
    + Send
    + 'static,
) -> Job<A> {
    Job::new(about, move |agent, cx| {
        Box::pin(async move {
            // Nobody waits any more: do not even begin.
            if reply.is_closed() {
                return Ok(());
            }
            let failed =
                |fault| CallError::Failed { agent: agent_name, what: what.into_owned(), fault };
            let (answer, res) = match guarded(async move { call(agent, cx).await }).await {
                Ok(Ok(Ok(it))) => (Ok(it), Ok(())),
                Ok(Ok(Err(error))) => (Err(failed(Fault::error(&error))), Ok(())),
                Ok(Err(error)) => (Err(error), Ok(())),
                Err(fault) => (Err(failed(fault.clone())), Err(fault)),
            };
            // A caller that has given up meanwhile wants no answer.
            let _ = reply.send(answer);
            res
        })
    })
}

/// Makes a fault of a panic.
pub(crate) async fn guarded<F: Future>(work: F) -> Result<F::Output, Fault> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|it| Fault::panic(&*it))
}

/// An agent whose type is forgotten: what its node needs of it.
pub(crate) trait AnyAgent: Send + Sync {
    fn name(&self) -> &Name;
    fn identity(&self) -> &Name;
    fn state(&self) -> &watch::Sender<AgentState>;
    /// Tells the agent something.
    fn tell(&self, order: Order);
    /// Does what is wanted of it.
    fn perform(self: Arc<Self>, want: Want, how: Asking) -> BoxFuture<'static, ControlReply>;
    /// Lets go of timers and sockets at once.
    fn release(&self);
}

impl<A: Agent> AnyAgent for Cell<A> {
    fn name(&self) -> &Name {
        &self.name
    }

    fn identity(&self) -> &Name {
        &self.identity
    }

    fn state(&self) -> &watch::Sender<AgentState> {
        &self.state
    }

    fn tell(&self, order: Order) {
        self.tell(order);
    }

    fn perform(self: Arc<Self>, want: Want, how: Asking) -> BoxFuture<'static, ControlReply> {
        Box::pin(perform(self, want, how))
    }

    fn release(&self) {
        self.timers.close();
        self.sockets.release();
    }
}
