//! The frames of the link protocol: each is one message of the `zeromq` crate.
//!
//! `docs/wire.md`, "The zeromq engine", says what stands where. Parsing is strict: what is cut short,
//! left over, over a limit or beyond its credit is an error, and nothing is reserved on a length's word.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use gleis_zmtp::{Command, Error, Limit, Limits, Metadata, SocketType, Violation};

use crate::message::{Body, Control, Inbound, Message};
use crate::zmq::amount::Amount;

/// What HELLO and ACCEPT begin with, after their kind.
const MAGIC: &[u8; 5] = b"gleis";
/// The version of the link protocol.
const VERSION: u8 = 1;
/// Bodies from this size on travel as a frame of their own instead of being copied into the batch.
const APART: usize = 16 << 10;
/// A batch of this many bytes takes nothing more.
const FULL: usize = 64 << 10;
/// A received batch below this size is copied, so that it does not keep a whole read buffer alive.
const SMALL: usize = 2 << 10;
/// How many properties a peer may announce, as in ZMTP's READY.
const MAX_PROPERTIES: usize = 64;
/// How much of a reason for refusing is kept.
const MAX_REASON: usize = 255;

const HELLO: u8 = 1;
const ACCEPT: u8 = 2;
const REFUSE: u8 = 3;
const DATA: u8 = 4;
const CREDIT: u8 = 5;
const PING: u8 = 6;
const PONG: u8 = 7;
const BYE: u8 = 8;
const BYE_ACK: u8 = 9;

const MESSAGE: u8 = 0;
const SUBSCRIBE: u8 = 1;
const CANCEL: u8 = 2;
const COMMAND: u8 = 3;

/// One message of the `zeromq` crate, without the identity that a ROUTER puts before it.
pub(super) type Parts = Vec<Bytes>;

/// Who a side is, and what it lets the other one send at first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hello {
    pub(super) credit: Amount,
    pub(super) identity: Bytes,
    pub(super) metadata: Metadata,
    /// Chosen by the connecting side, given back by the other.
    pub(super) nonce: u64,
    pub(super) socket_type: SocketType,
}

/// One side says no.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    /// The same two sides would meet the same answer again.
    pub(super) is_final: bool,
    pub(super) nonce: u64,
    pub(super) reason: String,
}

/// What one side may say to the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Frame {
    Accept(Hello),
    Bye,
    ByeAck,
    Credit(Amount),
    /// Messages and controls, still to be read with [`read_batch`].
    Data(Parts),
    Hello(Hello),
    Ping(u64),
    Pong(u64),
    Refuse(Refusal),
}

impl Frame {
    /// Reads a frame. The items of a batch are read by [`read_batch`], which knows their credit.
    pub(super) fn parse(mut parts: Parts, limits: &Limits) -> Result<Self, Error> {
        let Some(&kind) = parts.first().and_then(|it| it.first()) else {
            return Err(unknown("without a kind"));
        };
        if kind == DATA {
            if let Some(small) = parts.first_mut().filter(|it| it.len() < SMALL) {
                *small = Bytes::copy_from_slice(small);
            }
            return Ok(Self::Data(parts));
        }
        let [only] = &parts[..] else {
            return Err(malformed(name(kind), "more than one part"));
        };
        let mut fields = Fields { name: name(kind), rest: &only[1..] };
        let frame = match kind {
            HELLO => Self::Hello(Hello::parse(&mut fields, limits)?),
            ACCEPT => Self::Accept(Hello::parse(&mut fields, limits)?),
            REFUSE => Self::Refuse(Refusal::parse(&mut fields)?),
            CREDIT => Self::Credit(fields.amount()?),
            PING => Self::Ping(fields.u64()?),
            PONG => Self::Pong(fields.u64()?),
            BYE => Self::Bye,
            BYE_ACK => Self::ByeAck,
            _ => return Err(unknown("of an unknown kind")),
        };
        fields.end()?;
        Ok(frame)
    }

    /// Writes a frame.
    pub(super) fn encode(&self) -> Parts {
        let mut out = BytesMut::new();
        match self {
            Self::Accept(hello) => hello.encode(ACCEPT, &mut out),
            Self::Bye => out.put_u8(BYE),
            Self::ByeAck => out.put_u8(BYE_ACK),
            Self::Credit(amount) => {
                out.put_u8(CREDIT);
                put_amount(*amount, &mut out);
            }
            Self::Data(parts) => return parts.clone(),
            Self::Hello(hello) => hello.encode(HELLO, &mut out),
            Self::Ping(nonce) => {
                out.put_u8(PING);
                out.put_u64(*nonce);
            }
            Self::Pong(nonce) => {
                out.put_u8(PONG);
                out.put_u64(*nonce);
            }
            Self::Refuse(refusal) => refusal.encode(&mut out),
        }
        vec![out.freeze()]
    }
}

impl Hello {
    fn parse(fields: &mut Fields<'_>, limits: &Limits) -> Result<Self, Error> {
        check(Limit::Command, fields.rest.len(), limits.command)?;
        if fields.take(MAGIC.len())? != MAGIC {
            return Err(fields.fault("not the greeting of a gleis link"));
        }
        if fields.u8()? != VERSION {
            return Err(fields.fault("another version of the link protocol"));
        }
        let nonce = fields.u64()?;
        let credit = fields.amount()?;
        let socket_type = fields.short()?;
        let socket_type = str::from_utf8(socket_type).ok().and_then(|it| it.parse().ok());
        let socket_type = socket_type.ok_or_else(|| fields.fault("unknown socket type"))?;
        let identity = Bytes::copy_from_slice(fields.short()?);
        // As in READY: those that begin so are invented by a ROUTER, and no peer announces one.
        let identity = if identity.first() == Some(&0) { Bytes::new() } else { identity };
        let metadata = fields.metadata()?;
        Ok(Self { credit, identity, metadata, nonce, socket_type })
    }

    fn encode(&self, kind: u8, out: &mut BytesMut) {
        out.put_u8(kind);
        out.put_slice(MAGIC);
        out.put_u8(VERSION);
        out.put_u64(self.nonce);
        put_amount(self.credit, out);
        put_short(self.socket_type.as_str().as_bytes(), out);
        put_short(&self.identity, out);
        for (name, value) in self.metadata.iter() {
            put_short(name.as_bytes(), out);
            out.put_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
            out.put_slice(value);
        }
    }
}

/// The number of a HELLO, which stands in the same place in every version.
pub(super) fn nonce_of(parts: &[Bytes]) -> Option<u64> {
    let greeting = parts.first()?.strip_prefix(&[HELLO])?.strip_prefix(MAGIC)?;
    let (_version, rest) = greeting.split_first()?;
    rest.first_chunk().map(|it| u64::from_be_bytes(*it))
}

impl Refusal {
    fn parse(fields: &mut Fields<'_>) -> Result<Self, Error> {
        let is_final = match fields.u8()? {
            0 => false,
            1 => true,
            _ => return Err(fields.fault("neither for now nor for good")),
        };
        let nonce = fields.u64()?;
        let rest = std::mem::take(&mut fields.rest);
        let reason = rest[..rest.len().min(MAX_REASON)].escape_ascii().to_string();
        Ok(Self { is_final, nonce, reason })
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_u8(REFUSE);
        out.put_u8(u8::from(self.is_final));
        out.put_u64(self.nonce);
        out.put_slice(self.reason.as_bytes());
    }
}

/// Messages and controls on their way into one message of the `zeromq` crate.
#[derive(Debug)]
pub(super) struct Batch {
    apart: Parts,
    head: BytesMut,
    len: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        let mut head = BytesMut::new();
        head.put_u8(DATA);
        Self { apart: Vec::new(), head, len: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.len() == 1
    }

    pub(super) fn is_full(&self) -> bool {
        FULL <= self.len
    }

    /// Appends an item. A body that is not bytes was encoded before it came here.
    pub(super) fn push(&mut self, item: &Inbound) {
        match item {
            Inbound::Control(Control::Cancel(prefix)) => self.control(CANCEL, prefix),
            Inbound::Control(Control::Command(it)) => {
                self.control(COMMAND, &it.name);
                self.frame(&it.body);
            }
            Inbound::Control(Control::Subscribe(prefix)) => self.control(SUBSCRIBE, prefix),
            Inbound::Message(message) => self.message(message),
        }
    }

    fn control(&mut self, tag: u8, first: &Bytes) {
        self.head.put_u8(tag);
        self.frame(first);
    }

    fn message(&mut self, message: &Message) {
        let Body::Bytes(body) = &message.body else {
            return;
        };
        self.head.put_u8(MESSAGE);
        put_varint(message.head.len() as u64 + 1, &mut self.head);
        for frame in message.head.clone().into_vec() {
            self.frame(&frame);
        }
        self.frame(body);
    }

    fn frame(&mut self, frame: &Bytes) {
        let is_apart = APART <= frame.len();
        put_varint((frame.len() as u64) << 1 | u64::from(is_apart), &mut self.head);
        if is_apart {
            self.apart.push(frame.clone());
        } else {
            self.head.put_slice(frame);
        }
        self.len += frame.len() + 4;
    }

    pub(super) fn into_parts(self) -> Parts {
        let mut parts = vec![self.head.freeze()];
        parts.extend(self.apart);
        parts
    }
}

/// Reads the items of a batch; each is shown to `charge` before it is kept.
pub(super) fn read_batch(
    parts: Parts,
    limits: &Limits,
    mut charge: impl FnMut(&Inbound) -> Result<(), Error>,
) -> Result<Vec<Inbound>, Error> {
    let mut parts = parts.into_iter();
    let mut head = parts.next().unwrap_or_default();
    // The kind was looked at.
    head.advance(head.len().min(1));
    let mut items = Vec::new();
    let mut reader = Reader { apart: parts, head, limits };
    while !reader.head.is_empty() {
        let item = reader.item()?;
        charge(&item)?;
        items.push(item);
    }
    match reader.apart.next() {
        None => Ok(items),
        Some(_) => Err(malformed("DATA", "parts left over")),
    }
}

struct Reader<'a> {
    apart: std::vec::IntoIter<Bytes>,
    head: Bytes,
    limits: &'a Limits,
}

impl Reader<'_> {
    fn item(&mut self) -> Result<Inbound, Error> {
        match self.u8()? {
            MESSAGE => self.message().map(Inbound::Message),
            SUBSCRIBE => self.prefix().map(|it| Inbound::Control(Control::Subscribe(it))),
            CANCEL => self.prefix().map(|it| Inbound::Control(Control::Cancel(it))),
            COMMAND => self.command().map(|it| Inbound::Control(Control::Command(Box::new(it)))),
            _ => Err(malformed("DATA", "unknown item")),
        }
    }

    fn message(&mut self) -> Result<Message, Error> {
        let n_frames = self.varint()?;
        if n_frames == 0 {
            return Err(malformed("DATA", "a message without a frame"));
        }
        check(Limit::Parts, n_frames, self.limits.parts)?;
        let mut head = Vec::new();
        let mut total = 0;
        for _ in 1..n_frames {
            head.push(self.part_of_message(&mut total)?);
        }
        let body = self.part_of_message(&mut total)?;
        Ok(Message { head: head.into(), body: Body::Bytes(body) })
    }

    fn part_of_message(&mut self, total: &mut usize) -> Result<Bytes, Error> {
        let frame = self.frame(Limit::Frame, self.limits.frame)?;
        *total = total.saturating_add(frame.len());
        check(Limit::Message, *total, self.limits.message)?;
        Ok(frame)
    }

    fn prefix(&mut self) -> Result<Bytes, Error> {
        // Copied: it stays as long as the subscription does, and must not pin the batch.
        let prefix = self.frame(Limit::Subscription, self.limits.subscription)?;
        Ok(Bytes::copy_from_slice(&prefix))
    }

    fn command(&mut self) -> Result<Command, Error> {
        let allowed = self.limits.command;
        let name = self.frame(Limit::Command, allowed)?;
        let body = self.frame(Limit::Command, allowed)?;
        check(Limit::Command, name.len() + body.len(), allowed)?;
        // Copied, as prefixes are.
        let (name, body) = (Bytes::copy_from_slice(&name), Bytes::copy_from_slice(&body));
        Ok(Command { name, body })
    }

    fn frame(&mut self, limit: Limit, allowed: usize) -> Result<Bytes, Error> {
        let announced = self.varint()?;
        let len = announced >> 1;
        check(limit, len, allowed)?;
        let cut_short = || malformed("DATA", "a frame cut short");
        let len = usize::try_from(len).map_err(|_| cut_short())?;
        if announced & 1 == 0 {
            return if len <= self.head.len() {
                Ok(self.head.split_to(len))
            } else {
                Err(cut_short())
            };
        }
        let apart = self.apart.next().ok_or_else(cut_short)?;
        if apart.len() == len { Ok(apart) } else { Err(cut_short()) }
    }

    fn u8(&mut self) -> Result<u8, Error> {
        self.head.try_get_u8().map_err(|_| malformed("DATA", "cut short"))
    }

    /// The shortest form only: a number has one spelling.
    fn varint(&mut self) -> Result<u64, Error> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7F);
            if (bits << shift) >> shift != bits || (byte == 0 && 0 < shift) {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(malformed("DATA", "a number that is not one"))
    }
}

/// The fields of a frame that is no batch.
struct Fields<'a> {
    name: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let cut_short = self.fault("cut short");
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(cut_short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }

    fn u64(&mut self) -> Result<u64, Error> {
        let mut bytes = self.take(8)?;
        Ok(bytes.get_u64())
    }

    fn amount(&mut self) -> Result<Amount, Error> {
        Ok(Amount { messages: self.u64()?, bytes: self.u64()? })
    }

    /// Up to 255 bytes after their number.
    fn short(&mut self) -> Result<&'a [u8], Error> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    fn metadata(&mut self) -> Result<Metadata, Error> {
        let mut metadata = Metadata::new();
        while !self.rest.is_empty() {
            let name = self.short()?;
            let mut len = self.take(4)?;
            let len = usize::try_from(len.get_u32()).unwrap_or(usize::MAX);
            let value = Bytes::copy_from_slice(self.take(len)?);
            let bad = self.fault("bad property name");
            let name = str::from_utf8(name).map_err(|_| bad.clone())?;
            if metadata.get(name).is_some() {
                return Err(self.fault("property given twice"));
            }
            metadata.insert(name, value).map_err(|_| bad)?;
            check(Limit::Properties, metadata.len(), MAX_PROPERTIES)?;
        }
        Ok(metadata)
    }

    fn end(&self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.fault("bytes left over")) }
    }

    fn fault(&self, fault: &'static str) -> Error {
        malformed(self.name, fault)
    }
}

fn put_amount(amount: Amount, out: &mut BytesMut) {
    out.put_u64(amount.messages);
    out.put_u64(amount.bytes);
}

/// At most 255 bytes; who announces more was refused before.
fn put_short(bytes: &[u8], out: &mut BytesMut) {
    let len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    out.put_u8(len);
    out.put_slice(&bytes[..usize::from(len)]);
}

fn put_varint(mut number: u64, out: &mut BytesMut) {
    while 0x7F < number {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

fn check(limit: Limit, announced: impl TryInto<u64>, allowed: usize) -> Result<(), Error> {
    let announced = announced.try_into().unwrap_or(u64::MAX);
    let allowed = allowed as u64;
    if announced <= allowed {
        return Ok(());
    }
    Err(Error::LimitExceeded { limit, announced, allowed })
}

fn name(kind: u8) -> &'static str {
    match kind {
        HELLO => "HELLO",
        ACCEPT => "ACCEPT",
        REFUSE => "REFUSE",
        CREDIT => "CREDIT",
        PING => "PING",
        PONG => "PONG",
        BYE => "BYE",
        BYE_ACK => "BYE-ACK",
        _ => "unnamed",
    }
}

fn unknown(fault: &'static str) -> Error {
    malformed("unnamed", fault)
}

/// The frame called `name` breaks the protocol.
pub(super) fn malformed(name: &'static str, fault: &'static str) -> Error {
    Error::Protocol(Violation::MalformedCommand { command: name, fault })
}

#[cfg(test)]
mod tests;
