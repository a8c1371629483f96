//! Where a socket listens and what it connects to, while it is in use.

use std::time::Duration;

use bytes::Bytes;
use futures::poll;
use gleis_patterns::{
    Endpoint, Event, OpenError, Overflow, Publisher, Pull, Push, RecvError, Replier, Requester,
    SendError, Subscriber,
};
use gleis_test::wait::PATIENCE;
use tokio::time::Instant;

use crate::support::{SCHEMES, fresh, inproc, soon, until};

#[tokio::test]
async fn an_unbound_address_is_free_at_once_and_its_peers_stay() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let at = pull.endpoint().clone();
        let push = Push::<u32>::connect(&at).await.unwrap();
        soon(push.send(1)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), 1);
        assert!(soon(pull.unbind(&at)).await, "{scheme}");
        assert!(!soon(pull.unbind(&at)).await, "{scheme}");
        let heir = Pull::<u32>::bind(&at).await.unwrap();
        for n in 2..50 {
            soon(push.send(n)).await.unwrap();
            assert_eq!(soon(pull.recv()).await.unwrap(), n, "{scheme}");
        }
        let newcomer = Push::<u32>::connect(&at).await.unwrap();
        soon(newcomer.send(99)).await.unwrap();
        assert_eq!(soon(heir.recv()).await.unwrap(), 99, "{scheme}");
        assert_eq!((pull.peers().len(), heir.peers().len()), (1, 1), "{scheme}");
    }
}

#[tokio::test]
async fn a_socket_that_listens_nowhere_any_more_can_be_bound_again() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let at = pull.endpoint().clone();
        assert!(soon(pull.unbind(&at)).await);
        let opening = Push::<u32>::connect(&at).connect_patience(Duration::ZERO);
        let early = opening.queue_without_peer().await.unwrap();
        early.send(1).await.unwrap();
        assert_eq!(pull.also_bind(&at).await.unwrap(), at, "{scheme}");
        assert_eq!(soon(pull.recv()).await.unwrap(), 1, "{scheme}");
    }
}

#[tokio::test]
async fn one_socket_listens_on_every_transport() {
    let pull = Pull::<u32>::bind(fresh(SCHEMES[0])).await.unwrap();
    let mut pushes = vec![Push::<u32>::connect(pull.endpoint()).await.unwrap()];
    for scheme in SCHEMES.into_iter().chain(SCHEMES) {
        let at = pull.also_bind(fresh(scheme)).await.unwrap();
        pushes.push(Push::<u32>::connect(&at).await.unwrap());
    }
    for (push, n) in pushes.iter().zip(0..) {
        soon(push.send(n)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), n);
    }
    assert_eq!(pull.peers().len(), pushes.len());
}

#[tokio::test]
async fn an_address_is_bound_once() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let error = pull.also_bind(pull.endpoint()).await.unwrap_err();
        assert!(matches!(error, OpenError::Listen(_)), "{scheme}: {error}");
        // The first is none the worse for it.
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        soon(push.send(1)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), 1, "{scheme}");
    }
}

#[tokio::test]
async fn one_socket_connects_to_many_endpoints() {
    let mut pulls = Vec::new();
    for scheme in SCHEMES.into_iter().chain(SCHEMES) {
        pulls.push(Pull::<u32>::bind(fresh(scheme)).await.unwrap());
    }
    let push = Push::<u32>::connect(pulls[0].endpoint()).await.unwrap();
    for pull in &pulls[1..] {
        push.also_connect(pull.endpoint()).await.unwrap();
    }
    push.ready(PATIENCE).await.unwrap();
    let n_pulls = pulls.len() as u32;
    for n in 0..10 * n_pulls {
        soon(push.send(n)).await.unwrap();
    }
    let mut all = Vec::new();
    for pull in &pulls {
        for _ in 0..10 {
            all.push(soon(pull.recv()).await.unwrap());
        }
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..10 * n_pulls));
    assert_eq!(*push.endpoint(), *pulls[0].endpoint());
}

#[tokio::test]
async fn what_is_queued_leaves_before_a_connection_is_ended() {
    for scheme in SCHEMES {
        let pull = Pull::<Bytes>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<Bytes>::connect(pull.endpoint()).linger(PATIENCE).await.unwrap();
        soon(push.wait_for_peers(1)).await;
        for n in 0..200 {
            push.try_send(Bytes::from(vec![n; 10_000])).unwrap();
        }
        let taking = async {
            for n in 0..200 {
                assert_eq!(pull.recv().await.unwrap(), vec![n; 10_000], "{scheme}");
            }
        };
        let ending = push.disconnect(pull.endpoint());
        assert!(soon(futures::future::join(ending, taking)).await.0, "{scheme}");
        assert!(push.peers().is_empty());
        assert!(!soon(push.disconnect(pull.endpoint())).await, "{scheme}");
        until(|| pull.peers().is_empty()).await;
        let sent = push.stats().sent;
        assert_eq!((sent.delivered, sent.dropped.total()), (200, 0), "{scheme}");
        // It may be connected to anew, and so may another one.
        push.also_connect(pull.endpoint()).await.unwrap();
        soon(push.send(Bytes::from_static(&[1]))).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), &[1][..], "{scheme}");
    }
}

#[tokio::test]
async fn what_does_not_leave_in_time_is_counted_when_a_connection_is_ended() {
    for scheme in ["ipc", "tcp"] {
        let stuck = Pull::<Bytes>::bind(fresh(scheme)).high_water(1).await.unwrap();
        let push = Push::<Bytes>::connect(stuck.endpoint()).linger(Duration::from_millis(5));
        let push = push.await.unwrap();
        let mut events = push.events();
        soon(push.wait_for_peers(1)).await;
        let body = Bytes::from(vec![0; 50_000]);
        until(|| {
            loop {
                match push.try_send(&body) {
                    Ok(()) => continue,
                    Err(_) => break 300 <= push.stats().sent.queued,
                }
            }
        })
        .await;
        assert!(soon(push.disconnect(stuck.endpoint())).await);
        let sent = push.stats().sent;
        assert!(sent.is_balanced() && 300 <= sent.dropped.closed, "{scheme}: {sent:?}");
        loop {
            if let Event::Disconnected { unsent, .. } = soon(events.recv()).await.unwrap() {
                assert_eq!(unsent as u64, sent.dropped.closed, "{scheme}");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_disconnected_is_not_connected_to_again() {
    let pull = Pull::<u32>::bind(inproc()).await.unwrap();
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    soon(push.wait_for_peers(1)).await;
    let mut events = push.events();
    assert!(soon(push.disconnect(pull.endpoint())).await);
    // Not synchronisation: an hour in which nothing may happen.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(push.peers().is_empty() && pull.peers().is_empty());
    assert!(matches!(soon(events.recv()).await, Some(Event::Disconnected { .. })));
    let mut next = Box::pin(events.recv());
    assert!(poll!(&mut next).is_pending());
}

#[tokio::test]
async fn whoever_is_not_there_yet_can_be_given_up() {
    for scheme in ["inproc", "ipc", "tcp"] {
        let gone = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let at = gone.endpoint().clone();
        soon(gone.close()).await;
        let push = Push::<u32>::connect(&at).connect_patience(Duration::ZERO).await.unwrap();
        assert!(soon(push.disconnect(&at)).await, "{scheme}");
        assert!(!soon(push.disconnect(&at)).await, "{scheme}");
        let pull = Pull::<u32>::bind(&at).await.unwrap();
        let other = Push::<u32>::connect(&at).await.unwrap();
        soon(other.send(1)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), 1);
        assert_eq!((push.peers().len(), pull.peers().len()), (0, 1), "{scheme}");
    }
}

#[tokio::test]
async fn an_endpoint_that_was_connected_to_twice_is_disconnected_once() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let other = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        push.also_connect(pull.endpoint()).await.unwrap();
        push.also_connect(other.endpoint()).await.unwrap();
        push.ready(PATIENCE).await.unwrap();
        assert_eq!(pull.peers().len(), 2, "{scheme}");
        assert!(soon(push.disconnect(pull.endpoint())).await);
        assert!(!soon(push.disconnect(pull.endpoint())).await, "{scheme}");
        until(|| pull.peers().is_empty()).await;
        for n in 0..10 {
            soon(push.send(n)).await.unwrap();
            assert_eq!(soon(other.recv()).await.unwrap(), n, "{scheme}");
        }
    }
}

#[tokio::test]
async fn a_name_is_disconnected_by_the_name_it_was_connected_by() {
    let pull = Pull::<u32>::bind("tcp://127.0.0.1:0").await.unwrap();
    let named = pull.endpoint().to_string().replace("127.0.0.1", "localhost");
    let named: Endpoint = named.parse().unwrap();
    let push = Push::<u32>::connect(&named).await.unwrap();
    soon(push.wait_for_peers(1)).await;
    assert!(soon(push.disconnect(&named)).await);
    assert!(push.peers().is_empty());
    until(|| pull.peers().is_empty()).await;
}

#[tokio::test]
async fn the_others_take_over_from_whoever_was_disconnected() {
    for scheme in SCHEMES {
        let (a, b) = (Replier::<u32, u32>::bind(fresh(scheme)), fresh(scheme));
        let (a, b) = (a.await.unwrap(), Replier::<u32, u32>::bind(b).await.unwrap());
        let requester = Requester::<u32, u32>::connect(a.endpoint()).await.unwrap();
        requester.also_connect(b.endpoint()).await.unwrap();
        requester.ready(PATIENCE).await.unwrap();
        assert!(soon(requester.disconnect(a.endpoint())).await);
        let answering = async {
            for _ in 0..10 {
                let (n, reply) = b.recv().await.unwrap();
                reply.send(n + 1).await.unwrap();
            }
        };
        let asking = async {
            for n in 0..10 {
                assert_eq!(requester.request(n).await.unwrap(), n + 1, "{scheme}");
            }
        };
        soon(futures::future::join(asking, answering)).await;
        assert!(matches!(a.try_recv(), Err(RecvError::Empty)));
    }
}

#[tokio::test(start_paused = true)]
async fn not_ready_is_said_when_the_time_is_over() {
    let second = Duration::from_secs(1);
    let pull = Pull::<u32>::bind(inproc()).await.unwrap();
    let start = Instant::now();
    let error = pull.ready(second).await.unwrap_err();
    assert!(matches!(error, OpenError::NotReady { after } if after == second));
    assert_eq!(start.elapsed(), second);
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    pull.ready(second).await.unwrap();
    push.ready(second).await.unwrap();
    assert_eq!(start.elapsed(), second);
    // One of two is not enough, until the other one is given up or comes.
    let missing: Endpoint = inproc().parse().unwrap();
    push.also_connect(&missing).await.unwrap();
    assert!(matches!(push.ready(second).await, Err(OpenError::NotReady { .. })));
    let late = async {
        // Not synchronisation: the clock runs only when all wait.
        tokio::time::sleep(second).await;
        Pull::<u32>::bind(&missing).await.unwrap()
    };
    let (ready, late) = futures::future::join(push.ready(60 * second), late).await;
    ready.unwrap();
    assert_eq!(late.peers().len(), 1);
    drop(late);
    until(|| push.peers().len() == 1).await;
    assert!(matches!(push.ready(second).await, Err(OpenError::NotReady { .. })));
    assert!(push.disconnect(&missing).await);
    push.ready(second).await.unwrap();
}

#[tokio::test]
async fn ready_ends_with_the_socket() {
    let pull = Pull::<u32>::bind(inproc()).await.unwrap();
    let (ready, _) = soon(futures::future::join(pull.ready(PATIENCE), pull.close())).await;
    assert!(matches!(ready, Err(OpenError::Closed)));
    assert!(matches!(pull.ready(PATIENCE).await, Err(OpenError::Closed)));
}

#[tokio::test]
async fn once_ready_the_first_publication_arrives_from_every_publisher() {
    for scheme in SCHEMES {
        let open = || Publisher::<u32>::bind(fresh(scheme)).overflow(Overflow::Fail);
        let publishers = [open().await.unwrap(), open().await.unwrap()];
        let it = Subscriber::<u32>::connect(publishers[0].endpoint()).subscribe("a");
        let it = it.await.unwrap();
        it.also_connect(publishers[1].endpoint()).await.unwrap();
        it.subscribe("b");
        it.ready(PATIENCE).await.unwrap();
        if scheme.starts_with("zmq") {
            // Such a link tells nobody that it is ready: what is published may be too early.
            for publisher in &publishers {
                soon(publisher.wait_for_subscribers(1)).await;
            }
            continue;
        }
        for publisher in &publishers {
            publisher.publish("a", 1).await.unwrap();
            publisher.publish("b", 2).await.unwrap();
        }
        let mut sum = 0;
        for _ in 0..4 {
            sum += soon(it.recv()).await.unwrap().message;
        }
        assert_eq!(sum, 6, "{scheme}");
    }
}

#[tokio::test]
async fn a_closed_socket_is_neither_bound_nor_connected() {
    let push = Push::<u32>::bind(inproc()).await.unwrap();
    let at = push.endpoint().clone();
    soon(push.close()).await;
    assert!(matches!(push.also_bind(inproc()).await, Err(OpenError::Closed)));
    assert!(matches!(soon(push.also_connect(inproc())).await, Err(OpenError::Closed)));
    assert!(!push.unbind(&at).await && !push.disconnect(&at).await);
    assert!(matches!(push.try_send(1), Err(SendError::Closed)));
    Push::<u32>::bind(&at).await.unwrap();
}
