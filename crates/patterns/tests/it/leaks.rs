//! Nothing is left behind.

use std::path::PathBuf;

use gleis_patterns::{Endpoint, Publisher, Pull, Push, Replier, Requester, Subscriber};
use tokio::runtime::Handle;

use crate::support::{SCHEMES, fresh, soon, until};

fn n_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

fn socket_file(at: &Endpoint) -> Option<PathBuf> {
    let text = at.to_string();
    text.strip_prefix("ipc://").filter(|it| !it.starts_with('@')).map(PathBuf::from)
}

#[tokio::test]
async fn dropped_sockets_leave_no_task_and_no_file() {
    for scheme in SCHEMES {
        let before = n_tasks();
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        soon(push.send(1)).await.unwrap();
        soon(pull.recv()).await.unwrap();
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let subscriber =
            Subscriber::<u32>::connect(publisher.endpoint()).subscribe("").await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        let replier = Replier::<u32, u32>::bind(fresh(scheme)).await.unwrap();
        let requester = Requester::<u32, u32>::connect(replier.endpoint()).await.unwrap();
        let (asked, answered) = (requester.request(1), async {
            let (n, reply) = replier.recv().await.unwrap();
            reply.send(n).await.unwrap();
        });
        soon(futures::future::join(asked, answered)).await.0.unwrap();
        let files: Vec<_> = [pull.endpoint(), publisher.endpoint(), replier.endpoint()]
            .into_iter()
            .filter_map(socket_file)
            .collect();
        assert!(files.iter().all(|it| it.exists()));
        assert!(before < n_tasks());
        drop((push, pull, publisher, subscriber, requester, replier));
        until(|| n_tasks() == before).await;
        until(|| !files.iter().any(|it| it.exists())).await;
    }
}

#[tokio::test]
async fn closed_sockets_leave_no_task() {
    for scheme in SCHEMES {
        let before = n_tasks();
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        soon(push.send(1)).await.unwrap();
        assert_eq!(soon(push.close()).await, 0);
        soon(pull.close()).await;
        assert!(push.peers().is_empty() && pull.peers().is_empty());
        until(|| n_tasks() == before).await;
    }
}

#[tokio::test]
async fn values_on_their_way_are_dropped_with_their_sockets() {
    use std::sync::Arc;
    for scheme in SCHEMES {
        // `Arc` tells whether anybody still holds the value.
        let value = Arc::new(7_u32);
        let pull = Pull::<Held>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<Held>::connect(pull.endpoint()).await.unwrap();
        for _ in 0..10 {
            soon(push.send(Held(value.clone()))).await.unwrap();
        }
        until(|| pull.stats().received.queued == 10).await;
        drop(push);
        drop(pull);
        until(|| Arc::strong_count(&value) == 1).await;
    }
}

#[derive(Clone)]
struct Held(std::sync::Arc<u32>);

impl serde::Serialize for Held {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> serde::Deserialize<'de> for Held {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        serde::Deserialize::deserialize(from).map(|it| Self(std::sync::Arc::new(it)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_come_and_go_all_the_time_leave_nothing() {
    for scheme in SCHEMES {
        let before = n_tasks();
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let replier = Replier::<u32, u32>::bind(fresh(scheme)).await.unwrap();
        let feed = publisher.endpoint().clone();
        let (jobs, questions) = (pull.endpoint().clone(), replier.endpoint().clone());
        let publishing = tokio::spawn(async move {
            loop {
                publisher.publish("a", 1).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let pulling = tokio::spawn(async move { while pull.recv().await.is_ok() {} });
        let answering = tokio::spawn(async move {
            while let Ok((n, reply)) = replier.recv().await {
                // Whoever asked may be gone already.
                let _ = reply.send(n).await;
            }
        });
        let visitors: Vec<_> = (0..4)
            .map(|_| {
                let (feed, jobs, questions) = (feed.clone(), jobs.clone(), questions.clone());
                tokio::spawn(async move {
                    for n in 0..25 {
                        let it = Subscriber::<u32>::connect(&feed).subscribe("a").await.unwrap();
                        it.recv().await.unwrap();
                        let push = Push::<u32>::connect(&jobs).await.unwrap();
                        push.send(n).await.unwrap();
                        let asker = Requester::<u32, u32>::connect(&questions).await.unwrap();
                        assert_eq!(asker.request(n).await.unwrap(), n);
                    }
                })
            })
            .collect();
        for visitor in visitors {
            soon(visitor).await.unwrap();
        }
        for task in [publishing, pulling, answering] {
            task.abort();
            assert!(soon(task).await.unwrap_err().is_cancelled());
        }
        until(|| n_tasks() == before).await;
    }
}

#[tokio::test]
async fn peers_that_are_gone_leave_something_up_to_a_bound_and_the_rest_is_counted() {
    let pull = Pull::<u32>::bind(fresh("inproc")).max_peers(10).await.unwrap();
    for n in 0..1_100 {
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        push.send(n).await.unwrap();
        push.close().await;
    }
    until(|| pull.peers().is_empty()).await;
    let received = pull.stats().received;
    assert_eq!((received.queued, received.dropped.closed), (1_000, 100));
    assert_eq!(pull.recv().await.unwrap(), 100);
}
