//! Many messages taken with one call.

use futures::{StreamExt, poll};
use gleis_patterns::{Pull, Push, RecvError, Router};

use crate::support::{SCHEMES, fresh, inproc, soon, until};

#[tokio::test]
async fn what_is_there_is_taken_together_and_no_more_than_was_asked_for() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        for n in 0..200 {
            soon(push.send(n)).await.unwrap();
        }
        until(|| pull.stats().received.queued == 200).await;
        let mut all = vec![99];
        assert_eq!(soon(pull.recv_many(&mut all, 0)).await.unwrap(), 0);
        assert_eq!(soon(pull.recv_many(&mut all, 4)).await.unwrap(), 4);
        assert_eq!(soon(pull.recv_many(&mut all, 1)).await.unwrap(), 1);
        assert_eq!(soon(pull.recv_many(&mut all, usize::MAX)).await.unwrap(), 195);
        assert!(all.into_iter().eq([99].into_iter().chain(0..200)), "{scheme}");
        let received = pull.stats().received;
        assert_eq!((received.delivered, received.queued), (200, 0));
    }
}

#[tokio::test]
async fn a_batch_waits_for_its_first_message_only() {
    let pull = Pull::<u32>::bind(inproc()).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    soon(push.wait_for_peers(1)).await;
    let mut all = Vec::new();
    let mut waiting = Box::pin(pull.recv_many(&mut all, 10));
    assert!(poll!(&mut waiting).is_pending());
    push.try_send(1).unwrap();
    assert_eq!(soon(waiting).await.unwrap(), 1);
    // Dropped, it has taken nothing.
    let mut dropped = Box::pin(pull.recv_many(&mut all, 10));
    assert!(poll!(&mut dropped).is_pending());
    push.try_send(2).unwrap();
    drop(dropped);
    assert_eq!(soon(pull.recv_many(&mut all, 10)).await.unwrap(), 1);
    assert_eq!(all, [1, 2]);
}

#[tokio::test]
async fn a_batch_is_as_fair_as_single_messages_are() {
    let router = Router::<u32>::bind(inproc()).await.unwrap();
    let mut dealers = Vec::new();
    for name in ["a", "b", "c"] {
        let dealer = gleis_patterns::Dealer::<u32>::connect(router.endpoint()).identity(name);
        dealers.push(dealer.await.unwrap());
    }
    soon(router.wait_for_peers(3)).await;
    for dealer in &dealers {
        for n in 0..100 {
            soon(dealer.send(n)).await.unwrap();
        }
    }
    let mut batch = Vec::new();
    assert_eq!(soon(router.recv_many(&mut batch, 30)).await.unwrap(), 30);
    for name in ["a", "b", "c"] {
        let own: Vec<_> = batch.iter().filter(|(id, _)| *id == name.into()).collect();
        assert!(own.iter().map(|it| it.1).eq(0..10), "{name}: {own:?}");
    }
}

#[tokio::test]
async fn a_bad_message_is_told_by_the_next_call_whatever_that_is() {
    for scheme in SCHEMES {
        let pull = Pull::<u8>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<String>::connect(pull.endpoint()).await.unwrap();
        let (good, bad) = (String::new(), "bad".to_owned());
        for call in 0..4 {
            for message in [&good, &bad, &good] {
                soon(push.send(message)).await.unwrap();
            }
            until(|| pull.stats().received.queued == 3).await;
            let mut batch = Vec::new();
            assert_eq!(soon(pull.recv_many(&mut batch, 9)).await.unwrap(), 1, "{scheme}");
            let told = match call {
                0 => soon(pull.recv()).await.map(|_| 1),
                1 => soon(pull.recv_many(&mut batch, 9)).await,
                2 => pull.try_recv().map(|_| 1),
                _ => soon(Box::pin(pull.stream()).next()).await.unwrap().map(|_| 1),
            };
            assert!(matches!(told, Err(RecvError::Decode { .. })), "{scheme} {call}: {told:?}");
            assert_eq!(soon(pull.recv_many(&mut batch, 9)).await.unwrap(), 1);
            assert_eq!(batch, [0, 0]);
        }
        let received = pull.stats().received;
        assert_eq!((received.delivered, received.dropped.undecodable), (8, 4), "{scheme}");
    }
}

/// Good and bad messages in any order, taken in any way: every one is seen once and in order.
#[tokio::test]
async fn however_it_is_taken_each_message_is_told_once_and_in_order() {
    for (seed, scheme) in SCHEMES.into_iter().cycle().take(20).enumerate() {
        let mut rng = fastrand::Rng::with_seed(seed as u64);
        let pull = Pull::<u8>::bind(fresh(scheme)).high_water(rng.usize(1..300)).await.unwrap();
        let push = Push::<String>::connect(pull.endpoint()).await.unwrap();
        let plan: Vec<bool> = (0..200).map(|_| rng.u8(0..4) != 0).collect();
        let sending = async {
            for good in &plan {
                push.send(if *good { "" } else { "bad" }.to_owned()).await.unwrap();
            }
        };
        let receiving = async {
            let mut told = Vec::new();
            while told.len() < plan.len() {
                let mut batch = Vec::new();
                let res = match rng.u8(0..4) {
                    0 => pull.recv().await.map(|_| 1),
                    1 => pull.recv_many(&mut batch, rng.usize(1..20)).await,
                    2 => pull.try_recv().map(|_| 1),
                    _ => Box::pin(pull.stream()).next().await.unwrap().map(|_| 1),
                };
                match res {
                    Ok(n) => told.extend(vec![true; n]),
                    Err(RecvError::Decode { .. }) => told.push(false),
                    Err(RecvError::Empty) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error}"),
                }
            }
            told
        };
        let ((), told) = soon(futures::future::join(sending, receiving)).await;
        assert_eq!(told, plan, "{scheme} {seed}");
    }
}
