//! osBrain's handlers of asynchronous requests: ASH01 to ASH04.

use std::time::Duration;

use gleis_channels::{AsyncReplier, AsyncRequester, Reply, RequestError, Serving, State};

use crate::support::{LONG, Notes, READY, SCHEMES, fresh, soon};

type Replier = AsyncReplier<u32, u32>;
type Requester = AsyncRequester<u32, u32>;

/// Somebody with a memory.
#[derive(Default)]
struct Alice {
    asked: Vec<u32>,
    heard: Vec<u32>,
}

impl Alice {
    async fn double(&mut self, n: u32) -> u32 {
        self.asked.push(n);
        2 * n
    }

    async fn double_by_hand(&mut self, n: u32, reply: Reply<u32>) {
        self.asked.push(n);
        reply.send(2 * n).await.unwrap();
    }

    async fn hear(&mut self, n: u32) {
        self.heard.push(n);
    }
}

async fn double(n: u32) -> Result<u32, std::num::TryFromIntError> {
    u32::try_from(2 * u64::from(n))
}

async fn bound(scheme: &str) -> Replier {
    Replier::bind(fresh(scheme)).await.unwrap()
}

/// A replier that doubles, in each form that a handler may have.
async fn doubling(scheme: &str, alice: &State<Alice>) -> [Serving<Replier>; 5] {
    [
        bound(scheme).await.serve(double),
        bound(scheme).await.serve(async |n| 2 * n),
        bound(scheme).await.serve_on(alice, Alice::double),
        bound(scheme).await.serve_asked(async |n, reply: Reply<u32>| reply.send(2 * n).await),
        bound(scheme).await.serve_asked_on(alice, Alice::double_by_hand),
    ]
}

#[tokio::test]
async fn ash01_without_a_handler_requests_wait_to_be_received() {
    for scheme in SCHEMES {
        let replier = bound(scheme).await;
        let requester = Requester::connect(replier.endpoint()).ready(READY).await.unwrap();
        // Nothing answers by itself; that there is no handler shows in the type.
        let unanswered = requester.request(3).unwrap().within(Duration::from_millis(20));
        let unanswered = soon(unanswered).await;
        assert!(matches!(unanswered, Err(RequestError::DeadlineExceeded { sent: true })));
        // Not synchronisation: the replier has it as long as the way of the request took.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let answer = requester.request(4).unwrap().within(LONG).start();
        // The one that expired is never handed out.
        let (n, reply) = soon(replier.recv()).await.unwrap();
        assert_eq!(n, 4);
        reply.send(8).await.unwrap();
        assert_eq!(soon(answer).await.unwrap(), 8);
        let stats = replier.stats();
        assert_eq!((stats.asked, stats.expired, stats.answered), (2, 1, 1));
        assert!(stats.is_balanced());
    }
}

#[tokio::test]
async fn ash02_a_handler_is_a_function_a_closure_or_a_method() {
    for scheme in SCHEMES {
        let alice = State::new(Alice::default());
        for replier in doubling(scheme, &alice).await {
            let requester = Requester::connect(replier.endpoint()).ready(READY).await.unwrap();
            assert_eq!(soon(requester.request(21).unwrap()).await.unwrap(), 42);
        }
        assert_eq!(alice.lock().await.asked, [21, 21]);
    }
}

#[tokio::test]
async fn ash03_the_handler_of_replies_is_given_at_connect_in_each_form() {
    for scheme in SCHEMES {
        let replier = bound(scheme).await.serve(double);
        let (notes, alice) = (Notes::default(), State::new(Alice::default()));
        let note = notes.clone();
        let closure = move |n: u32| {
            note.add(n.to_string());
            async {}
        };
        let connect = || Requester::connect(replier.endpoint());
        let by_closure = connect().handler(closure).await.unwrap();
        let by_method = connect().handler_on(&alice, Alice::hear).await.unwrap();
        by_closure.send(1).unwrap();
        by_method.send(2).unwrap();
        notes.until(1).await;
        notes.check(&["2"]);
        crate::support::until(|| by_method.stats().answered == 1).await;
        while soon(alice.lock()).await.heard.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(alice.lock().await.heard, [4]);
    }
}

#[tokio::test]
async fn ash04_without_one_at_connect_each_request_has_its_own() {
    for scheme in SCHEMES {
        let replier = bound(scheme).await.serve(double);
        let (notes, alice) = (Notes::default(), State::new(Alice::default()));
        let requester = Requester::connect(replier.endpoint()).await.unwrap();
        assert!(matches!(requester.send(1), Err(RequestError::NoHandler)));
        assert_eq!(requester.stats().asked, 0);
        let note = notes.clone();
        let by_closure = async move |n: u32| note.add(n.to_string());
        requester.request(1).unwrap().handler(by_closure).send().unwrap();
        requester.request(2).unwrap().handler_on(&alice, Alice::hear).send().unwrap();
        let note = notes.clone();
        let last = async move |n: u32| note.add(n.to_string());
        requester.request(3).unwrap().handler(last).send().unwrap();
        // Handlers run one after the other.
        notes.until(2).await;
        notes.check(&["2", "6"]);
        assert_eq!(alice.lock().await.heard, [4]);
    }
}

#[tokio::test]
async fn a_handler_of_a_request_overrides_the_default_one() {
    let replier = bound("tcp").await.serve(double);
    let notes = Notes::default();
    let (usual, other) = (notes.clone(), notes.clone());
    let requester = Requester::connect(replier.endpoint()).handler(move |n: u32| {
        usual.add(format!("usual {n}"));
        async {}
    });
    let requester = requester.await.unwrap();
    let deaf = async move |_: u32| other.add("deaf");
    requester.request(1).unwrap().handler(deaf).send().unwrap();
    requester.send(2).unwrap();
    notes.until(2).await;
    notes.check(&["deaf", "usual 4"]);
}
