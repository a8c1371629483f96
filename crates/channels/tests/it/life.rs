//! Cancelling, deadlines, and what happens when somebody goes.

use std::time::Duration;

use futures::future::join_all;
use gleis_channels::{
    AsyncReplier, AsyncRequester, Event, OpenError, RecvError, Reply, ReplyError, RequestError,
    SyncPublisher, SyncSubscriber,
};
use gleis_test::wait::tasks_down_to;

use crate::support::{LONG, READY, SCHEMES, fresh, soon, until};

type Replier = AsyncReplier<u32, u32>;
type Requester = AsyncRequester<u32, u32>;
type Publisher = SyncPublisher<u32, u32, u32>;
type Subscriber = SyncSubscriber<u32, u32, u32>;

async fn pair(scheme: &str) -> (Replier, Requester) {
    let replier = Replier::bind(fresh(scheme)).await.unwrap();
    let requester = Requester::connect(replier.endpoint()).timeout(LONG).ready(READY);
    let requester = requester.await.unwrap();
    (replier, requester)
}

#[tokio::test]
async fn a_request_that_is_dropped_is_cancelled_at_the_replier() {
    for scheme in SCHEMES {
        let (replier, requester) = pair(scheme).await;
        let answer = requester.request(1).unwrap().start();
        let (_, reply) = soon(replier.recv()).await.unwrap();
        assert!(!reply.is_cancelled());
        drop(answer);
        soon(reply.cancelled()).await;
        assert!(reply.is_cancelled());
        assert!(matches!(reply.send(2).await, Err(ReplyError::Cancelled)));
        let stats = replier.stats();
        assert_eq!((stats.cancelled, stats.open), (1, 0));
        assert!(stats.is_balanced() && requester.stats().is_balanced());
        assert_eq!((requester.stats().cancelled, requester.stats().late), (1, 0));
    }
}

#[tokio::test]
async fn a_request_that_was_cancelled_before_anybody_took_it_is_never_handed_out() {
    for scheme in SCHEMES {
        let (replier, requester) = pair(scheme).await;
        drop(requester.request(1).unwrap().start());
        let answer = requester.request(2).unwrap().start();
        until(|| replier.stats().cancelled == 1).await;
        let (n, reply) = soon(replier.recv()).await.unwrap();
        reply.send(n).await.unwrap();
        assert_eq!(soon(answer).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn the_deadline_travels_and_the_replier_sees_what_is_left() {
    for scheme in SCHEMES {
        let (replier, requester) = pair(scheme).await;
        let within = Duration::from_secs(100);
        let answer = requester.request(1).unwrap().within(within).start();
        let (_, reply) = soon(replier.recv()).await.unwrap();
        let left = reply.remaining().unwrap();
        assert!(left <= within && within - left < Duration::from_secs(50), "{left:?}");
        reply.send(1).await.unwrap();
        soon(answer).await.unwrap();
        let short = requester.request(1).unwrap().within(Duration::from_millis(30)).start();
        let (_, reply) = soon(replier.recv()).await.unwrap();
        soon(reply.cancelled()).await;
        assert_eq!(reply.remaining(), None);
        assert!(matches!(soon(short).await, Err(RequestError::DeadlineExceeded { sent: true })));
    }
}

#[tokio::test]
async fn a_reply_may_come_later_from_another_task() {
    for scheme in SCHEMES {
        let (replier, requester) = pair(scheme).await;
        let replier = replier.serve_asked(async |n: u32, reply: Reply<u32>| {
            // Its own task; the channel goes on at once.
            drop(tokio::spawn(async move {
                if n == 0 {
                    tokio::task::yield_now().await;
                }
                reply.send(n + 1).await
            }));
        });
        let answers = (0..50).map(|n| requester.request(n).unwrap().start());
        let answers = soon(join_all(answers)).await;
        assert!(answers.into_iter().map(Result::unwrap).eq(1..=50));
        assert_eq!(replier.peers(), 1);
    }
}

#[tokio::test]
async fn a_request_waits_for_a_replier_that_comes_later() {
    for scheme in ["ipc", "tcp"] {
        let (replier, _) = pair(scheme).await;
        let at = replier.endpoint().clone();
        replier.close().await;
        drop(replier);
        let requester = Requester::connect(at.clone()).timeout(LONG).await.unwrap();
        let answers: Vec<_> = (0..10).map(|n| requester.request(n).unwrap().start()).collect();
        let expired = requester.request(99).unwrap().within(Duration::from_millis(20));
        let expired = soon(expired).await;
        assert!(matches!(expired, Err(RequestError::DeadlineExceeded { sent: false })));
        drop(requester.request(98).unwrap().start());
        let replier = soon(Replier::bind(at)).await.unwrap().serve(async |n| {
            assert!(n < 10, "{n} was given up");
            n
        });
        let answers = soon(join_all(answers)).await;
        assert!(answers.into_iter().map(Result::unwrap).eq(0..10));
        assert_eq!(replier.stats().asked, 10);
    }
}

#[tokio::test]
async fn a_replier_that_goes_ends_what_was_sent_and_the_next_one_answers() {
    for scheme in SCHEMES {
        let (replier, requester) = pair(scheme).await;
        let at = replier.endpoint().clone();
        let answers: Vec<_> = (0..10).map(|n| requester.request(n).unwrap().start()).collect();
        let (n, reply) = soon(replier.recv()).await.unwrap();
        reply.send(n).await.unwrap();
        let (_, held) = soon(replier.recv()).await.unwrap();
        replier.close().await;
        drop(replier);
        assert!(matches!(held.send(1).await, Err(ReplyError::Gone)));
        let mut answered = 0;
        for answer in soon(join_all(answers)).await {
            match answer {
                Ok(0) => answered += 1,
                Err(RequestError::PeerLost { sent: true } | RequestError::NoReply) => (),
                other => panic!("{other:?}"),
            }
        }
        assert!(answered <= 1);
        assert!(requester.stats().is_balanced() && requester.in_flight() == 0);
        let _replier = soon(Replier::bind(at)).await.unwrap().serve(async |n| n);
        let again = requester.request(7).unwrap();
        assert_eq!(soon(again).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_requester_that_goes_ends_its_requests_at_the_replier() {
    for scheme in SCHEMES {
        let (replier, requester) = pair(scheme).await;
        let answer = requester.request(1).unwrap().start();
        let (_, reply) = soon(replier.recv()).await.unwrap();
        drop(requester);
        assert!(matches!(soon(answer).await, Err(RequestError::Closed)));
        soon(reply.cancelled()).await;
        assert!(matches!(reply.send(2).await, Err(ReplyError::Gone | ReplyError::Cancelled)));
        until(|| replier.stats().open == 0).await;
        assert!(replier.stats().is_balanced());
    }
}

#[tokio::test]
async fn a_publisher_that_is_killed_ends_requests_and_its_successor_has_the_subscriptions() {
    for scheme in SCHEMES {
        let publisher = Publisher::bind(fresh(scheme)).await.unwrap();
        let at = publisher.endpoint().clone();
        let subscriber = Subscriber::connect(at.clone()).subscribe("a").timeout(LONG);
        let subscriber = subscriber.ready(READY).await.unwrap();
        let asked: Vec<_> = (0..20).map(|n| subscriber.ask(n).unwrap()).collect();
        let awaited = subscriber.request(20).unwrap().start();
        let (n, reply) = soon(publisher.recv()).await.unwrap();
        reply.send(n).await.unwrap();
        publisher.close().await;
        drop(publisher);
        let mut ended = Vec::new();
        while ended.len() < asked.len() {
            match soon(subscriber.recv()).await.unwrap() {
                Event::Failed { to, error: RequestError::PeerLost { sent: true } } => {
                    ended.push(to);
                }
                Event::Reply { to, message: 0 } => ended.push(to),
                other => panic!("{other:?}"),
            }
        }
        ended.sort();
        let mut asked = asked;
        asked.sort();
        assert_eq!(ended, asked);
        assert!(matches!(soon(awaited).await, Err(RequestError::PeerLost { sent: true })));
        // While nobody is there, wishes change.
        subscriber.subscribe("b");
        subscriber.unsubscribe("a");
        let publisher = soon(Publisher::bind(at)).await.unwrap();
        subscriber.ready(READY).await.unwrap();
        for topic in ["a", "b"] {
            publisher.publish(topic, 1).await.unwrap();
        }
        let Event::Publication { topic, .. } = soon(subscriber.recv()).await.unwrap() else {
            panic!("a publication");
        };
        assert_eq!(topic, "b");
        assert!(subscriber.stats().is_balanced() && subscriber.in_flight() == 0);
    }
}

#[tokio::test]
async fn a_subscriber_that_stops_reading_delays_nobody_and_is_told_what_it_missed() {
    for scheme in SCHEMES {
        let publisher = Publisher::bind(fresh(scheme)).high_water(10).await.unwrap();
        let connect = || Subscriber::connect(publisher.endpoint()).subscribe("");
        let stalled = connect().high_water(10).ready(READY).await.unwrap();
        let awake = connect().ready(READY).await.unwrap();
        let ballast = 50_000;
        let mut n = 0;
        // Until the system takes no more for the one that does not read; the other one gets each.
        while publisher.published().dropped < 100 {
            publisher.publish(vec![b't'; ballast], n).await.unwrap();
            let Event::Publication { message, .. } = soon(awake.recv()).await.unwrap() else {
                panic!("a publication");
            };
            assert_eq!(message, n);
            n += 1;
        }
        let mut missed = 0;
        let mut next = 0;
        loop {
            // One more when all is read, so that what was missed is told.
            if stalled.received().waiting == 0 && missed == 0 {
                publisher.send(n).await.unwrap();
            }
            match soon(stalled.recv()).await {
                Ok(Event::Publication { message, .. }) if message < n => next = message + 1,
                Ok(Event::Publication { .. }) if 0 < missed => break,
                Ok(Event::Publication { message, .. }) => panic!("{message} without a gap"),
                Err(RecvError::Gap { missed: more }) => missed += more,
                other => panic!("{other:?}"),
            }
        }
        assert!(100 <= missed && next <= n, "{missed} missed, {next} of {n} read");
        assert_eq!(stalled.received().missed, missed);
    }
}

#[tokio::test]
async fn a_lossless_publisher_waits_for_the_slow() {
    for scheme in SCHEMES {
        let publisher = Publisher::bind(fresh(scheme)).high_water(4).lossless().await.unwrap();
        let slow = Subscriber::connect(publisher.endpoint()).subscribe("").high_water(4);
        let slow = slow.ready(READY).await.unwrap();
        let publishing = async {
            for n in 0..500 {
                publisher.publish(vec![b't'; 10_000], n).await.unwrap();
            }
        };
        let reading = async {
            for n in 0..500 {
                let Event::Publication { message, .. } = soon(slow.recv()).await.unwrap() else {
                    panic!("a publication");
                };
                assert_eq!(message, n);
            }
        };
        tokio::join!(publishing, reading);
        assert_eq!(publisher.published().dropped, 0);
    }
}

#[tokio::test]
async fn a_reply_for_one_who_does_not_read_delays_no_other_requester() {
    let answer = vec![7_u8; 100_000];
    let publisher = SyncPublisher::<(), u32, Vec<u8>>::bind(fresh("tcp")).high_water(4);
    let publisher = publisher.patience(LONG).await.unwrap();
    let publisher = publisher.serve(move |_| std::future::ready(answer.clone()));
    let connect = || SyncSubscriber::<(), u32, Vec<u8>>::connect(publisher.endpoint());
    // A stranger on the wire who asks and never reads.
    let stranger =
        gleis_patterns::Dealer::<gleis_patterns::Multipart>::connect(publisher.endpoint().clone());
    let stranger = stranger.high_water(1).await.unwrap();
    for id in 0_u64..500 {
        let head = [&b"Q"[..], &id.to_be_bytes(), &600_000_000_u64.to_be_bytes(), b"bincode"];
        let frames = [head.concat(), vec![1]];
        soon(stranger.send(gleis_patterns::Multipart::new(frames))).await.unwrap();
    }
    until(|| 400 < publisher.stats().asked).await;
    let other = connect().ready(READY).await.unwrap();
    assert_eq!(soon(other.request(1).unwrap()).await.unwrap().len(), 100_000);
    assert!(0 < publisher.stats().open);
}

#[tokio::test]
async fn a_reply_to_a_subscriber_that_is_gone_is_counted() {
    for scheme in SCHEMES {
        let publisher = Publisher::bind(fresh(scheme)).await.unwrap();
        let subscriber = Subscriber::connect(publisher.endpoint()).await.unwrap();
        subscriber.ask(1).unwrap();
        let (_, reply) = soon(publisher.recv()).await.unwrap();
        drop(subscriber);
        soon(reply.cancelled()).await;
        assert!(matches!(reply.send(2).await, Err(ReplyError::Gone)));
        assert_eq!((publisher.stats().gone, publisher.stats().open), (1, 0));
        until(|| publisher.subscribers() == 0).await;
    }
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused_until_answers_are_taken() {
    let publisher = Publisher::bind(fresh("tcp")).await.unwrap().serve(async |n| n);
    let subscriber = Subscriber::connect(publisher.endpoint()).max_in_flight(3).ready(READY);
    let subscriber = subscriber.await.unwrap();
    for n in 0..3 {
        subscriber.ask(n).unwrap();
    }
    until(|| subscriber.in_flight() == 0).await;
    // The answers are there, and nobody has taken them.
    assert!(matches!(subscriber.ask(3), Err(RequestError::Full)));
    soon(subscriber.recv()).await.unwrap();
    subscriber.ask(3).unwrap();
}

#[tokio::test]
async fn nothing_is_left_when_the_handles_are_dropped() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for scheme in SCHEMES {
        let (replier, requester) = pair(scheme).await;
        let replier = replier.serve(async |n| n);
        assert_eq!(soon(requester.request(1).unwrap()).await.unwrap(), 1);
        let publisher = Publisher::bind(fresh(scheme)).await.unwrap();
        let subscriber = Subscriber::connect(publisher.endpoint()).subscribe("");
        let subscriber = subscriber.ready(READY).await.unwrap();
        subscriber.ask(1).unwrap();
        drop((replier, requester, publisher, subscriber));
    }
    tasks_down_to(before).await;
}

#[tokio::test]
async fn nobody_there_is_not_ready() {
    let requester = Requester::connect("tcp://127.0.0.1:1").ready(Duration::from_millis(50));
    assert!(matches!(soon(requester).await, Err(OpenError::NotReady { .. })));
}
