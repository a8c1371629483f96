//! What nodes and proxies say to each other: a request names an agent and what is wanted of it.

use std::time::Duration;

use gleis_codec::AnyCodec;
use gleis_core::{Name, SocketInfo, Status, Value};
use serde::{Deserialize, Serialize};

use super::want::{PIECE, Want};
use crate::{
    Addr, AgentState, CallError, DeadLetter, Ended, Life, LogLine, MethodInfo, ScriptInfo, TimerId,
    TimerInfo, ring::Page,
};

/// Something that is wanted of an agent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ControlRequest {
    /// Who.
    pub(crate) agent: Name,
    /// The identities of the agents that wait for the answer.
    pub(crate) callers: Vec<Name>,
    /// Their names, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) names: Vec<Name>,
    /// How long the caller waits.
    pub(crate) within: Duration,
    /// What.
    pub(crate) want: Want,
    /// Whether it overtakes what others want.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_urgent: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(it: &bool) -> bool {
    !it
}

impl ControlRequest {
    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        let want = self.want.weight();
        let callers = self.callers.iter().chain(&self.names);
        let callers = callers.map(|it| PIECE + it.as_str().len()).sum::<usize>();
        PIECE + want + callers
    }
}

/// What came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Told {
    Addr(Addr),
    Alias(String),
    Count(usize),
    Done,
    Ended(Ended),
    Flag(bool),
    Ledger(Vec<SocketInfo>),
    Letters(Part<DeadLetter>),
    Life(Life),
    Log(Part<LogLine>),
    Methods(Vec<MethodInfo>),
    Names(Vec<String>),
    Scripts(Vec<ScriptInfo>),
    Sockets(Vec<(String, Addr)>),
    State(AgentState),
    Status(Status),
    Timer(TimerId),
    Timers(Vec<TimerInfo>),
    Value(Value),
}

/// Some of what was read of a node.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Part<T> {
    pub(crate) page: Page<T>,
    /// Which node it is.
    pub(crate) node: Name,
    /// Whether there will be no more.
    pub(crate) is_last: bool,
}

impl Told {
    pub(crate) fn addr(self) -> Result<Addr, Self> {
        match self {
            Self::Addr(addr) => Ok(addr),
            told => Err(told),
        }
    }

    pub(crate) fn count(self) -> Result<usize, Self> {
        match self {
            Self::Count(n) => Ok(n),
            told => Err(told),
        }
    }
}

/// The answer to a request.
pub(crate) type ControlReply = Result<Told, CallError>;

/// What is spoken on control connections: names fields, so either side may be the newer one.
pub(crate) fn codec() -> AnyCodec {
    AnyCodec::Msgpack
}

#[cfg(test)]
mod tests {
    use gleis_codec::Limits;

    use super::*;

    #[track_caller]
    fn check<T: Serialize + 'static>(message: &T, expect: &str) {
        let wire = codec().encode(message, &Limits::default()).unwrap();
        assert_eq!(wire.escape_ascii().to_string(), expect);
    }

    #[test]
    fn requests_and_answers_are_spelled_as_documented() {
        let name = |text: &str| Name::new(text).unwrap();
        let arguments = vec![Value::from("Bob"), Value::from(7_i64)];
        let request = ControlRequest {
            agent: name("Alice"),
            callers: vec![name("0a")],
            names: Vec::new(),
            within: Duration::from_millis(1_500),
            want: Want::Call { method: "hello".to_owned(), arguments },
            is_urgent: false,
        };
        check(
            &request,
            concat!(
                r"\x84\xa5agent\xa5Alice\xa7callers\x91\xa20a",
                r"\xa6within\x82\xa4secs\x01\xa5nanos\xce\x1d\xcde\x00",
                r"\xa4want\x81\xa4Call\x82\xa6method\xa5hello\xa9arguments\x92\x81\xa6String\xa3Bob\x81\xa3I64\x07",
            ),
        );
        let decoded = codec().encode(&request, &Limits::default()).unwrap();
        let decoded: ControlRequest = codec().decode(&decoded, &Limits::default()).unwrap();
        assert!(decoded.names.is_empty());
        let named = ControlRequest { names: vec![name("Bob")], want: Want::Status, ..request };
        check(
            &named,
            concat!(
                r"\x85\xa5agent\xa5Alice\xa7callers\x91\xa20a\xa5names\x91\xa3Bob",
                r"\xa6within\x82\xa4secs\x01\xa5nanos\xce\x1d\xcde\x00\xa4want\xa6Status",
            ),
        );
        let told: ControlReply = Ok(Told::Status(Status::of(gleis_core::Condition::Idle)));
        check(&told, r"\x81\xa2Ok\x81\xa6Status\x82\xa9condition\xa4idle\xa6queued\x00");
        let urgent =
            ControlRequest { names: Vec::new(), want: Want::State, is_urgent: true, ..named };
        check(
            &urgent,
            concat!(
                r"\x85\xa5agent\xa5Alice\xa7callers\x91\xa20a",
                r"\xa6within\x82\xa4secs\x01\xa5nanos\xce\x1d\xcde\x00",
                r"\xa4want\xa5State\xa9is_urgent\xc3",
            ),
        );
        check(&Value::Null, r"\xa4Null");
        check(&Want::State, r"\xa5State");
        let told: ControlReply = Ok(Told::Value(Value::from(42_i64)));
        check(&told, r"\x81\xa2Ok\x81\xa5Value\x81\xa3I64*");
        let addr = Addr::new("tcp://127.0.0.1:7000".parse().unwrap(), crate::Kind::Push);
        let told: ControlReply = Ok(Told::Sockets(vec![("main".to_owned(), addr)]));
        check(
            &told,
            concat!(
                r"\x81\xa2Ok\x81\xa7Sockets\x91\x92\xa4main",
                r"\x83\xa8endpoint\xb4tcp://127.0.0.1:7000\xa4kind\xa4Push\xa5codec\xa7bincode",
            ),
        );
        let fault = crate::Fault::said("no");
        let life = Life { state: AgentState::Restarting(fault), restarts: 2 };
        let told: ControlReply = Ok(Told::Life(life));
        check(
            &told,
            concat!(
                r"\x81\xa2Ok\x81\xa4Life\x82\xa5state\x81\xaaRestarting\x82\xa8panicked\xc2\xa4text\xa2no",
                r"\xa8restarts\x02",
            ),
        );
        let told: ControlReply = Err(CallError::Gone { agent: name("Alice") });
        check(&told, r"\x81\xa3Err\x81\xa4Gone\x81\xa5agent\xa5Alice");
    }

    #[test]
    fn a_request_weighs_what_it_holds() {
        let weigh = |arguments: Vec<Value>| {
            let want = Want::Call { method: "hello".to_owned(), arguments };
            let within = Duration::ZERO;
            let (agent, callers, names) = (Name::random(), Vec::new(), Vec::new());
            ControlRequest { agent, callers, names, within, want, is_urgent: false }.weight()
        };
        let text = Value::from("x".repeat(1_000));
        assert!(1_000 < weigh(vec![text.clone()]));
        assert!(3_000 < weigh(vec![Value::List(vec![text.clone(), text.clone()]), text]));
        assert!(1_000 * size_of::<Value>() < weigh(vec![Value::List(vec![Value::Null; 1_000])]));
    }
}
