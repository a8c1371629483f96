//! One connection: greeting, handshake, traffic.

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    Config, Encoder, Error, Event, Limit, Message, Peer, SocketType, Violation,
    command::{Command, put_error, put_ready, refusal},
    decoder::{Decoder, Step},
    error::check,
    event,
    greeting::{GREETING_LEN, OUR_MINOR, check_greeting, put_greeting},
    heartbeat::Pulse,
    outbox::Outbox,
};

/// One ZMTP connection without its socket and without a clock.
#[derive(Debug)]
pub struct Session {
    config: Config,
    // Whether the own socket publishes, so that messages to it are subscriptions.
    listens: bool,
    state: State,
    peer: Option<Peer>,
    decoder: Decoder,
    outbox: Outbox,
    pulse: Pulse,
    handshake_ends: Option<Instant>,
    // The length of the input when it was last left: another length means that bytes arrived.
    seen: usize,
    n_ignored: u64,
}

#[derive(Debug)]
enum State {
    Greeting,
    /// The peer's greeting named this minor version.
    Handshake(u8),
    Ready,
    Failed(Error),
}

impl Session {
    /// Starts a connection; its greeting is ready to transmit.
    ///
    /// An identity that ZMTP does not allow makes the first [`Session::poll_event`] fail.
    pub fn new(config: Config, now: Instant) -> Self {
        let mut limits = config.limits;
        let listens = config.socket_type.receives_subscriptions();
        if listens {
            // A command must be able to carry any subscription that is allowed.
            limits.command = limits.command.max(limits.subscription.saturating_add(10));
        }
        let mut session = Self {
            state: State::Greeting,
            peer: None,
            decoder: Decoder::new(limits),
            outbox: Outbox::default(),
            pulse: Pulse::new(now),
            handshake_ends: now.checked_add(config.handshake_timeout),
            seen: 0,
            n_ignored: 0,
            listens,
            config,
        };
        session.begin();
        session
    }

    fn begin(&mut self) {
        let identity = &self.config.identity;
        if 255 < identity.len() || identity.first() == Some(&0) {
            self.state = State::Failed(Error::OwnIdentity { len: identity.len() });
            return;
        }
        self.decoder.want(GREETING_LEN);
        put_greeting(&mut self.outbox.handshake);
    }

    /// Appends what the session itself must say (greeting, `READY`, `PING`, `PONG`, `ERROR`)
    /// and returns whether there was anything.
    ///
    /// Call it after [`Session::poll_event`] (also when that failed: the peer may deserve an
    /// `ERROR`) and after [`Session::handle_timeout`], never between two frames of a message.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) -> bool {
        if self.outbox.is_empty() {
            return false;
        }
        self.outbox.take(out);
        true
    }

    /// Takes the next whole event off the front of `input`; `None` asks for more bytes.
    ///
    /// Bodies are slices of `input`, so a kept message keeps the buffer it came in.
    ///
    /// # Errors
    /// Any [`Error`]; the session is over then and every further call says the same.
    #[inline]
    pub fn poll_event(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
    ) -> Result<Option<Event>, Error> {
        let mut message = None;
        match self.poll_messages(now, input, 1, |it| message = Some(it)) {
            0 => self.next_event(now, input),
            _ => Ok(message.map(Event::Message)),
        }
    }

    /// Takes up to `most` messages off the front of `input` if they are there as one whole frame each,
    /// or as a few short ones: the short way for what nearly all messages are. Says how many there
    /// were; none says nothing: ask [`Session::poll_event`] then.
    #[inline]
    pub fn poll_messages(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
        most: usize,
        mut take: impl FnMut(Message),
    ) -> usize {
        if input.len() != self.seen {
            self.pulse.heard(now);
        }
        match self.state {
            State::Ready if !self.listens => (),
            _ => return 0,
        }
        let mut n_messages = self.decoder.short(input, most, &mut take);
        while n_messages < most
            && let Some(body) = self.decoder.lone(input)
        {
            take(Message::from(body));
            n_messages += 1;
        }
        self.seen = input.len();
        n_messages
    }

    /// The bytes still missing for the frame at hand when `buffered` are there, 0 if unknown.
    ///
    /// Ask after [`Session::poll_event`] said `None`. The length was checked against the
    /// limits: it may be reserved.
    pub fn wanted(&self, buffered: usize) -> usize {
        self.decoder.wanted(buffered)
    }

    /// When [`Session::handle_timeout`] wants to be called, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Greeting | State::Handshake(_) => self.handshake_ends,
            State::Ready => self.pulse.deadline(),
            State::Failed(_) => None,
        }
    }

    /// Does what is due at `now`: may queue a `PING`. Calling it too early does nothing.
    ///
    /// Give bytes that have arrived to [`Session::poll_event`] first: they are signs of life.
    ///
    /// # Errors
    /// [`Error::HandshakeTimeout`] or [`Error::PeerSilent`]; the session is over then.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        match &self.state {
            State::Greeting | State::Handshake(_) => self.check_patience(now),
            State::Ready => self.beat(now),
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// Says whether the peer's silence means nothing at present.
    ///
    /// Hold while nobody reads (backpressure), and while what is to be written does not move:
    /// a `PING` that has not left cannot be answered. `PING`s still go out. After the release
    /// the patience counts anew. Default: not held.
    pub fn hold_silence(&mut self, held: bool) {
        self.pulse.hold(held);
    }

    /// What the peer told about itself, once [`Event::Ready`] was seen.
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// Writes messages as this peer reads them; ask after [`Event::Ready`].
    pub fn encoder(&self) -> Encoder {
        Encoder::new(self.peer.as_ref().map_or(OUR_MINOR, |it| it.minor))
    }

    /// How many messages were ignored because a `PUB` socket has no use for them.
    pub fn n_ignored(&self) -> u64 {
        self.n_ignored
    }

    /// Everything but short messages; kept out of the way so that their path stays short.
    #[inline(never)]
    fn next_event(&mut self, now: Instant, input: &mut BytesMut) -> Result<Option<Event>, Error> {
        let res = match self.state {
            State::Ready => self.traffic(now, input),
            _ => self.handshake(now, input),
        };
        self.seen = input.len();
        res.map_err(|error| self.fail(error))
    }

    fn fail(&mut self, error: Error) -> Error {
        self.state = State::Failed(error.clone());
        error
    }

    fn check_patience(&mut self, now: Instant) -> Result<(), Error> {
        if self.handshake_ends.is_none_or(|it| now < it) {
            return Ok(());
        }
        Err(self.fail(Error::HandshakeTimeout { after: self.config.handshake_timeout }))
    }

    fn beat(&mut self, now: Instant) -> Result<(), Error> {
        let ping = self.pulse.handle_timeout(now).map_err(|error| self.fail(error))?;
        if let Some(ttl_tenths) = ping {
            self.outbox.ping(ttl_tenths);
        }
        Ok(())
    }

    #[cold]
    fn handshake(&mut self, now: Instant, input: &mut BytesMut) -> Result<Option<Event>, Error> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        if let State::Greeting = self.state {
            let Some(minor) = check_greeting(input)? else {
                return Ok(None);
            };
            input.advance(GREETING_LEN);
            put_ready(&self.config, &mut self.outbox.handshake);
            self.state = State::Handshake(minor);
        }
        let State::Handshake(minor) = self.state else {
            return Ok(None);
        };
        self.await_ready(minor, now, input)
    }

    fn await_ready(
        &mut self,
        minor: u8,
        now: Instant,
        input: &mut BytesMut,
    ) -> Result<Option<Event>, Error> {
        // A message is refused with its first byte, before its length can mean anything.
        if input.first().is_some_and(|flags| flags & !3 == 0) {
            return Err(Violation::MessageBeforeReady.into());
        }
        let Step::Command { size, len } = self.decoder.step(input)? else {
            return Ok(None);
        };
        let peer = match Command::parse(&input[size..size + len])? {
            Command::Ready(data) => self.meet(minor, data)?,
            Command::Error(data) => return Err(refusal(data)),
            other => return Err(Violation::UnexpectedCommand { name: other.name() }.into()),
        };
        input.advance(size + len);
        let heartbeat = self.config.heartbeat.filter(|_| 0 < minor);
        self.pulse.start(heartbeat, now);
        self.peer = Some(peer);
        self.state = State::Ready;
        Ok(Some(Event::Ready))
    }

    /// Describes the peer, or tells it why it is refused.
    fn meet(&mut self, minor: u8, data: &[u8]) -> Result<Peer, Error> {
        let peer = Peer::from_ready(self.config.socket_type, minor, data);
        if let Err(error @ Error::IncompatibleSocketTypes { .. }) = &peer {
            put_error(&error.to_string(), &mut self.outbox.handshake);
        }
        peer
    }

    fn traffic(&mut self, now: Instant, input: &mut BytesMut) -> Result<Option<Event>, Error> {
        loop {
            match self.decoder.step(input)? {
                Step::Hungry => return Ok(None),
                Step::Message(message) if !self.listens => {
                    return Ok(Some(Event::Message(message)));
                }
                Step::Message(message) => match self.upstream(message)? {
                    Some(event) => return Ok(Some(event)),
                    None => self.n_ignored += 1,
                },
                Step::Command { size, len } => {
                    let event = self.command(now, input, size, len)?;
                    input.advance(size + len);
                    if event.is_some() {
                        return Ok(event);
                    }
                }
            }
        }
    }

    /// A message to a publisher: a subscription in the form of 3.0, or, as libzmq does it,
    /// a message for the owner of an `XPUB` and nothing for a `PUB`.
    fn upstream(&self, message: Message) -> Result<Option<Event>, Error> {
        let first = message.body.first().filter(|_| message.head.is_empty());
        match (first, self.config.socket_type) {
            (Some(1), _) => self.prefix(&message.body[1..]).map(|it| Some(Event::Subscribe(it))),
            (Some(0), _) => self.prefix(&message.body[1..]).map(|it| Some(Event::Cancel(it))),
            (_, SocketType::XPub) => Ok(Some(Event::Message(message))),
            _ => Ok(None),
        }
    }

    #[cold]
    fn command(
        &mut self,
        now: Instant,
        input: &[u8],
        size: usize,
        len: usize,
    ) -> Result<Option<Event>, Error> {
        let (frame, rest) = input.split_at(size + len);
        match Command::parse(&frame[size..])? {
            Command::Subscribe(it) if self.listens => Ok(Some(Event::Subscribe(self.prefix(it)?))),
            Command::Cancel(it) if self.listens => Ok(Some(Event::Cancel(self.prefix(it)?))),
            Command::Ping { ttl_tenths, context } => {
                self.outbox.pong(context);
                // Whatever stands behind the PING is already the traffic it promised.
                if 0 < ttl_tenths && rest.is_empty() {
                    self.pulse.promised(now, Duration::from_millis(100) * u32::from(ttl_tenths));
                }
                Ok(None)
            }
            Command::Error(data) => Err(refusal(data)),
            Command::Ready(_) => {
                Err(Violation::UnexpectedCommand { name: "READY".to_owned() }.into())
            }
            Command::Unknown { name, body } => {
                // Copied, as prefixes are: it must pin no read buffer.
                let (name, body) = (Bytes::copy_from_slice(name), Bytes::copy_from_slice(body));
                Ok(Some(Event::Command(Box::new(event::Command { name, body }))))
            }
            Command::Cancel(_) | Command::Pong | Command::Subscribe(_) => Ok(None),
        }
    }

    /// The prefix of a subscription, copied: it is kept for long and must pin no read buffer.
    fn prefix(&self, prefix: &[u8]) -> Result<Bytes, Error> {
        check(Limit::Subscription, prefix.len() as u64, self.config.limits.subscription)?;
        Ok(Bytes::copy_from_slice(prefix))
    }
}
