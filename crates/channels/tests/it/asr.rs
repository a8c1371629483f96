//! osBrain's asynchronous requests: ASR01 to ASR06.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_channels::{AsyncReplier, AsyncRequester, Endpoint, Reply, RequestError};
use gleis_patterns::{Multipart, Router};
use tokio::sync::{Notify, Semaphore};

use crate::support::{LONG, Log, Notes, READY, SCHEMES, fresh, soon};

type Replier = AsyncReplier<String, String>;
type Requester = AsyncRequester<String, String>;

const SHORT: Duration = Duration::from_millis(30);

/// A requester that writes its answers down.
async fn noting(at: &Endpoint, notes: &Notes) -> Requester {
    let notes = notes.clone();
    let requester = Requester::connect(at.clone()).handler(move |answer: String| {
        notes.add(answer);
        async {}
    });
    requester.ready(READY).timeout(LONG).await.unwrap()
}

#[tokio::test]
async fn asr01_replies_come_when_they_are_ready_and_each_server_is_first_in_first_out() {
    for scheme in SCHEMES {
        let notes = Notes::default();
        let (mut servers, mut clients, mut gates) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..2 {
            let gate = Arc::new(Semaphore::new(0));
            let (here, order) = (gate.clone(), notes.clone());
            let server = Replier::bind(fresh(scheme)).await.unwrap();
            let server = server.serve(move |message| {
                let (gate, order) = (here.clone(), order.clone());
                async move {
                    order.add(format!("begun {message}"));
                    gate.acquire().await.unwrap().forget();
                    format!("x{message}")
                }
            });
            clients.push(noting(server.endpoint(), &notes).await);
            servers.push(server);
            gates.push(gate);
        }
        for (client, message) in [(0, "foo"), (0, "bar"), (1, "qux")] {
            clients[client].send(message.to_owned()).unwrap();
        }
        notes.until(2).await;
        assert_eq!(clients[0].in_flight(), 2);
        gates[1].add_permits(1);
        notes.until(3).await;
        gates[0].add_permits(1);
        notes.until(5).await;
        gates[0].add_permits(1);
        notes.until(6).await;
        let all = notes.all();
        let of = |begun| all.iter().filter(move |it| it.starts_with("begun ") == begun);
        assert!(of(false).eq(["xqux", "xfoo", "xbar"]), "{all:?}");
        // The other server begins when it likes.
        let first: Vec<_> = of(true).filter(|it| *it != "begun qux").collect();
        assert_eq!(first, ["begun foo", "begun bar"]);
        assert_eq!((clients[0].in_flight(), clients[1].in_flight()), (0, 0));
    }
}

#[tokio::test]
async fn asr02_a_replier_may_answer_early_and_go_on_working() {
    for scheme in SCHEMES {
        let (notes, go_on) = (Notes::default(), Arc::new(Notify::new()));
        let server = Replier::bind(fresh(scheme)).await.unwrap();
        let (order, waiting) = (notes.clone(), go_on.clone());
        let server = server.serve_asked(move |message, reply: Reply<String>| {
            let (order, waiting) = (order.clone(), waiting.clone());
            async move {
                reply.send(format!("early {message}")).await?;
                waiting.notified().await;
                order.add("worked on");
                Ok::<_, gleis_channels::ReplyError>(())
            }
        });
        let client = noting(server.endpoint(), &notes).await;
        client.send("foo".to_owned()).unwrap();
        notes.until(1).await;
        notes.check(&["early foo"]);
        go_on.notify_one();
        notes.until(2).await;
        notes.check(&["early foo", "worked on"]);
    }
}

#[tokio::test]
async fn asr03_a_reply_to_an_unknown_request_is_ignored_with_a_warning() {
    for scheme in SCHEMES {
        let (log, notes) = (Log::new(), Notes::default());
        // One that answers, whether anybody waits or not.
        let server = Router::<Multipart>::bind(fresh(scheme)).await.unwrap();
        let client = noting(server.endpoint(), &notes).await;
        let request = client.send("foo".to_owned()).unwrap();
        let (peer, asked) = soon(server.recv()).await.unwrap();
        assert!(client.cancel(request) && !client.cancel(request));
        let id = [b"A", &asked.frames[0][1..9]].concat();
        let late = Multipart::new([Bytes::from(id), Bytes::from_static(b"\x04late")]);
        soon(server.send_to(&peer, late)).await.unwrap();
        crate::support::until(|| client.stats().late == 1).await;
        assert_eq!(log.count(&["WARN", "reply to an unknown request"]), 1);
        assert_eq!(client.in_flight(), 0);
        notes.check(&[]);
    }
}

#[tokio::test]
async fn asr04_a_reply_in_time_is_handled() {
    for scheme in SCHEMES {
        let notes = Notes::default();
        let server = Replier::bind(fresh(scheme)).await.unwrap();
        let server = server.serve(async |message: String| format!("x{message}"));
        let client = noting(server.endpoint(), &notes).await;
        let request = client.request("foo".to_owned()).unwrap().within(READY);
        request.send().unwrap();
        notes.until(1).await;
        notes.check(&["xfoo"]);
        assert!(client.stats().is_balanced() && client.stats().answered == 1);
    }
}

#[tokio::test]
async fn asr05_without_a_reply_in_time_a_warning_is_logged_and_the_late_one_is_ignored() {
    for scheme in SCHEMES {
        let (log, notes) = (Log::new(), Notes::default());
        let server = Replier::bind(fresh(scheme)).await.unwrap();
        let client = noting(server.endpoint(), &notes).await;
        client.request("foo".to_owned()).unwrap().within(SHORT).send().unwrap();
        assert_eq!(client.in_flight(), 1);
        let (_, reply) = soon(server.recv()).await.unwrap();
        crate::support::until(|| client.in_flight() == 0).await;
        crate::support::until(|| log.count(&["WARN", "a request has no answer"]) == 1).await;
        reply.send("late".to_owned()).await.unwrap();
        crate::support::until(|| client.stats().late == 1).await;
        assert_eq!(log.count(&["WARN", "reply to an unknown request"]), 1);
        assert_eq!((client.stats().expired, notes.len()), (1, 0));
    }
}

#[tokio::test]
async fn asr06_on_error_runs_exactly_once() {
    for scheme in SCHEMES {
        let (log, notes) = (Log::new(), Notes::default());
        let server = Replier::bind(fresh(scheme)).await.unwrap();
        let client = noting(server.endpoint(), &notes).await;
        let errors = notes.clone();
        let on_error = async move |error: RequestError| {
            assert!(matches!(error, RequestError::DeadlineExceeded { sent: true }), "{error:?}");
            errors.add("no reply");
        };
        let request = client.request("foo".to_owned()).unwrap();
        request.within(SHORT).on_error(on_error).send().unwrap();
        let (_, reply) = soon(server.recv()).await.unwrap();
        notes.until(1).await;
        reply.send("late".to_owned()).await.unwrap();
        crate::support::until(|| client.stats().late == 1).await;
        notes.check(&["no reply"]);
        assert_eq!(log.count(&["a request has no answer"]), 0);
    }
}
