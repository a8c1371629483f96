//! Many tasks at one socket.

use std::future::Future;
use std::sync::Arc;

use futures::future::join_all;
use futures::poll;
use gleis_patterns::{Dealer, HighWater, Pair, Pull, Push, RecvError, Replier, Requester, Router};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use crate::support::{SCHEMES, fresh, inproc, soon, until};

const TASKS: u32 = 8;
const EACH: u32 = 250;
const ALL: u32 = TASKS * EACH;

/// Starts the tasks together and waits for all of them.
fn crowd<F: Future<Output: Send> + Send + 'static>(
    task: impl Fn(u32) -> F,
) -> Vec<JoinHandle<F::Output>> {
    let start = Arc::new(Barrier::new(TASKS as usize));
    let begin = |n| {
        let (start, work) = (start.clone(), task(n));
        tokio::spawn(async move {
            start.wait().await;
            work.await
        })
    };
    (0..TASKS).map(begin).collect()
}

async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    soon(join_all(tasks)).await.into_iter().map(Result::unwrap).collect()
}

/// Every message was taken once, and nobody was left without.
#[track_caller]
fn check_shares(shares: &[Vec<u32>], scheme: &str) {
    assert!(shares.iter().all(|it| !it.is_empty()), "{scheme}: {shares:?}");
    assert!(shares.iter().all(|it| it.is_sorted()), "{scheme}");
    let mut taken = shares.concat();
    taken.sort_unstable();
    assert!(taken.into_iter().eq(0..ALL), "{scheme}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_receive_each_message_once_and_all_get_on() {
    for scheme in SCHEMES {
        let pull = Arc::new(Pull::<u32>::bind(fresh(scheme)).await.unwrap());
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        let tasks = crowd(|_| {
            let pull = pull.clone();
            async move {
                let mut share = Vec::new();
                // Taking turns, nobody gets more than an equal share.
                while share.len() < EACH as usize {
                    share.push(pull.recv().await.unwrap());
                }
                share
            }
        });
        for n in 0..ALL {
            soon(push.send(n)).await.unwrap();
        }
        check_shares(&all(tasks).await, scheme);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_take_single_messages_batches_and_streams_share_one_socket() {
    for scheme in SCHEMES {
        let pull = Arc::new(Pull::<u32>::bind(fresh(scheme)).high_water(64).await.unwrap());
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        let tasks = crowd(|n| {
            let pull = pull.clone();
            async move {
                let mut share = Vec::new();
                loop {
                    let mut batch = Vec::new();
                    let res = match n % 3 {
                        0 => pull.recv().await.map(|it| batch.push(it)),
                        1 => pull.recv_many(&mut batch, 3).await.map(drop),
                        _ => match futures::StreamExt::next(&mut Box::pin(pull.stream())).await {
                            Some(it) => it.map(|it| batch.push(it)),
                            None => break share,
                        },
                    };
                    match res {
                        Ok(()) => share.extend(batch),
                        Err(_) => break share,
                    }
                }
            }
        });
        for n in 0..ALL {
            soon(push.send(n)).await.unwrap();
        }
        until(|| pull.stats().received.delivered == u64::from(ALL)).await;
        soon(pull.close()).await;
        check_shares(&all(tasks).await, scheme);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_tries_takes_nothing_from_under_whoever_waits() {
    for scheme in SCHEMES {
        let pull = Arc::new(Pull::<u32>::bind(fresh(scheme)).await.unwrap());
        let push = Push::<u32>::connect(pull.endpoint()).high_water(2).await.unwrap();
        let tasks = crowd(|n| {
            let pull = pull.clone();
            async move {
                let mut n_got = 0;
                loop {
                    let res = if n == 0 { pull.recv().await } else { pull.try_recv() };
                    match res {
                        Ok(_) => n_got += 1,
                        Err(RecvError::Empty) => tokio::task::yield_now().await,
                        Err(_) => break n_got,
                    }
                }
            }
        });
        for n in 0..EACH {
            soon(push.send(n)).await.unwrap();
        }
        until(|| pull.stats().received.delivered == u64::from(EACH)).await;
        soon(pull.close()).await;
        assert_eq!(all(tasks).await.iter().sum::<u32>(), EACH, "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_send_and_each_keeps_its_order() {
    for scheme in SCHEMES {
        let mark = HighWater { messages: 8, bytes: 1 << 20 };
        let pull = Pull::<u32>::bind(fresh(scheme)).recv_high_water(mark).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).send_high_water(mark).await.unwrap();
        let push = Arc::new(push);
        let tasks = crowd(|task| {
            let push = push.clone();
            async move {
                for n in 0..EACH {
                    push.send(task * EACH + n).await.unwrap();
                }
            }
        });
        let mut shares = vec![Vec::new(); TASKS as usize];
        for _ in 0..ALL {
            let n = soon(pull.recv()).await.unwrap();
            shares[(n / EACH) as usize].push(n);
        }
        all(tasks).await;
        check_shares(&shares, scheme);
        let sent = push.stats().sent;
        assert!(sent.is_balanced() && sent.offered == u64::from(ALL), "{sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_ask_and_eight_answer() {
    for scheme in SCHEMES {
        let replier = Arc::new(Replier::<u32, u32>::bind(fresh(scheme)).await.unwrap());
        let requester = Requester::<u32, u32>::connect(replier.endpoint()).high_water(5);
        let requester = Arc::new(requester.await.unwrap());
        let answering = crowd(|_| {
            let replier = replier.clone();
            async move {
                let mut share = Vec::new();
                while let Ok((n, reply)) = replier.recv().await {
                    share.push(n);
                    reply.send(n + 1).await.unwrap();
                }
                share
            }
        });
        let asking = crowd(|task| {
            let requester = requester.clone();
            async move {
                for n in task * EACH..(task + 1) * EACH {
                    assert_eq!(requester.request(n).await.unwrap(), n + 1);
                }
            }
        });
        all(asking).await;
        soon(replier.close()).await;
        let mut asked = all(answering).await.concat();
        asked.sort_unstable();
        assert!(asked.into_iter().eq(0..ALL), "{scheme}");
    }
}

#[tokio::test]
async fn a_waiter_that_is_cancelled_passes_its_turn_on() {
    for scheme in SCHEMES {
        let pull = Arc::new(Pull::<u32>::bind(fresh(scheme)).await.unwrap());
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        soon(push.wait_for_peers(1)).await;
        let waiting = || {
            let pull = pull.clone();
            tokio::spawn(async move { pull.recv().await.unwrap() })
        };
        let [first, second, third, fourth] = [waiting(), waiting(), waiting(), waiting()];
        tokio::task::yield_now().await;
        // The first holds the turn, the third is in the middle of the queue.
        first.abort();
        third.abort();
        soon(push.send(1)).await.unwrap();
        assert_eq!(soon(second).await.unwrap(), 1, "{scheme}");
        soon(push.send(2)).await.unwrap();
        assert_eq!(soon(fourth).await.unwrap(), 2, "{scheme}");
    }
}

/// The message is there, its waiter was woken, and goes away before it looks.
#[tokio::test]
async fn a_waiter_that_is_cancelled_after_it_was_woken_leaves_the_message_to_the_next() {
    macro_rules! check {
        ($to:ty, $from:ty, $get:expr) => {
            for scheme in SCHEMES {
                let to = <$to>::bind(fresh(scheme)).await.unwrap();
                let from = <$from>::connect(to.endpoint()).await.unwrap();
                soon(to.wait_for_peers(1)).await;
                soon(from.wait_for_peers(1)).await;
                for n in 0..20 {
                    let mut first = Box::pin(to.recv());
                    assert!(poll!(&mut first).is_pending());
                    let mut second = Box::pin(to.recv());
                    assert!(poll!(&mut second).is_pending());
                    soon(from.send(n)).await.unwrap();
                    drop(first);
                    assert_eq!($get(soon(second).await.unwrap()), n, "{scheme}");
                }
            }
        };
    }
    check!(Pull<u32>, Push<u32>, |it| it);
    check!(Pair<u32>, Pair<u32>, |it| it);
    check!(Router<u32>, Dealer<u32>, |it: (_, u32)| it.1);
}

#[tokio::test]
async fn all_that_wait_are_told_of_the_end() {
    let pull = Arc::new(Pull::<u32>::bind(inproc()).await.unwrap());
    let push = Arc::new(Push::<u32>::bind(inproc()).await.unwrap());
    let tasks = crowd(|_| {
        let (pull, push) = (pull.clone(), push.clone());
        async move {
            let (got, sent) = futures::future::join(pull.recv(), push.send(1)).await;
            got.is_err() && sent.is_err()
        }
    });
    tokio::task::yield_now().await;
    soon(futures::future::join(pull.close(), push.close())).await;
    assert!(all(tasks).await.into_iter().all(|it| it));
}
