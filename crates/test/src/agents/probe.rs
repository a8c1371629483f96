//! An agent that a test listens with.

use std::any::{Any, type_name};
use std::fmt::Debug;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use gleis_agent::{
    Addr, Agent, AgentRef, Context, Kind, MethodError, Node, OpenError, Outcome, RunError,
};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::heard::{Book, Heard};

/// What a probe can hear.
pub trait Message: Any + Debug + DeserializeOwned + Send {}

impl<M: Any + Debug + DeserializeOwned + Send> Message for M {}

/// An agent that a test listens with: others send to it, publish to it, ask it and call it, and the test says what it
/// expects.
///
/// Everything that comes, by whatever way, waits in the order in which it came, up to 10,000 messages; what is expected
/// is compared with the first. An expectation that is not met is a panic at the line of the test, which tells what came
/// instead. The agent stays on its node when the probe is dropped. Times are those of the runtime's clock: virtual when it is [paused](tokio::time::pause).
#[derive(Debug)]
pub struct Probe {
    agent: AgentRef<Listener>,
    shared: Arc<Shared>,
}

/// The agent behind a [`Probe`].
#[derive(Debug)]
pub struct Listener(());

impl Agent for Listener {}

struct Shared {
    book: Mutex<Book>,
    heard: Notify,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("n_waiting", &self.book.lock().n_waiting()).finish()
    }
}

impl Shared {
    fn hear<M: Message>(&self, cx: &Context<Listener>, way: &str, message: M) {
        let mut book = self.book.lock();
        match cx.topic().filter(|it| !it.is_empty()) {
            Some(topic) => {
                let topic = topic.escape_ascii();
                book.add(format_args!("`{way}` under `{topic}`"), message);
            }
            None => book.add(format_args!("`{way}`"), message),
        }
        drop(book);
        self.heard.notify_one();
    }
}

impl Probe {
    /// Runs one on a node, under this name.
    ///
    /// # Errors
    /// As [`Node::run_agent`].
    pub async fn run(node: &Node, name: &str) -> Result<Self, RunError> {
        let agent = node.run_agent(name, Listener(())).await?;
        let shared = Arc::new(Shared { book: Mutex::new(Book::new()), heard: Notify::new() });
        Ok(Self { agent, shared })
    }

    /// The agent: to send, to publish, to be shut down.
    pub fn agent(&self) -> &AgentRef<Listener> {
        &self.agent
    }

    /// Binds a socket, [`Kind::Pull`] or [`Kind::Sub`], for others to connect to.
    ///
    /// # Errors
    /// As [`AgentRef::bind`].
    pub async fn bind<M: Message>(&self, kind: Kind, alias: &str) -> Result<Addr, OpenError> {
        self.agent.bind(kind, alias).handler(self.listens::<M>(alias)).await
    }

    /// Connects to a socket of others that sends or publishes.
    ///
    /// # Errors
    /// As [`AgentRef::connect`].
    pub async fn connect<M: Message>(&self, to: Addr, alias: &str) -> Result<(), OpenError> {
        self.agent.connect(to, self.listens::<M>(alias)).alias(alias).await.map(drop)
    }

    /// Binds a socket, [`Kind::Rep`] or [`Kind::AsyncRep`], that answers with what `answer` makes of each question.
    ///
    /// # Errors
    /// As [`AgentRef::bind`].
    pub async fn answer<M: Message, R: Outcome + 'static>(
        &self,
        kind: Kind,
        alias: &str,
        answer: impl Fn(&M) -> R + Send + Sync + 'static,
    ) -> Result<Addr, OpenError> {
        self.agent.bind(kind, alias).handler(self.answers(alias, answer)).await
    }

    /// Gives it a method of one argument, which others [call](gleis_agent::Proxy::call) or
    /// [tell](gleis_agent::Proxy::tell), and which answers with what `answer` makes of the argument.
    ///
    /// # Errors
    /// As [`AgentRef::set_method`].
    pub fn method<M: Message, R: Outcome + 'static>(
        &self,
        name: &str,
        answer: impl Fn(&M) -> R + Send + Sync + 'static,
    ) -> Result<(), MethodError> {
        self.agent.set_method(name, self.answers(name, answer))
    }

    fn listens<M: Message>(
        &self,
        way: &str,
    ) -> impl Fn(&mut Listener, &Context<Listener>, M) + Send + Sync + 'static + use<M> {
        self.answers(way, |_: &M| ())
    }

    fn answers<M: Message, R: 'static, F: Fn(&M) -> R + Send + Sync + 'static>(
        &self,
        way: &str,
        answer: F,
    ) -> impl Fn(&mut Listener, &Context<Listener>, M) -> R + Send + Sync + 'static + use<M, R, F>
    {
        let (shared, way) = (self.shared.clone(), way.to_owned());
        move |_, cx, message| {
            let answer = answer(&message);
            shared.hear(cx, &way, message);
            answer
        }
    }

    /// How many messages wait to be expected.
    pub fn n_waiting(&self) -> usize {
        self.shared.book.lock().n_waiting()
    }

    /// The next message is this one, and comes within this time.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn expect<M: Message + PartialEq>(
        &mut self,
        message: M,
        within: Duration,
    ) -> impl Future<Output = ()> + '_ {
        let wanted = format!("{message:?}");
        let next = self.next(wanted, within, Location::caller(), move |it: &M| *it == message);
        async move { drop(next.await) }
    }

    /// The next message is of this type, and comes within this time.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn expect_type<M: Message>(
        &mut self,
        within: Duration,
    ) -> impl Future<Output = M> + use<'_, M> {
        let wanted = format!("a message of type {}", type_name::<M>());
        self.next(wanted, within, Location::caller(), |_| true)
    }

    /// The next message is of this type, is one that `fits`, and comes within this time.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn expect_that<M: Message, F: FnMut(&M) -> bool>(
        &mut self,
        fits: F,
        within: Duration,
    ) -> impl Future<Output = M> + use<'_, M, F> {
        let wanted = format!("a message of type {} that fits", type_name::<M>());
        self.next(wanted, within, Location::caller(), fits)
    }

    /// A message of this type that `fits` comes within this time; what comes before it is passed over.
    ///
    /// # Panics
    /// If none does.
    #[track_caller]
    pub fn fish<M: Message, F: FnMut(&M) -> bool>(
        &mut self,
        mut fits: F,
        within: Duration,
    ) -> impl Future<Output = M> + use<'_, M, F> {
        let (place, until) = (Location::caller(), Instant::now() + within);
        async move {
            loop {
                let Some(heard) = self.hear(until, place).await else {
                    let name = type_name::<M>();
                    let wanted = format!("a message of type {name} that fits, sooner or later");
                    self.fail(&wanted, &format!("none came within {within:?}"), place);
                };
                if let Ok(message) = heard.message.downcast::<M>()
                    && fits(&message)
                {
                    return *message;
                }
            }
        }
    }

    /// Nothing waits, and nothing comes for this time.
    ///
    /// # Panics
    /// If something does.
    #[track_caller]
    pub fn expect_none(&mut self, time: Duration) -> impl Future<Output = ()> + '_ {
        let (place, until) = (Location::caller(), Instant::now() + time);
        async move {
            if let Some(heard) = self.hear(until, place).await {
                self.fail(&format!("nothing for {time:?}"), &heard.line, place);
            }
        }
    }

    fn next<M: Message, F: FnMut(&M) -> bool>(
        &mut self,
        wanted: String,
        within: Duration,
        place: &'static Location<'static>,
        mut fits: F,
    ) -> impl Future<Output = M> + use<'_, M, F> {
        let until = Instant::now() + within;
        async move {
            let Some(Heard { message, line }) = self.hear(until, place).await else {
                self.fail(&wanted, &format!("nothing within {within:?}"), place);
            };
            match message.downcast::<M>() {
                Ok(message) if fits(&message) => *message,
                _ => self.fail(&wanted, &line, place),
            }
        }
    }

    /// The next message; `None` if none comes until then.
    async fn hear(&mut self, until: Instant, place: &'static Location<'static>) -> Option<Heard> {
        loop {
            let (heard, n_lost) = {
                let mut book = self.shared.book.lock();
                (book.take(), book.n_lost)
            };
            if 0 < n_lost {
                self.fail("to be listened to", &format!("{n_lost} too many to keep"), place);
            }
            if heard.is_some() {
                return heard;
            }
            timeout_at(until, self.shared.heard.notified()).await.ok()?;
        }
    }

    fn fail(&self, wanted: &str, came: &str, place: &'static Location<'static>) -> ! {
        let (name, told) = (self.agent.name(), self.shared.book.lock().tell());
        panic!("probe `{name}` at {place}\n  expected {wanted}\n  came: {came}\nof all: {told}");
    }
}
