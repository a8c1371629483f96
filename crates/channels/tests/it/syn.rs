//! osBrain's synced publications: SYN01 to SYN09.

use std::sync::Arc;
use std::time::Duration;

use gleis_channels::{Event, Publication, Reply, RequestError, SyncPublisher, SyncSubscriber};
use tokio::sync::Notify;

use crate::support::{LONG, Log, Notes, READY, SCHEMES, fresh, soon, until};

type Publisher = SyncPublisher<i64, String, String>;
type Subscriber = SyncSubscriber<i64, String, String>;

async fn publisher(scheme: &str) -> Publisher {
    Publisher::bind(fresh(scheme)).await.unwrap()
}

async fn publish(publisher: &Publisher, of: &[(&[u8], i64)]) {
    for (topic, n) in of {
        publisher.publish(topic, n).await.unwrap();
    }
}

/// The next publications: topics and numbers.
async fn next(subscriber: &Subscriber, n: usize) -> Vec<(Vec<u8>, i64)> {
    let mut res = Vec::new();
    while res.len() < n {
        let Event::Publication { topic, message } = soon(subscriber.recv()).await.unwrap() else {
            panic!("a publication");
        };
        res.push((topic.to_vec(), message));
    }
    res
}

/// The numbers of the next publications.
async fn numbers(subscriber: &Subscriber, n: usize) -> Vec<i64> {
    next(subscriber, n).await.into_iter().map(|it| it.1).collect()
}

/// A handler that writes down the number, changed.
fn noting(
    notes: &Notes,
    change: fn(i64) -> i64,
) -> impl Fn(Publication<i64>) -> std::future::Ready<()> + Send + Sync + 'static {
    let notes = notes.clone();
    move |it| {
        notes.add(change(it.message).to_string());
        std::future::ready(())
    }
}

#[tokio::test]
async fn syn01_whoever_unsubscribed_gets_the_other_topic_only() {
    for scheme in SCHEMES {
        let publisher = publisher(scheme).await;
        let subscriber = Subscriber::connect(publisher.endpoint()).subscribe("odd");
        let subscriber = subscriber.subscribe("even").ready(READY).await.unwrap();
        publish(&publisher, &[(b"odd", 1), (b"even", 2)]).await;
        assert_eq!(numbers(&subscriber, 2).await, [1, 2]);
        // What is here already and no longer wanted does not arrive either.
        publish(&publisher, &[(b"odd", 3), (b"even", 4)]).await;
        until(|| subscriber.received().waiting == 2).await;
        assert!(subscriber.unsubscribe("odd") && !subscriber.unsubscribe("odd"));
        subscriber.ready(READY).await.unwrap();
        publish(&publisher, &[(b"odd", 5), (b"even", 6)]).await;
        assert_eq!(numbers(&subscriber, 2).await, [4, 6]);
        assert_eq!(publisher.published().unheard, 1);
    }
}

#[tokio::test]
async fn syn02_two_of_three_topics_may_be_left() {
    for scheme in SCHEMES {
        let publisher = publisher(scheme).await;
        let subscriber = Subscriber::connect(publisher.endpoint()).subscribe("one");
        let subscriber = subscriber.subscribe("two").subscribe("three").await.unwrap();
        for topic in ["two", "three"] {
            assert!(subscriber.unsubscribe(topic));
        }
        subscriber.ready(READY).await.unwrap();
        publish(&publisher, &[(b"two", 2), (b"three", 3), (b"one", 1)]).await;
        assert_eq!(numbers(&subscriber, 1).await, [1]);
    }
}

#[tokio::test]
async fn syn03_topics_are_subscribed_to_at_run_time_each_with_its_handler() {
    for scheme in SCHEMES {
        let (publisher, notes) = (publisher(scheme).await, Notes::default());
        let subscriber = Subscriber::connect(publisher.endpoint()).on("", noting(&notes, |it| it));
        let subscriber = subscriber.ready(READY).await.unwrap();
        publish(&publisher, &[(b"anything", 7)]).await;
        notes.until(1).await;
        assert!(subscriber.unsubscribe(""));
        // Text and bytes are the same topic.
        subscriber.on("negate", noting(&notes, |it| -it));
        subscriber.on(b"normal", noting(&notes, |it| it));
        subscriber.ready(READY).await.unwrap();
        for _ in 0..2 {
            publish(&publisher, &[(b"negate", 1), (b"topic_C", 9), (b"normal", 2)]).await;
        }
        notes.until(5).await;
        notes.check(&["7", "-1", "2", "-1", "2"]);
    }
}

#[tokio::test]
async fn syn04_subscribing_again_replaces_the_handler_of_that_topic_only() {
    for scheme in SCHEMES {
        let (publisher, notes) = (publisher(scheme).await, Notes::default());
        let subscriber = Subscriber::connect(publisher.endpoint())
            .on("negate", noting(&notes, |it| -it))
            .on("normal", noting(&notes, |it| it));
        let subscriber = subscriber.ready(READY).await.unwrap();
        publish(&publisher, &[(b"negate", 1), (b"normal", 2)]).await;
        notes.until(2).await;
        subscriber.on("normal", noting(&notes, |it| 100 * it));
        publish(&publisher, &[(b"negate", 1), (b"normal", 2)]).await;
        notes.until(4).await;
        notes.check(&["-1", "2", "-1", "200"]);
        assert_eq!(subscriber.subscriptions(), 2);
    }
}

#[tokio::test]
async fn syn05_a_topic_that_was_left_may_be_subscribed_to_again() {
    for scheme in SCHEMES {
        let (publisher, notes) = (publisher(scheme).await, Notes::default());
        let subscriber = Subscriber::connect(publisher.endpoint())
            .on("negate", noting(&notes, |it| -it))
            .on("normal", noting(&notes, |it| it));
        let subscriber = subscriber.ready(READY).await.unwrap();
        let both: [(&[u8], i64); 2] = [(b"negate", 1), (b"normal", 2)];
        subscriber.unsubscribe("negate");
        subscriber.ready(READY).await.unwrap();
        for _ in 0..8 {
            publish(&publisher, &both).await;
        }
        notes.until(8).await;
        subscriber.on("negate", noting(&notes, |it| -it));
        subscriber.ready(READY).await.unwrap();
        for _ in 0..4 {
            publish(&publisher, &both).await;
        }
        notes.until(16).await;
        assert!(notes.all()[..8].iter().all(|it| it == "2"));
        assert_eq!(notes.all()[8..], ["-1", "2"].repeat(4));
    }
}

#[tokio::test]
async fn syn06_one_who_wants_everything_gets_every_topic_in_order() {
    for scheme in SCHEMES {
        let publisher = publisher(scheme).await;
        let subscriber = Subscriber::connect(publisher.endpoint()).subscribe("");
        let subscriber = subscriber.ready(READY).await.unwrap();
        let sent: [(&[u8], i64); 4] = [(b"positive", 1), (b"\xeb", 2), (b"", 3), (b"\xeb\xec", 4)];
        publish(&publisher, &sent).await;
        let expect: Vec<_> = sent.iter().map(|(topic, n)| (topic.to_vec(), *n)).collect();
        assert_eq!(next(&subscriber, 4).await, expect);
    }
}

#[tokio::test]
async fn syn07_each_subscriber_gets_its_topics_without_gaps_and_in_order() {
    for scheme in SCHEMES {
        let publisher = publisher(scheme).await;
        let connect = || Subscriber::connect(publisher.endpoint());
        let both = connect().subscribe("positive").subscribe("negative").ready(READY).await;
        let positive = connect().subscribe("positive").ready(READY).await;
        let bytes = connect().subscribe(b"\xeb").ready(READY).await;
        let (both, positive, bytes) = (both.unwrap(), positive.unwrap(), bytes.unwrap());
        for n in 1..=100 {
            publish(&publisher, &[(b"positive", n), (b"negative", -n), (b"\xeb", 10 * n)]).await;
        }
        let expect: Vec<_> = (1..=100).flat_map(|n| [n, -n]).collect();
        assert_eq!(numbers(&both, 200).await, expect);
        assert!(numbers(&positive, 100).await.into_iter().eq(1..=100));
        assert!(numbers(&bytes, 100).await.into_iter().eq((1..=100).map(|n| 10 * n)));
        assert_eq!(publisher.published().dropped, 0);
    }
}

/// Publishes numbers until told to stop, and says how many.
async fn stream(publisher: &Publisher, stop: &Notify) -> i64 {
    let mut n = 0;
    let mut stopped = std::pin::pin!(stop.notified());
    loop {
        n += 1;
        publisher.send(n).await.unwrap();
        tokio::select! {
            biased;
            () = &mut stopped => return n,
            () = tokio::task::yield_now() => (),
        }
    }
}

#[tokio::test]
async fn syn08_a_reply_stands_exactly_where_it_was_given_and_nobody_else_sees_it() {
    for (scheme, early) in SCHEMES.into_iter().zip([false, true].into_iter().cycle()) {
        let asked = Notes::default();
        let note = asked.clone();
        // Room for all on both sides, so that every number is there.
        let publisher = Publisher::bind(fresh(scheme)).high_water(100_000).await.unwrap();
        let publisher = publisher.serve_asked(move |it: String, reply| {
            let reply: Reply<String> = reply;
            note.add(it.clone());
            async move {
                reply.send(format!("answer to {it}")).await?;
                if early {
                    tokio::task::yield_now().await;
                }
                Ok::<_, gleis_channels::ReplyError>(())
            }
        });
        let connect = || Subscriber::connect(publisher.endpoint()).high_water(100_000);
        let active = connect().subscribe("").ready(READY).await.unwrap();
        let passive = connect().subscribe("").ready(READY).await.unwrap();
        // Whatever it subscribes to: prefixes, exact topics, or all.
        let curious = connect().subscribe("").subscribe("A").subscribe(b"\0").ready(READY).await;
        let curious = curious.unwrap();
        let stop = Notify::new();
        let watching = async {
            let (mut seen, mut replied) = (Vec::new(), None);
            let mut id = None;
            while replied.is_none_or(|at| seen.len() <= at) || seen.len() < 40 {
                match soon(active.recv()).await.unwrap() {
                    Event::Publication { message, .. } => seen.push(message),
                    Event::Reply { to, message } => {
                        assert_eq!((Some(to), message.as_str()), (id, "answer to me"));
                        assert!(replied.replace(seen.len()).is_none(), "a second reply");
                    }
                    Event::Failed { error, .. } => panic!("{error}"),
                }
                if seen.len() == 10 && id.is_none() {
                    id = Some(active.ask("me".to_owned()).unwrap());
                }
            }
            stop.notify_one();
            (seen, replied.unwrap())
        };
        let ((seen, at), n) = tokio::join!(watching, stream(&publisher, &stop));
        // Nothing is missing around the reply.
        assert!(seen.iter().copied().eq(1..=seen.len() as i64), "{seen:?}");
        assert!(10 <= at && seen[at - 1] + 1 == seen[at], "{at}: {seen:?}");
        asked.check(&["me"]);
        for other in [&passive, &curious] {
            assert!(numbers(other, n as usize).await.into_iter().eq(1..=n));
            assert!(other.try_recv().unwrap().is_none());
        }
        assert_eq!(publisher.stats().answered, 1);
    }
}

#[tokio::test]
async fn syn08_the_reply_stands_between_the_publications_before_and_after_it() {
    for scheme in SCHEMES {
        let publisher = publisher(scheme).await;
        let subscriber = Subscriber::connect(publisher.endpoint()).subscribe("");
        let subscriber = subscriber.ready(READY).await.unwrap();
        for round in 0..20 {
            let id = subscriber.ask(format!("{round}")).unwrap();
            let (asked, reply) = soon(publisher.recv()).await.unwrap();
            publisher.send(2 * round).await.unwrap();
            reply.send(asked).await.unwrap();
            publisher.send(2 * round + 1).await.unwrap();
            assert_eq!(numbers(&subscriber, 1).await, [2 * round]);
            let Event::Reply { to, message } = soon(subscriber.recv()).await.unwrap() else {
                panic!("the reply");
            };
            assert_eq!((to, message), (id, round.to_string()));
            assert_eq!(numbers(&subscriber, 1).await, [2 * round + 1]);
        }
    }
}

#[tokio::test]
async fn syn09_a_fast_reply_is_handled_and_a_slow_one_is_an_error_or_a_warning() {
    for scheme in SCHEMES {
        let (log, notes, slow) = (Log::new(), Notes::default(), Arc::new(Notify::new()));
        let waiting = slow.clone();
        let publisher = publisher(scheme).await.serve(move |it: String| {
            let waiting = waiting.clone();
            async move {
                if it == "slow" {
                    waiting.notified().await;
                }
                it
            }
        });
        let note = notes.clone();
        let subscriber = Subscriber::connect(publisher.endpoint()).handler(move |it: String| {
            note.add(it);
            async {}
        });
        let subscriber = subscriber.ready(READY).await.unwrap();
        let request = |it: &str| subscriber.request(it.to_owned()).unwrap();
        request("fast").within(LONG).send().unwrap();
        notes.until(1).await;
        let short = Duration::from_millis(30);
        request("slow").within(short).send().unwrap();
        until(|| log.count(&["WARN", "a request has no answer"]) == 1).await;
        slow.notify_one();
        let note = notes.clone();
        let on_error = async move |error: RequestError| note.add(error.to_string());
        request("slow").within(short).on_error(on_error).send().unwrap();
        notes.until(2).await;
        slow.notify_one();
        until(|| subscriber.stats().late == 2).await;
        notes.check(&["fast", "deadline exceeded"]);
        assert_eq!(log.count(&["a request has no answer"]), 1);
        assert!(subscriber.stats().is_balanced() && subscriber.in_flight() == 0);
    }
}
