//! What the kinds of correlated channels do, here and when they are served.

use std::time::Duration;

use gleis_channels::{
    BroadcastChannel, ChannelError, ChannelMessage, ClaimChannel, CorrelatedChannel,
    MailboxChannel, PassthroughChannel, ReadChannel, RemoteChannel, RemoteError, ServedChannel,
    WorkQueueChannel,
};

use crate::support::{SCHEMES, fresh, soon, until};

fn message(n: i64) -> ChannelMessage {
    ChannelMessage::new("writer", n)
}

fn number(message: &ChannelMessage) -> i64 {
    message.content.data().as_i64().unwrap()
}

/// Lets time pass on the stopped clock.
async fn pass(seconds: u64) {
    // Not synchronisation: what gets old takes time.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn served(scheme: &str, channel: &impl CorrelatedChannel) -> (ServedChannel, RemoteChannel) {
    let served = ServedChannel::bind(fresh(scheme), channel).await.unwrap();
    let remote = soon(RemoteChannel::connect(served.endpoint().clone())).await.unwrap();
    (served, remote)
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_goes_although_nobody_uses_the_channel() {
    let channel = BroadcastChannel::new("news", "News").max_age(Duration::from_secs(60)).start();
    channel.write(message(1)).unwrap();
    pass(59).await;
    channel.write(message(2)).unwrap();
    assert_eq!(channel.stats().kept, 2);
    pass(2).await;
    assert_eq!((channel.stats().kept, channel.stats().evicted), (1, 1));
    pass(60).await;
    assert_eq!(channel.stats().kept, 0);
    assert!(channel.stats().is_balanced());
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_times_out_wakes_the_worker_who_waits() {
    let timeout = Duration::from_secs(300);
    let queue = WorkQueueChannel::new("jobs", "Jobs").claim_timeout(timeout).start();
    queue.write(message(1)).unwrap();
    let lost = queue.claim(1).unwrap().remove(0);
    let begin = tokio::time::Instant::now();
    let again = queue.next_claims(1).await.unwrap().remove(0);
    let took = begin.elapsed();
    assert!(timeout <= took && took < timeout + Duration::from_secs(1), "{took:?}");
    assert_eq!((number(&again.message), again.deliveries), (1, 2));
    assert_eq!(queue.ack(lost.token), Err(ChannelError::ClaimOver));
    queue.ack(again.token).unwrap();
    assert_eq!((queue.stats().done, queue.stats().reclaimed), (1, 1));
}

#[tokio::test]
async fn a_reader_who_waits_is_woken_by_the_message() {
    let channel = PassthroughChannel::new("board", "Board").start();
    let writer = channel.clone();
    let (read, ()) = tokio::join!(soon(channel.next("bob", 10)), async {
        tokio::task::yield_now().await;
        writer.write(message(1)).unwrap();
    });
    assert_eq!(number(&read.unwrap()[0]), 1);
}

#[tokio::test]
async fn a_slow_subscriber_delays_nobody_and_is_told_what_it_missed() {
    let channel = BroadcastChannel::new("news", "News").max_count(3).start();
    let mut slow = channel.subscribe().unwrap();
    for n in 0..10 {
        channel.write(message(n)).unwrap();
    }
    assert_eq!(soon(slow.recv()).await, Err(ChannelError::Gap { missed: 7 }));
    for n in 7..10 {
        assert_eq!(number(&soon(slow.recv()).await.unwrap()), n);
    }
    drop(channel);
    assert_eq!(soon(slow.recv()).await, Err(ChannelError::Closed));
}

#[tokio::test]
async fn whoever_waits_learns_that_the_channel_is_closed() {
    let channel = PassthroughChannel::new("board", "Board").start();
    let other = channel.clone();
    let waiting = tokio::spawn(async move { other.next("bob", 1).await });
    tokio::task::yield_now().await;
    channel.close();
    assert_eq!(soon(waiting).await.unwrap(), Err(ChannelError::Closed));
    assert_eq!(channel.write(message(1)), Err(ChannelError::Closed));
}

#[tokio::test]
async fn a_board_is_the_same_from_another_process() {
    for scheme in SCHEMES {
        let board = PassthroughChannel::new("board", "Board").start();
        let (_served, remote) = served(scheme, &board).await;
        assert_eq!(remote.id(), "board");
        let sent = message(1).metadata("tries", 2).recipient("bob").reply_to("other");
        assert_eq!(remote.write(sent.clone()).await.unwrap(), sent.id);
        assert_eq!(*board.read("here", 1, None).unwrap()[0], sent);
        assert_eq!(remote.read("there", 10, None).await.unwrap(), std::slice::from_ref(&sent));
        assert!(remote.read("there", 10, None).await.unwrap().is_empty());
        let again = remote.write(sent).await.unwrap_err();
        assert!(matches!(again, RemoteError::Channel(ChannelError::DuplicateId { .. })));
        let (read, ()) = tokio::join!(soon(remote.next("there", 10)), async {
            tokio::task::yield_now().await;
            board.write(message(2)).unwrap();
        });
        assert_eq!(number(&read.unwrap()[0]), 2);
        assert_eq!(remote.info().await.unwrap().stats.written, 2);
    }
}

#[tokio::test]
async fn jobs_are_claimed_from_another_process() {
    for scheme in SCHEMES {
        let queue = WorkQueueChannel::new("jobs", "Jobs").start();
        let (_served, remote) = served(scheme, &queue).await;
        for n in 0..3 {
            queue.write(message(n)).unwrap();
        }
        let claims = remote.claim(2).await.unwrap();
        assert_eq!(number(&queue.claim(10).unwrap()[0].message), 2);
        remote.extend(claims[0].token).await.unwrap();
        remote.ack(claims[0].token).await.unwrap();
        remote.nack(claims[1].token).await.unwrap();
        let again = soon(remote.next_claims(10)).await.unwrap();
        assert_eq!((number(&again[0].message), again[0].deliveries), (1, 2));
        let over = remote.ack(claims[1].token).await.unwrap_err();
        assert!(matches!(over, RemoteError::Channel(ChannelError::ClaimOver)));
        let wrong = remote.read("bob", 1, None).await.unwrap_err();
        assert_eq!(wrong.to_string(), "a work queue channel does not read");
    }
}

#[tokio::test]
async fn a_worker_who_leaves_while_it_waits_claims_nothing() {
    let queue = WorkQueueChannel::new("jobs", "Jobs").start();
    let (served, remote) = served("tcp", &queue).await;
    {
        let mut waiting = std::pin::pin!(remote.next_claims(1));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there is nothing"),
            () = until(|| served.stats().open == 1) => (),
        }
    }
    until(|| served.stats().cancelled == 1).await;
    queue.write(message(1)).unwrap();
    assert_eq!(queue.claim(1).unwrap().len(), 1);
}

#[tokio::test]
async fn a_mailbox_shows_each_his_own_from_another_process_too() {
    let mailbox = MailboxChannel::new("mail", "Mail").start();
    let (_served, remote) = served("tcp", &mailbox).await;
    for (n, to) in [(1, "bob"), (2, "alice")] {
        remote.write(message(n).recipient(to)).await.unwrap();
    }
    mailbox.write(message(3)).unwrap();
    let read = remote.read("alice", 10, None).await.unwrap();
    assert_eq!(read.iter().map(number).collect::<Vec<_>>(), [2, 3]);
    let read = mailbox.read("bob", 10, None).unwrap();
    assert_eq!(read.iter().map(|it| number(it)).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn a_subscription_from_another_process_loses_nothing() {
    for scheme in SCHEMES {
        let news = BroadcastChannel::new("news", "News").start();
        let (_served, remote) = served(scheme, &news).await;
        news.write(message(-1)).unwrap();
        let mut subscription = remote.subscribe().await.unwrap();
        for n in 0..200 {
            news.write(message(n)).unwrap();
        }
        for n in 0..200 {
            assert_eq!(number(&soon(subscription.recv()).await.unwrap()), n);
        }
        let late = async {
            tokio::task::yield_now().await;
            news.write(message(200)).unwrap();
        };
        let (received, ()) = tokio::join!(soon(subscription.recv()), late);
        assert_eq!(number(&received.unwrap()), 200);
    }
}

#[tokio::test]
async fn a_subscription_goes_on_when_the_service_comes_back() {
    let news = BroadcastChannel::new("news", "News").start();
    let (first, remote) = served("tcp", &news).await;
    let at = first.endpoint().clone();
    let mut subscription = remote.subscribe().await.unwrap();
    news.write(message(0)).unwrap();
    assert_eq!(number(&soon(subscription.recv()).await.unwrap()), 0);
    first.close().await;
    drop(first);
    news.write(message(1)).unwrap();
    let _second = ServedChannel::bind(at, &news).await.unwrap();
    let received = soon(async {
        loop {
            match subscription.recv().await {
                Err(RemoteError::Request(_)) => (),
                res => return res,
            }
        }
    });
    assert_eq!(number(&received.await.unwrap()), 1);
}
