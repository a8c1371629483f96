//! Waiting no longer than the socket was told, by a clock that only runs when all wait.

use std::time::Duration;

use gleis_patterns::{
    Dealer, HighWater, Overflow, Pair, Publisher, Pull, Push, RecvError, Replier, RequestError,
    Requester, Router, SendError, Subscriber, XPub, XSub,
};
use tokio::time::Instant;

use crate::support::{inproc, soon};

const SECOND: Duration = Duration::from_secs(1);

/// The result, and how long it took.
async fn timed<F: IntoFuture>(work: F) -> (F::Output, Duration) {
    let start = Instant::now();
    (work.await, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn every_socket_that_receives_may_give_up() {
    macro_rules! check {
        ($($socket:ty),+) => {$(
            let it = <$socket>::bind(inproc()).recv_timeout(SECOND).await.unwrap();
            let (res, took) = timed(it.recv()).await;
            assert!(matches!(res, Err(RecvError::TimedOut)));
            assert_eq!(took, SECOND);
            let (res, took) = timed(it.recv_many(&mut Vec::new(), 9)).await;
            assert!(matches!(res, Err(RecvError::TimedOut)));
            assert_eq!(took, SECOND);
            it.close().await;
            let (res, took) = timed(it.recv()).await;
            assert!(matches!(res, Err(RecvError::Closed)));
            assert_eq!(took, Duration::ZERO);
        )+};
    }
    check!(Dealer<u32>, Pair<u32>, Pull<u32>, Replier<u32, u32>);
    check!(Router<u32>, Subscriber<u32>, XPub<u32>, XSub<u32>);
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_time_is_received_and_what_comes_late_is_there_for_the_next() {
    let pull = Pull::<u32>::bind(inproc()).recv_timeout(SECOND).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    let sending = async {
        for n in 0..4 {
            // Not synchronisation: the clock runs only when all wait.
            tokio::time::sleep(SECOND * 3 / 4 + SECOND * (n / 2)).await;
            push.send(n).await.unwrap();
        }
    };
    let receiving = async {
        let mut told = Vec::new();
        while told.len() < 6 {
            told.push(pull.recv().await.ok());
        }
        told
    };
    let ((), told) = futures::future::join(sending, receiving).await;
    assert_eq!(told, [Some(0), Some(1), None, Some(2), None, Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn those_that_queue_behind_another_task_give_up_in_time_too() {
    let pull = Pull::<u32>::bind(inproc()).recv_timeout(SECOND).await.unwrap();
    let waiting = futures::future::join_all((0..5).map(|_| pull.recv()));
    let (all, took) = timed(waiting).await;
    assert!(all.iter().all(|it| matches!(it, Err(RecvError::TimedOut))));
    assert_eq!(took, SECOND);
}

#[tokio::test(start_paused = true)]
async fn every_socket_that_sends_in_turn_may_give_up_without_a_peer_and_without_room() {
    macro_rules! check {
        ($($from:ty => $to:ty),+) => {$(
            let from = <$from>::bind(inproc()).send_timeout(SECOND).await.unwrap();
            let (res, took) = timed(from.send(0)).await;
            assert!(matches!(res, Err(SendError::TimedOut)));
            assert_eq!(took, SECOND);
            let to = <$to>::connect(from.endpoint()).high_water(1).await.unwrap();
            soon(from.wait_for_peers(1)).await;
            from.send(1).await.unwrap();
            let (res, took) = timed(from.send(&2)).await;
            assert!(matches!(res, Err(SendError::TimedOut)));
            assert_eq!(took, SECOND);
            assert_eq!(to.recv().await.unwrap(), 1);
            assert!(matches!(to.try_recv(), Err(RecvError::Empty)));
            from.send(3).await.unwrap();
            assert_eq!(to.recv().await.unwrap(), 3);
            assert_eq!(from.stats().sent.offered, 2);
            from.close().await;
            let (res, took) = timed(from.send(4)).await;
            assert!(matches!(res, Err(SendError::Closed)));
            assert_eq!(took, Duration::ZERO);
        )+};
    }
    check!(Push<u32> => Pull<u32>, Dealer<u32> => Dealer<u32>, Pair<u32> => Pair<u32>);
}

#[tokio::test(start_paused = true)]
async fn a_queue_in_front_is_waited_for_no_longer_than_said() {
    let push = Push::<u32>::bind(inproc()).queue_without_peer().high_water(2);
    let push = push.send_timeout(SECOND).await.unwrap();
    push.send(1).await.unwrap();
    push.send(2).await.unwrap();
    let (res, took) = timed(push.send(3)).await;
    assert!(matches!(res, Err(SendError::TimedOut)));
    assert_eq!((took, push.stats().sent.queued), (SECOND, 2));
}

#[tokio::test(start_paused = true)]
async fn a_router_may_give_up_on_one_peer() {
    let router = Router::<u32>::bind(inproc()).send_timeout(SECOND).await.unwrap();
    let connect = |name| Dealer::<u32>::connect(router.endpoint()).identity(name).high_water(1);
    let (slow, quick) = (connect("slow").await.unwrap(), connect("quick").await.unwrap());
    soon(router.wait_for_peers(2)).await;
    router.send_to(&"slow".into(), 1).await.unwrap();
    let (res, took) = timed(router.send_to(&"slow".into(), 2)).await;
    assert!(matches!(res, Err(SendError::TimedOut)));
    assert_eq!(took, SECOND);
    router.send_to(&"quick".into(), 3).await.unwrap();
    assert_eq!(quick.recv().await.unwrap(), 3);
    let (res, took) = timed(router.send_to(&"nobody".into(), 4)).await;
    assert!(matches!(res, Err(SendError::NoPeer)));
    assert_eq!(took, Duration::ZERO);
    assert_eq!(slow.recv().await.unwrap(), 1);
    assert!(slow.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn sockets_that_send_to_all_may_give_up_on_the_slow() {
    macro_rules! check {
        ($($from:ty => $to:ty),+) => {$(
            let from = <$from>::bind(inproc()).overflow(Overflow::Block).send_timeout(SECOND);
            let from = from.await.unwrap();
            let connect = || <$to>::connect(from.endpoint()).subscribe("");
            let (slow, quick) = (connect().high_water(1).await.unwrap(), connect().await.unwrap());
            soon(from.wait_for_subscribers(2)).await;
            from.send(1).await.unwrap();
            let (res, took) = timed(from.send(2)).await;
            assert!(matches!(res, Err(SendError::TimedOut)));
            assert_eq!(took, SECOND);
            for n in 1..=2 {
                assert_eq!(quick.recv().await.unwrap().message, n);
            }
            assert_eq!(slow.recv().await.unwrap().message, 1);
            assert!(slow.try_recv().is_err());
        )+};
    }
    check!(Publisher<u32> => Subscriber<u32>, XPub<u32> => XSub<u32>);
}

#[tokio::test(start_paused = true)]
async fn an_xsub_may_give_up_on_its_publishers() {
    let xpub = XPub::<u32>::bind(inproc()).high_water(1).await.unwrap();
    let xsub = XSub::<u32>::connect(xpub.endpoint()).overflow(Overflow::Block);
    let xsub = xsub.send_timeout(SECOND).await.unwrap();
    xsub.send(1).await.unwrap();
    let (res, took) = timed(xsub.send(2)).await;
    assert!(matches!(res, Err(SendError::TimedOut)));
    assert_eq!(took, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_as_long_as_it_or_its_socket_says() {
    let replier = Replier::<u32, u32>::bind(inproc()).await.unwrap();
    let requester = Requester::<u32, u32>::connect(replier.endpoint()).timeout(3 * SECOND);
    let requester = requester.await.unwrap();
    let (res, took) = timed(requester.request(1)).await;
    assert!(matches!(res, Err(RequestError::DeadlineExceeded { sent: true })), "{res:?}");
    assert_eq!(took, 3 * SECOND);
    let (res, took) = timed(requester.request(2).within(SECOND)).await;
    assert!(matches!(res, Err(RequestError::DeadlineExceeded { sent: true })), "{res:?}");
    assert_eq!(took, SECOND);
    assert_eq!(requester.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_talk_in_turns_says_whether_the_question_was_sent() {
    let mark = HighWater { messages: 1, bytes: 1 << 10 };
    let here = Pair::<u32>::bind(inproc()).send_timeout(SECOND).recv_timeout(2 * SECOND);
    let here = here.await.unwrap();
    let (res, took) = timed(here.send_recv(1)).await;
    assert!(matches!(res, Err(RequestError::DeadlineExceeded { sent: false })), "{res:?}");
    assert_eq!(took, SECOND);
    let _there = Pair::<u32>::connect(here.endpoint()).recv_high_water(mark).await.unwrap();
    soon(here.wait_for_peers(1)).await;
    let (res, took) = timed(here.send_recv(2)).await;
    assert!(matches!(res, Err(RequestError::DeadlineExceeded { sent: true })), "{res:?}");
    assert_eq!(took, 2 * SECOND);
}
