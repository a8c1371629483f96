//! What is shared between an agent's task and everybody who talks to it.

use std::borrow::Cow;
use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicU32, Ordering},
};
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_codec::AnyCodec;
use gleis_core::{Endpoint, Name, Status};
use gleis_transport::Network;
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    task::coop::consume_budget,
    time::{Instant, timeout},
};

use crate::{
    Agent, AgentState, CallError, Caller, Context, Ended, ErrorPolicy, Fault, Life, Undelivered,
    beside::Beside,
    caller::Failure,
    current::Frame,
    deadline::{Deadline, Elapsed},
    dynamic::{Attributes, Functions, Methods},
    home::Home,
    identity::Identity,
    job::{About, Job, What},
    log::Book,
    mailbox::{Lane, Mail, Mailbox, Refused, mailbox},
    node::{ControlReply, Host, Want, perform},
    orders::{Order, Orders},
    socket::Sockets,
    status::STUCK_AFTER,
    supervise::Leash,
    timer::Timers,
    waits::Waiting,
};

/// How many bytes of messages may wait in a mailbox. A larger message has it for itself.
pub(crate) const ROOM: usize = 16 << 20;

/// How an agent is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// How many pieces of work may wait.
    pub(crate) mailbox: usize,
    pub(crate) policy: ErrorPolicy,
    /// Whether it has a thread of its own.
    pub(crate) on_thread: bool,
    #[cfg(feature = "script")]
    pub(crate) scripts: Option<crate::Scripts>,
    /// Whether it handles what waits before it ends.
    pub(crate) drains: bool,
    /// Whether it may have another life after a fault.
    pub(crate) is_revivable: bool,
    /// How long it may be at one piece of work.
    pub(crate) stuck_after: Duration,
    /// Where it runs.
    pub(crate) host: Weak<Host>,
    /// What ties it to its supervisor.
    pub(crate) leash: Option<Leash>,
    pub(crate) sockets: SocketDefaults,
}

/// What an agent's sockets are unless one is said to be otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct SocketDefaults {
    pub(crate) at: Option<Endpoint>,
    pub(crate) codec: Option<AnyCodec>,
    pub(crate) network: Option<Arc<dyn Network>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mailbox: 1_000,
            policy: ErrorPolicy::default(),
            on_thread: false,
            #[cfg(feature = "script")]
            scripts: None,
            drains: false,
            is_revivable: false,
            stuck_after: STUCK_AFTER,
            host: Weak::new(),
            leash: None,
            sockets: SocketDefaults::default(),
        }
    }
}

/// What is shared between an agent's task and everybody who talks to it.
pub(crate) struct Cell<A: 'static> {
    pub(crate) identity: Identity,
    pub(crate) name: Name,
    /// What others may know of it while it works.
    pub(crate) home: Arc<Home>,
    pub(crate) mail: Mail<Job<A>>,
    /// Made when the first socket is opened.
    room: OnceLock<Arc<Semaphore>>,
    pub(crate) state: watch::Sender<AgentState>,
    pub(crate) orders: Orders,
    pub(crate) policy: ErrorPolicy,
    /// Whether it handles what waits before it ends.
    pub(crate) drains: bool,
    /// Whether it may have another life after a fault.
    pub(crate) is_revivable: bool,
    /// How long it may be at one piece of work.
    pub(crate) stuck_after: Duration,
    /// How often it has begun anew.
    n_restarts: AtomicU32,
    /// Whether it has a thread of its own.
    pub(crate) on_thread: bool,
    /// Where it runs.
    pub(crate) host: Weak<Host>,
    /// What ties it to its supervisor.
    pub(crate) leash: Option<Leash>,
    /// How it has ended, once it has, unless it was shut down.
    end: OnceLock<Ended>,
    /// Its mailbox, between two lives.
    parked: Mutex<Option<Mailbox<Job<A>>>>,
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
    pub(crate) functions: Mutex<Functions<A>>,
    /// What it was told that needs nothing of it.
    pub(crate) beside: Beside,
    /// Where its scripts are made, if it takes any.
    #[cfg(feature = "script")]
    pub(crate) bench: Option<crate::script::Bench>,
}

impl<A: Agent> Cell<A> {
    pub(crate) fn new(
        name: Name,
        setup: Setup,
        functions: Functions<A>,
    ) -> (Arc<Self>, Mailbox<Job<A>>) {
        let (mail, jobs) = mailbox(setup.mailbox);
        let identity = Identity::new();
        let cell = Self {
            sockets: Sockets::new(identity.clone()),
            home: Home::new(identity.clone(), name.clone()),
            identity,
            name,
            mail,
            room: OnceLock::new(),
            state: watch::Sender::new(AgentState::Starting),
            orders: Orders::new(),
            policy: setup.policy,
            drains: setup.drains,
            is_revivable: setup.is_revivable,
            stuck_after: setup.stuck_after,
            n_restarts: AtomicU32::new(0),
            on_thread: setup.on_thread,
            host: setup.host,
            leash: setup.leash,
            end: OnceLock::new(),
            parked: Mutex::new(None),
            timers: Timers::new(),
            socket_defaults: setup.sockets,
            book: Book::default(),
            attributes: Attributes::default(),
            methods: Methods::new(),
            functions: Mutex::new(functions),
            beside: Beside::default(),
            #[cfg(feature = "script")]
            bench: setup.scripts.map(crate::script::Bench::new),
        };
        (Arc::new(cell), jobs)
    }

    /// It has ended in this way; what comes later is no news.
    pub(crate) fn note_end(&self, ended: Ended) {
        let _ = self.end.set(ended);
    }

    /// Keeps the mailbox for the next life.
    pub(crate) fn park(&self, jobs: Mailbox<Job<A>>) {
        *self.parked.lock() = Some(jobs);
    }

    /// The mailbox for the next life, if it waits for one.
    pub(crate) fn unpark(&self) -> Option<Mailbox<Job<A>>> {
        self.parked.lock().take()
    }

    pub(crate) fn is_parked(&self) -> bool {
        self.parked.lock().is_some()
    }

    /// Whether its supervisor decides what becomes of it: not once it was told to stop or to end.
    pub(crate) fn is_led(&self) -> bool {
        self.is_leashed() && self.leash.as_ref().is_some_and(Leash::is_held)
    }

    /// Whether a supervisor decides that, or has before it ended, and its children are about to.
    fn is_leashed(&self) -> bool {
        self.leash.is_some() && self.orders.last() < Order::Stop
    }

    pub(crate) fn n_restarts(&self) -> u32 {
        self.n_restarts.load(Ordering::Relaxed)
    }

    pub(crate) fn count_restart(&self) {
        self.n_restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// A permit for each byte that messages in the mailbox may have.
    pub(crate) fn room(&self) -> &Arc<Semaphore> {
        self.room.get_or_init(|| Arc::new(Semaphore::new(ROOM)))
    }

    /// Enters a state.
    pub(crate) fn enter(&self, state: AgentState) {
        let is_watched = || self.state.receiver_count() != 0;
        self.state.send_if_modified(|it| {
            *it = state;
            // Whoever comes from now on sees it by itself.
            is_watched()
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
            Caller<R>,
        ) -> BoxFuture<'a, Result<(), Fault>>
        + Send
        + 'static,
    ) -> Result<R, CallError> {
        let what = what.into();
        let Asking { caller, within, after_fault, lane } = how;
        let caller = caller.frame();
        let (waiting, is_home) = match &caller {
            Some(it) => (Some(Waiting::begin(it, &self.home)?), it.timer().is_some()),
            None => (None, false),
        };
        let timer = waiting.as_ref().filter(|_| is_home).map(|it| &it.home().timer);
        let (asks, mut answer) = Caller::asks();
        let about = About { what: What::Call(what.clone()), caller, after_fault };
        let job = Job::new(about, move |agent, cx| call(agent, cx, asks));
        let mut deadline = Deadline::new(timer, within);
        // What is rare is boxed: calls are small.
        let heard = match self.mail.try_send_by(lane, job) {
            Ok(()) => deadline.limit(&mut answer).await.map(Result::ok),
            Err(Refused::Closed) => Ok(None),
            Err(Refused::Full(job)) => {
                let sent = Box::pin(async {
                    self.mail.send(job).await.ok()?;
                    answer.await.ok()
                });
                deadline.limit(sent).await
            }
        };
        match heard {
            Ok(Some(Ok(answer))) => Ok(answer),
            Ok(Some(Err(Failure::Call(error)))) => Err(*error),
            Ok(Some(Err(Failure::Fault(fault)))) => Err(self.failed(&what, *fault)),
            Ok(None) => {
                let why = deadline.limit(Box::pin(self.why_no_answer(&what))).await;
                Err(match why {
                    Ok(why) => why,
                    Err(Elapsed) if self.mail.is_closed() => self.gone(),
                    Err(Elapsed) => self.too_late(what, within),
                })
            }
            Err(Elapsed) => Err(self.too_late(what, within)),
        }
    }

    /// Has the agent do something when its turn comes, and waits no longer than until that is sure.
    pub(crate) async fn tell_work<R: Send + 'static>(
        &self,
        what: Cow<'static, str>,
        (within, lane): (Duration, Lane),
        call: impl for<'a> FnOnce(
            &'a mut A,
            &'a Context<A>,
            Caller<R>,
        ) -> BoxFuture<'a, Result<(), Fault>>
        + Send
        + 'static,
    ) -> Result<(), CallError> {
        let tells = Caller::tells(what.clone());
        let about = What::Call(what.clone());
        let job = Job::new(about, move |agent, cx| call(agent, cx, tells));
        // Whoever tells without end lets others run; a mailbox with room alone would not.
        consume_budget().await;
        let job = match self.mail.try_send_by(lane, job) {
            Ok(()) => return Ok(()),
            Err(Refused::Closed) => return Err(self.gone()),
            Err(Refused::Full(job)) => job,
        };
        match timeout(within, self.mail.send(job)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => Err(self.too_late(what, within)),
        }
    }

    pub(crate) fn failed(&self, what: &str, fault: Fault) -> CallError {
        CallError::Failed { agent: self.name.clone(), what: what.to_owned(), fault }
    }

    pub(crate) fn gone(&self) -> CallError {
        CallError::Gone { agent: self.name.clone() }
    }

    pub(crate) fn too_late(&self, what: impl Into<String>, within: Duration) -> CallError {
        CallError::DeadlineExceeded { agent: self.name.clone(), what: what.into(), within }
    }

    /// Why a job was given up without an answer.
    async fn why_no_answer(&self, what: &str) -> CallError {
        let mut state = self.state.subscribe();
        let agent = self.name.clone();
        // What is lost in one life is not made up for in the next.
        let is_known = |it: &AgentState| {
            let lives_on = || self.is_revivable && self.orders.last() < Order::Stop;
            it.is_over() || (*it != AgentState::Stopping && lives_on())
        };
        match state.wait_for(is_known).await.as_deref() {
            Ok(AgentState::Restarting(fault)) => self.failed(what, fault.clone()),
            Ok(AgentState::Running | AgentState::Starting) => {
                self.failed(what, Fault::said("the agent has begun anew meanwhile"))
            }
            Ok(AgentState::Failed(fault)) => {
                CallError::NotRunning { agent, fault: Some(fault.clone()) }
            }
            Ok(AgentState::Stopped) => CallError::NotRunning { agent, fault: None },
            _ => CallError::Gone { agent },
        }
    }
}

/// How something is asked of an agent.
pub(crate) struct Asking {
    pub(crate) caller: Asker,
    pub(crate) within: Duration,
    pub(crate) after_fault: bool,
    pub(crate) lane: Lane,
}

/// On whose behalf something is asked.
pub(crate) enum Asker {
    /// The agent, if there is one, that is at work where the call is polled first.
    Here,
    /// One of another program.
    There(Option<Arc<Frame>>),
}

impl Asker {
    pub(crate) fn frame(self) -> Option<Arc<Frame>> {
        match self {
            Self::Here => Frame::current(),
            Self::There(frame) => frame,
        }
    }
}

/// An agent whose type is forgotten: what its node needs of it.
pub(crate) trait AnyAgent: Send + Sync {
    fn name(&self) -> &Name;
    fn identity(&self) -> &Identity;
    fn state(&self) -> &watch::Sender<AgentState>;
    fn enter(&self, state: AgentState);
    fn life(&self) -> Life;
    fn n_restarts(&self) -> u32;
    fn leash(&self) -> Option<&Leash>;
    /// Whether its supervisor decides what becomes of it.
    fn is_led(&self) -> bool;
    /// Whether a supervisor decides that, or has before it ended, and its children are about to.
    fn is_leashed(&self) -> bool;
    /// How it has ended, once it has, unless it was shut down.
    fn end(&self) -> Option<&Ended>;
    /// It has ended in this way; what comes later is no news.
    fn note_end(&self, ended: Ended);
    /// Whether it waits for another life.
    fn is_parked(&self) -> bool;
    /// One life is over and the next is to come.
    fn lay_down(&self, fault: Fault);
    /// Tells the agent something.
    fn tell(&self, order: Order);
    /// Does what is wanted of it.
    fn perform(self: Arc<Self>, want: Want, how: Asking) -> BoxFuture<'static, ControlReply>;
    /// What it does now.
    fn status(&self) -> Status;
    /// Whether it has become stuck, and nobody was told.
    fn becomes_stuck(&self, now: Instant) -> bool;
    /// Tells that it has become stuck.
    fn tell_stuck(self: Arc<Self>);
    /// Lets go of timers and sockets at once.
    fn release(&self);
}

impl<A: Agent> AnyAgent for Cell<A> {
    fn name(&self) -> &Name {
        &self.name
    }

    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn state(&self) -> &watch::Sender<AgentState> {
        &self.state
    }

    fn enter(&self, state: AgentState) {
        self.enter(state);
    }

    fn life(&self) -> Life {
        Life { state: self.state.borrow().clone(), restarts: self.n_restarts() }
    }

    fn n_restarts(&self) -> u32 {
        self.n_restarts()
    }

    fn leash(&self) -> Option<&Leash> {
        self.leash.as_ref()
    }

    fn is_led(&self) -> bool {
        self.is_led()
    }

    fn is_leashed(&self) -> bool {
        self.is_leashed()
    }

    fn end(&self) -> Option<&Ended> {
        self.end.get()
    }

    fn note_end(&self, ended: Ended) {
        self.note_end(ended);
    }

    fn is_parked(&self) -> bool {
        self.is_parked()
    }

    fn lay_down(&self, fault: Fault) {
        self.lay_down(fault);
    }

    fn tell(&self, order: Order) {
        self.orders.tell(order);
    }

    fn perform(self: Arc<Self>, want: Want, how: Asking) -> BoxFuture<'static, ControlReply> {
        Box::pin(perform(self, want, how))
    }

    fn status(&self) -> Status {
        self.status()
    }

    fn becomes_stuck(&self, now: Instant) -> bool {
        self.home.hand.becomes_stuck(now, self.stuck_after)
    }

    fn tell_stuck(self: Arc<Self>) {
        Self::tell_stuck(self);
    }

    fn release(&self) {
        self.timers.close();
        self.beside.close();
        self.sockets.release();
        // Whoever waits for what is in it hears of it.
        for job in self.unpark().map(|mut it| it.close()).unwrap_or_default() {
            self.bury(&job.about().what, Undelivered::Ended);
        }
    }
}
