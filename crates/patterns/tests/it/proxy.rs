//! What passes through a proxy, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{
    AnyCodec, Dealer, Event, Multipart, Proxy, ProxyHandle, Publisher, Pull, Push, RecvError,
    Replier, RequestError, Requester, Router, Subscriber, XPub, XSub,
};
use gleis_transport::SocketType;
use tokio::task::JoinHandle;

use crate::support::{NATIVE, SCHEMES, fresh, inproc, message, soon, stranger, text, until};

/// A queue, and the two places where it is reached.
struct Queue {
    clients: Arc<Router<Multipart>>,
    proxy: ProxyHandle,
    workers: Arc<Dealer<Multipart>>,
}

impl Queue {
    async fn open(front: &str, back: &str) -> Self {
        Self::with_room(front, back, 1_000).await
    }

    async fn with_room(front: &str, back: &str, room: usize) -> Self {
        let clients = Router::bind(fresh(front)).high_water(room).await.unwrap();
        let workers = Dealer::bind(fresh(back)).high_water(room).await.unwrap();
        let (clients, workers) = (Arc::new(clients), Arc::new(workers));
        let proxy = Proxy::queue(clients.clone(), workers.clone()).start();
        Self { clients, proxy, workers }
    }

    async fn client(&self) -> Requester<u32, String> {
        Requester::connect(self.clients.endpoint()).await.unwrap()
    }

    /// A worker that answers all it is asked.
    async fn worker(&self) -> JoinHandle<()> {
        let replier = Replier::<u32, String>::connect(self.workers.endpoint()).await.unwrap();
        tokio::spawn(async move {
            while let Ok((n, reply)) = replier.recv().await {
                // Whoever asked may be gone already.
                let _ = reply.send(n.to_string()).await;
            }
        })
    }
}

#[tokio::test]
async fn requests_pass_a_queue_and_answers_come_back_to_whoever_asked() {
    for front in SCHEMES {
        for back in SCHEMES {
            let queue = Queue::open(front, back).await;
            let (one, two) = (queue.worker().await, queue.worker().await);
            let (anna, bert) = (queue.client().await, queue.client().await);
            for n in 0..20 {
                let asked = soon(futures::future::join(anna.request(n), bert.request(n + 100)));
                let (a, b) = asked.await;
                assert_eq!((a.unwrap(), b.unwrap()), (n.to_string(), (n + 100).to_string()));
            }
            let stats = soon(queue.proxy.stop()).await;
            assert_eq!((stats.forward.taken, stats.forward.passed), (40, 40), "{front} {back}");
            assert_eq!((stats.backward.taken, stats.backward.passed), (40, 40), "{front} {back}");
            one.abort();
            two.abort();
        }
    }
}

#[tokio::test]
async fn errors_and_missing_answers_pass_too() {
    let queue = Queue::open("tcp", "inproc").await;
    let client = queue.client().await;
    let replier = Replier::<u32, String>::connect(queue.workers.endpoint()).await.unwrap();
    let answering = async {
        soon(replier.recv()).await.unwrap().1.fail("no such number").await.unwrap();
        drop(soon(replier.recv()).await.unwrap());
    };
    let asking = async {
        let first = client.request(1).await;
        (first, client.request(2).await)
    };
    let ((first, second), ()) = soon(futures::future::join(asking, answering)).await;
    assert!(matches!(first, Err(RequestError::Remote { text }) if text == "no such number"));
    assert!(matches!(second, Err(RequestError::NoReply)), "{second:?}");
}

#[tokio::test]
async fn a_foreign_req_and_a_foreign_rep_talk_through_a_queue() {
    let queue = Queue::open("tcp", "tcp").await;
    let (asks, mut hears) = stranger(SocketType::Req, queue.clients.endpoint()).await.split();
    let (answers, mut asked) = stranger(SocketType::Rep, queue.workers.endpoint()).await.split();
    asks.try_send(message(&["", "ask"])).unwrap();
    let mut batch = Vec::new();
    soon(asked.recv_many(&mut batch)).await.unwrap();
    let Some(gleis_transport::Inbound::Message(it)) = batch.pop() else { panic!("no message") };
    assert_eq!(it.head.iter().map(<[u8]>::len).collect::<Vec<_>>(), [5, 0]);
    let answer = gleis_transport::Message::multipart(it.head, "answer");
    answers.try_send(answer).unwrap();
    let mut batch = Vec::new();
    soon(hears.recv_many(&mut batch)).await.unwrap();
    assert_eq!(text(batch), "|answer");
}

#[tokio::test]
async fn workers_may_die_and_others_come() {
    let queue = Queue::open("tcp", "tcp").await;
    let client = queue.client().await;
    for n in 0..5 {
        // Nobody works: the request waits.
        let mut asking = Box::pin(client.request(n).into_future());
        assert!(futures::poll!(&mut asking).is_pending());
        let worker = queue.worker().await;
        assert_eq!(soon(asking).await.unwrap(), n.to_string());
        worker.abort();
        until(|| queue.workers.peers().is_empty()).await;
    }
    assert!(queue.proxy.is_running());
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_does_not_end_it() {
    let queue = Queue::open("inproc", "inproc").await;
    let replier = Replier::<u32, String>::connect(queue.workers.endpoint()).await.unwrap();
    let client = queue.client().await;
    let mut asking = Box::pin(client.request(1).into_future());
    assert!(futures::poll!(&mut asking).is_pending());
    let (_, reply) = soon(replier.recv()).await.unwrap();
    drop(asking);
    drop(client);
    until(|| queue.clients.peers().is_empty()).await;
    soon(reply.send("late".to_owned())).await.unwrap();
    until(|| queue.proxy.stats().backward.dropped == 1).await;
    let client = queue.client().await;
    let answering = async {
        let (n, reply) = soon(replier.recv()).await.unwrap();
        reply.send(n.to_string()).await.unwrap();
    };
    let (answer, ()) = soon(futures::future::join(client.request(2), answering)).await;
    assert_eq!(answer.unwrap(), "2");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answers_is_sent_away() {
    let short = Duration::from_millis(20);
    let clients = Router::<Multipart>::bind(inproc()).send_timeout(short).await.unwrap();
    let workers = Dealer::<Multipart>::bind(inproc()).await.unwrap();
    let (clients, workers) = (Arc::new(clients), Arc::new(workers));
    let proxy = Proxy::queue(clients.clone(), workers.clone()).start();
    let worker = Dealer::<Multipart>::connect(workers.endpoint()).await.unwrap();
    let lazy = Dealer::<Multipart>::connect(clients.endpoint());
    let lazy = lazy.identity("lazy").high_water(1).await.unwrap();
    let keen = Dealer::<Multipart>::connect(clients.endpoint()).identity("keen").await.unwrap();
    soon(clients.wait_for_peers(2)).await;
    let mut events = clients.events();
    for body in ["1", "2"] {
        soon(worker.send(Multipart::new(["lazy", body]))).await.unwrap();
    }
    soon(worker.send(Multipart::new(["keen", "3"]))).await.unwrap();
    assert_eq!(soon(keen.recv()).await.unwrap(), Multipart::new(["3"]));
    let reason = loop {
        match soon(events.recv()).await {
            Some(Event::Refused { reason, .. }) => break reason,
            Some(_) => (),
            None => panic!("nobody was sent away"),
        }
    };
    assert!(reason.contains("does not take its answers"), "{reason}");
    let passage = proxy.stats().backward;
    assert_eq!((passage.passed, passage.dropped), (2, 1));
    assert_eq!(soon(lazy.recv()).await.unwrap(), Multipart::new(["1"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_full_is_no_deadlock() {
    for scheme in SCHEMES {
        let queue = Queue::with_room(scheme, scheme, 2).await;
        let workers = [queue.worker().await, queue.worker().await];
        let clients: Vec<_> = [queue.client().await, queue.client().await, queue.client().await]
            .into_iter()
            .map(|client| {
                tokio::spawn(async move {
                    let all = (0..300).map(|n| client.request(n).within(Duration::from_secs(25)));
                    for (n, answer) in futures::future::join_all(all).await.iter().enumerate() {
                        assert_eq!(answer.as_ref().unwrap(), &n.to_string());
                    }
                })
            })
            .collect();
        for client in clients {
            soon(client).await.unwrap();
        }
        workers.iter().for_each(JoinHandle::abort);
    }
}

#[tokio::test]
async fn what_nobody_takes_is_not_taken() {
    let pull = Arc::new(Pull::<Multipart>::bind(inproc()).high_water(4).await.unwrap());
    let push = Push::<Multipart>::bind(inproc()).high_water(4).await.unwrap();
    let proxy = Proxy::streamer(pull.clone(), push).start();
    let from = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    for n in 0..4 {
        soon(from.send(n)).await.unwrap();
    }
    let mut fifth = Box::pin(from.send(5));
    for _ in 0..100 {
        assert!(futures::poll!(&mut fifth).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!((proxy.stats().forward.taken, pull.stats().received.queued), (0, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pausing_and_stopping_lose_nothing_and_keep_the_order() {
    const N: u32 = 2_000;
    for scheme in SCHEMES {
        let pull = Arc::new(Pull::<Multipart>::bind(fresh(scheme)).await.unwrap());
        let push = Arc::new(Push::<Multipart>::bind(fresh(scheme)).await.unwrap());
        let proxy = Proxy::streamer(pull.clone(), push.clone()).start();
        // The codec of the two is nobody's business.
        let json = AnyCodec::Json;
        let from = Push::<u32>::connect(pull.endpoint()).codec(json.clone()).await.unwrap();
        let to = Pull::<u32>::connect(push.endpoint()).codec(json).await.unwrap();
        let sending = tokio::spawn(async move {
            for n in 0..N {
                from.send(n).await.unwrap();
            }
            from
        });
        let mut next = 0;
        for _ in 0..5 {
            soon(proxy.pause()).await;
            let before = proxy.stats().forward;
            tokio::task::yield_now().await;
            assert_eq!(proxy.stats().forward, before, "{scheme}");
            soon(proxy.resume()).await;
            for _ in 0..100 {
                assert_eq!(soon(to.recv()).await.unwrap(), next, "{scheme}");
                next += 1;
            }
        }
        let receiving = tokio::spawn(async move {
            while next < N {
                assert_eq!(to.recv().await.unwrap(), next);
                next += 1;
            }
        });
        let from = soon(sending).await.unwrap();
        until(|| pull.stats().received.offered == u64::from(N)).await;
        let stats = soon(proxy.stop()).await;
        soon(receiving).await.unwrap();
        assert_eq!((stats.forward.taken, stats.forward.passed), (2_000, 2_000), "{scheme}");
        assert!(!proxy.is_running() && from.stats().sent.is_balanced());
        // Stopped it stays.
        soon(proxy.resume()).await;
        assert_eq!(soon(proxy.stop()).await, stats);
    }
}

#[tokio::test]
async fn a_capture_sees_both_directions_and_holds_up_nothing() {
    let clients = Router::<Multipart>::bind(inproc()).await.unwrap();
    let workers = Dealer::<Multipart>::bind(inproc()).await.unwrap();
    let (front, back) = (clients.endpoint().clone(), workers.endpoint().clone());
    let publisher = Publisher::<Multipart>::bind(inproc()).await.unwrap();
    let watcher = Subscriber::<Multipart>::connect(publisher.endpoint());
    let watcher = watcher.subscribe("").ready(Duration::from_secs(10)).await.unwrap();
    let _proxy = Proxy::queue(clients, workers).capture(publisher).start();
    let client = Dealer::<Multipart>::connect(&front).identity("anna").await.unwrap();
    let worker = Dealer::<Multipart>::connect(&back).await.unwrap();
    soon(client.send(Multipart::new(["", "ask"]))).await.unwrap();
    let mut asked = soon(worker.recv()).await.unwrap();
    asked.frames[2] = Bytes::from_static(b"answer");
    soon(worker.send(asked)).await.unwrap();
    assert_eq!(soon(client.recv()).await.unwrap(), Multipart::new(["", "answer"]));
    for (topic, body) in [("forward", "ask"), ("backward", "answer")] {
        let it = soon(watcher.recv()).await.unwrap();
        assert_eq!(
            (&it.topic[..], it.message),
            (topic.as_bytes(), ["anna", "", body].into_iter().collect())
        );
    }
}

#[tokio::test]
async fn what_a_capture_has_no_room_for_is_counted() {
    let pull = Pull::<Multipart>::bind(inproc()).await.unwrap();
    let push = Push::<Multipart>::bind(inproc()).await.unwrap();
    let (at, behind) = (pull.endpoint().clone(), push.endpoint().clone());
    let capture = Push::<Multipart>::bind(inproc()).await.unwrap();
    let watcher = Pull::<Multipart>::connect(capture.endpoint()).high_water(2).await.unwrap();
    soon(capture.wait_for_peers(1)).await;
    let proxy = Proxy::streamer(pull, push).capture(capture).start();
    let from = Push::<u32>::connect(&at).await.unwrap();
    let to = Pull::<u32>::connect(&behind).await.unwrap();
    for n in 0..10 {
        soon(from.send(n)).await.unwrap();
        assert_eq!(soon(to.recv()).await.unwrap(), n);
    }
    let stats = proxy.stats();
    assert_eq!((stats.captured, stats.uncaptured), (2, 8));
    assert_eq!(watcher.stats().received.queued, 2);
}

#[tokio::test]
async fn a_forwarder_asks_only_for_what_is_wanted_behind_it() {
    for scheme in SCHEMES {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let from = XSub::<Multipart>::connect(publisher.endpoint()).await.unwrap();
        let to = XPub::<Multipart>::bind(fresh(scheme)).await.unwrap();
        let behind = to.endpoint().clone();
        let proxy = Proxy::forwarder(from, to).start();
        let it = Subscriber::<u32>::connect(&behind).subscribe("eu.").await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        soon(publisher.publish("us.ny", 1)).await.unwrap();
        soon(publisher.publish("eu.de", 2)).await.unwrap();
        let got = soon(it.recv()).await.unwrap();
        assert_eq!((&got.topic[..], got.message), (&b"eu.de"[..], 2), "{scheme}");
        assert_eq!(publisher.stats().sent.dropped.no_subscriber, 1);
        drop(it);
        until(|| publisher.subscribers() == 0).await;
        let stats = soon(proxy.stop()).await;
        assert_eq!((stats.forward.passed, stats.backward.passed), (1, 2), "{scheme}");
    }
}

/// Receives until a message of this number; how many came and how many were missed.
async fn drain(it: &Subscriber<u32>, last: u32) -> (u64, u64) {
    let (mut n_received, mut n_missed) = (0, 0);
    loop {
        match soon(it.recv()).await {
            Ok(publication) if publication.message == last => return (n_received + 1, n_missed),
            Ok(_) => n_received += 1,
            Err(RecvError::Gap { missed, .. }) => n_missed += missed,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn what_a_forwarder_missed_all_behind_it_are_told() {
    const LAST: u32 = 1_000_000;
    for scheme in NATIVE {
        let publisher = Publisher::<u32>::bind(fresh("inproc")).await.unwrap();
        let from = XSub::<Multipart>::connect(publisher.endpoint()).high_water(4).await.unwrap();
        let to = XPub::<Multipart>::bind(fresh(scheme)).await.unwrap();
        let behind = to.endpoint().clone();
        let proxy = Proxy::forwarder(from, to).start();
        let one = Subscriber::<u32>::connect(&behind).subscribe("a").await.unwrap();
        let two = Subscriber::<u32>::connect(&behind).subscribe("b").await.unwrap();
        let idle = Subscriber::<u32>::connect(&behind).await.unwrap();
        until(|| proxy.stats().backward.passed == 2).await;
        soon(proxy.pause()).await;
        let mut n_published = 0;
        while publisher.stats().sent.dropped.full < 20 {
            soon(publisher.publish("a", n_published)).await.unwrap();
            n_published += 1;
        }
        soon(proxy.resume()).await;
        for topic in ["a", "b"] {
            until(|| publisher.try_publish(topic, LAST).is_ok()).await;
        }
        assert_eq!(drain(&one, LAST).await, (u64::from(n_published) + 1 - 20, 20), "{scheme}");
        assert_eq!(drain(&two, LAST).await, (1, 20), "{scheme}");
        // Whoever wanted nothing then has missed nothing.
        idle.subscribe("c");
        until(|| proxy.stats().backward.passed == 3).await;
        until(|| publisher.try_publish("c", LAST).is_ok()).await;
        assert_eq!(drain(&idle, LAST).await, (1, 0), "{scheme}");
    }
}

#[tokio::test]
async fn the_books_of_a_socket_behind_a_stopped_proxy_are_at_rest() {
    for scheme in SCHEMES {
        let pull = Pull::<Multipart>::bind(fresh(scheme)).linger(Duration::ZERO).await.unwrap();
        let push = Push::<Multipart>::bind(inproc()).linger(Duration::ZERO).await.unwrap();
        let (pull, push) = (Arc::new(pull), Arc::new(push));
        let proxy = Proxy::streamer(pull.clone(), push.clone()).start();
        let from = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        let to = Pull::<u32>::connect(push.endpoint()).high_water(1).await.unwrap();
        soon(proxy.pause()).await;
        for n in 0..20 {
            soon(from.send(n)).await.unwrap();
        }
        until(|| pull.stats().received.queued == 20).await;
        soon(proxy.resume()).await;
        until(|| 0 < to.stats().received.queued).await;
        let stats = soon(proxy.stop()).await;
        let received = pull.stats().received;
        assert_eq!((received.offered, received.queued), (20, 0), "{scheme} {received:?}");
        assert_eq!(received.delivered, stats.forward.taken, "{scheme}");
        assert!(received.is_balanced() && 0 < received.dropped.closed, "{received:?}");
    }
}

#[tokio::test]
async fn a_dropped_handle_ends_it() {
    let queue = Queue::open("inproc", "inproc").await;
    let (front, back) = (Arc::downgrade(&queue.clients), Arc::downgrade(&queue.workers));
    drop(queue);
    until(|| front.strong_count() == 0 && back.strong_count() == 0).await;
}
