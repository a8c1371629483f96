//! A handler that fails costs one message: it is logged, answered, and the channel goes on.

use std::time::Duration;

use gleis_channels::{
    AnyCodec, AsyncReplier, AsyncRequester, Event, Publication, RecvError, Reply, ReplyError,
    RequestError, SyncPublisher, SyncSubscriber,
};
use gleis_codec::Message;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::support::{LONG, Log, Notes, READY, SCHEMES, fresh, soon, until};

type Replier = AsyncReplier<String, String>;
type Requester = AsyncRequester<String, String>;

async fn touchy(message: String) -> Result<String, String> {
    match message.as_str() {
        "error" => Err("out of order".to_owned()),
        "panic" => panic!("out of mind"),
        _ => Ok(message),
    }
}

async fn touchy_by_hand(message: String, reply: Reply<String>) -> Result<(), ReplyError> {
    match message.as_str() {
        "drop" => Ok(()),
        "error" => Err(ReplyError::Gone),
        "panic" => panic!("out of mind"),
        "answered" => {
            reply.send(message).await?;
            panic!("too late to tell")
        }
        _ => reply.send(message).await,
    }
}

async fn ask(requester: &Requester, message: &str) -> Result<String, RequestError> {
    soon(requester.request(message.to_owned()).unwrap().within(LONG)).await
}

#[track_caller]
fn check_failed(answer: &Result<String, RequestError>, expect: &str) {
    let Err(RequestError::Failed { text }) = answer else { panic!("{answer:?}") };
    assert_eq!(text, expect);
}

#[tokio::test]
async fn an_error_and_a_panic_of_a_handler_are_answered_and_logged() {
    for scheme in SCHEMES {
        let log = Log::new();
        let replier = Replier::bind(fresh(scheme)).await.unwrap().serve(touchy);
        let requester = Requester::connect(replier.endpoint()).ready(READY).await.unwrap();
        check_failed(&ask(&requester, "error").await, "out of order");
        check_failed(&ask(&requester, "panic").await, "panicked: out of mind");
        assert_eq!(ask(&requester, "fine").await.unwrap(), "fine");
        let words = ["ERROR", "a handler of requests failed", "peer=", "id="];
        assert_eq!(log.count(&words), 2);
        let stats = replier.stats();
        assert_eq!((stats.asked, stats.failed, stats.answered), (3, 2, 1));
        assert!(stats.is_balanced() && requester.stats().is_balanced());
    }
}

#[tokio::test]
async fn a_handler_that_answers_by_hand_may_fail_as_well() {
    for scheme in SCHEMES {
        let log = Log::new();
        let replier = Replier::bind(fresh(scheme)).await.unwrap().serve_asked(touchy_by_hand);
        let requester = Requester::connect(replier.endpoint()).ready(READY).await.unwrap();
        check_failed(&ask(&requester, "error").await, "requester gone");
        check_failed(&ask(&requester, "panic").await, "panicked: out of mind");
        assert!(matches!(ask(&requester, "drop").await, Err(RequestError::NoReply)));
        assert_eq!(ask(&requester, "answered").await.unwrap(), "answered");
        assert_eq!(ask(&requester, "fine").await.unwrap(), "fine");
        assert_eq!(log.count(&["ERROR", "a handler of requests failed"]), 3);
        let stats = replier.stats();
        assert_eq!((stats.failed, stats.unanswered, stats.answered), (2, 1, 2));
        assert!(stats.is_balanced());
    }
}

#[tokio::test]
async fn a_handler_of_answers_may_fail_and_the_next_one_runs() {
    let (log, notes) = (Log::new(), Notes::default());
    let replier = Replier::bind(fresh("tcp")).await.unwrap().serve(async |it: String| it);
    let requester = Requester::connect(replier.endpoint()).await.unwrap();
    let request = |it: &str| requester.request(it.to_owned()).unwrap();
    let panicking = async |it: String| assert!(it.is_empty(), "out of mind");
    request("a").handler(panicking).send().unwrap();
    let failing = async |_| Err::<(), _>(std::io::Error::other("no"));
    request("b").handler(failing).send().unwrap();
    let note = notes.clone();
    request("c").handler(async move |it| note.add(it)).send().unwrap();
    notes.until(1).await;
    notes.check(&["c"]);
    assert_eq!(log.count(&["ERROR", "a handler of answers failed", "id="]), 2);
}

#[tokio::test]
async fn a_handler_of_publications_may_fail_and_the_next_one_runs() {
    let (log, notes) = (Log::new(), Notes::default());
    let publisher = SyncPublisher::<u32, (), ()>::bind(fresh("tcp")).await.unwrap();
    let note = notes.clone();
    let subscriber = SyncSubscriber::<u32, (), ()>::connect(publisher.endpoint());
    let subscriber = subscriber.on("", move |it: Publication<u32>| {
        note.add(it.message.to_string());
        async move {
            if it.message == 1 {
                panic!("out of mind")
            }
        }
    });
    let _subscriber = subscriber.ready(READY).await.unwrap();
    for n in [1, 2] {
        publisher.publish("topic", n).await.unwrap();
    }
    notes.until(2).await;
    notes.check(&["1", "2"]);
    assert_eq!(log.count(&["ERROR", "a handler of publications failed", "topic=\"topic\""]), 1);
}

/// Asks with a type that the other side does not expect.
async fn misunderstood<Q: Message>(scheme: &str, question: Q) -> RequestError {
    let replier = Replier::bind(fresh(scheme)).await.unwrap().serve(touchy);
    let requester = AsyncRequester::<Q, String>::connect(replier.endpoint()).codec(AnyCodec::Json);
    let requester = requester.await.unwrap();
    let error = soon(requester.request(&question).unwrap()).await.unwrap_err();
    assert_eq!(replier.stats().failed, 1);
    error
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_refused_with_the_reason() {
    for scheme in SCHEMES {
        let error = misunderstood(scheme, 7_u32).await;
        let RequestError::Refused { text } = error else { panic!("{error:?}") };
        assert!(text.contains("cannot decode 1 bytes of json as alloc::string::String"), "{text}");
    }
}

/// A text that some do not want to read, or to say.
#[derive(Clone, Debug, PartialEq)]
struct Touchy(&'static str);

const TEXTS: [&str; 3] = ["fine", "unreadable", "unspeakable"];

impl Serialize for Touchy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        assert!(self.0 != "unspeakable", "out of mind");
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Touchy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        assert!(text != "unreadable", "out of mind");
        Ok(Self(TEXTS.iter().find(|it| **it == text).unwrap()))
    }
}

#[tokio::test]
async fn a_panic_of_what_reads_or_writes_messages_costs_that_message_alone() {
    let replier = AsyncReplier::<Touchy, Touchy>::bind(fresh("tcp")).await.unwrap();
    let replier = replier.serve(async |it: Touchy| match it.0 {
        "fine" => Touchy("fine"),
        _ => Touchy("unspeakable"),
    });
    let requester = AsyncRequester::<String, String>::connect(replier.endpoint()).ready(READY);
    let requester = requester.codec(AnyCodec::Json).await.unwrap();
    for _ in 0..3 {
        let error = ask(&requester, "unreadable").await.unwrap_err();
        let RequestError::Refused { text } = error else { panic!("{error:?}") };
        assert_eq!(text, "panicked: out of mind");
        check_failed(&ask(&requester, "unspeakable").await, "panicked: out of mind");
        assert_eq!(ask(&requester, "fine").await.unwrap(), "fine");
    }
    let answers = Replier::bind(fresh("tcp")).await.unwrap().serve(touchy);
    let asks = AsyncRequester::<String, Touchy>::connect(answers.endpoint()).ready(READY);
    let asks = asks.await.unwrap();
    let heard = Notes::default();
    for text in ["unreadable", "fine", "unreadable", "fine"] {
        let heard = heard.clone();
        let handler = async move |it: Touchy| heard.add(it.0.to_owned());
        asks.request(text.to_owned()).unwrap().handler(handler).send().unwrap();
    }
    soon(heard.until(2)).await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_an_error_of_that_request() {
    let replier = Replier::bind(fresh("tcp")).await.unwrap().serve(touchy);
    let requester = AsyncRequester::<String, bool>::connect(replier.endpoint()).await.unwrap();
    let answer = soon(requester.request("no boolean".to_owned()).unwrap()).await;
    assert!(matches!(answer, Err(RequestError::Decode(_))), "{answer:?}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_encoded_is_an_error_for_both() {
    let replier = AsyncReplier::<u32, f64>::bind(fresh("tcp")).await.unwrap();
    let requester = AsyncRequester::<u32, f64>::connect(replier.endpoint()).codec(AnyCodec::Json);
    let requester = requester.await.unwrap();
    let answer = requester.request(1).unwrap().start();
    let (_, reply) = soon(replier.recv()).await.unwrap();
    assert!(matches!(soon(reply.send(f64::NAN)).await, Err(ReplyError::Encode(_))));
    assert!(matches!(soon(answer).await, Err(RequestError::Failed { .. })));
    assert!(replier.stats().is_balanced());
}

#[tokio::test]
async fn both_sides_may_have_different_codecs() {
    for codec in AnyCodec::BUILT_IN.iter().filter(|it| it.name() != "raw") {
        let replier = Replier::bind(fresh("tcp")).await.unwrap().serve(touchy);
        let requester = Requester::connect(replier.endpoint()).codec(codec.clone()).await.unwrap();
        assert_eq!(ask(&requester, "fine").await.unwrap(), "fine");
    }
}

#[tokio::test]
async fn a_publication_that_cannot_be_read_is_one_error() {
    let publisher = SyncPublisher::<String, (), ()>::bind(fresh("tcp")).codec(AnyCodec::Json);
    let publisher = publisher.await.unwrap();
    let subscriber = SyncSubscriber::<u32, (), ()>::connect(publisher.endpoint()).subscribe("");
    let subscriber = subscriber.ready(READY).await.unwrap();
    for text in ["x", "y"] {
        publisher.send(text.to_owned()).await.unwrap();
        let received = soon(subscriber.recv()).await;
        assert!(matches!(received, Err(RecvError::Decode(_))), "{received:?}");
    }
    subscriber.close().await;
    assert!(matches!(subscriber.recv().await, Err(RecvError::Closed)));
}

#[tokio::test]
async fn by_hand_a_failure_comes_in_the_stream() {
    let publisher = SyncPublisher::<u32, String, String>::bind(fresh("tcp")).await.unwrap();
    let publisher = publisher.serve(touchy);
    let subscriber = SyncSubscriber::<u32, String, String>::connect(publisher.endpoint());
    let subscriber = subscriber.timeout(Duration::from_secs(60)).ready(READY).await.unwrap();
    let asked = subscriber.ask("error".to_owned()).unwrap();
    let Event::Failed { to, error } = soon(subscriber.recv()).await.unwrap() else {
        panic!("a failure");
    };
    assert_eq!((to, error.to_string().as_str()), (asked, "out of order"));
    until(|| subscriber.stats().failed == 1).await;
}
