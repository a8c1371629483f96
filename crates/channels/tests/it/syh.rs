//! osBrain's handlers of synced publications: SYH01 to SYH04.

use gleis_channels::{
    Event, Publication, Reply, RequestError, Serving, State, SyncPublisher, SyncSubscriber,
};

use crate::support::{Notes, READY, SCHEMES, fresh, soon, until};

type Publisher = SyncPublisher<u32, u32, u32>;
type Subscriber = SyncSubscriber<u32, u32, u32>;

/// Somebody with a memory.
#[derive(Default)]
struct Alice {
    heard: Vec<u32>,
}

impl Alice {
    async fn double(&mut self, n: u32) -> u32 {
        self.heard.push(n);
        2 * n
    }

    async fn double_by_hand(&mut self, n: u32, reply: Reply<u32>) {
        self.heard.push(n);
        reply.send(2 * n).await.unwrap();
    }

    async fn read(&mut self, it: Publication<u32>) {
        self.heard.push(it.message);
    }

    async fn hear(&mut self, n: u32) {
        self.heard.push(n);
    }
}

async fn double(n: u32) -> u32 {
    2 * n
}

async fn bound(scheme: &str) -> Publisher {
    Publisher::bind(fresh(scheme)).await.unwrap()
}

async fn heard(alice: &State<Alice>, expect: &[u32]) {
    let waiting = async {
        while alice.lock().await.heard.len() < expect.len() {
            tokio::task::yield_now().await;
        }
    };
    soon(waiting).await;
    assert_eq!(alice.lock().await.heard, expect);
}

#[tokio::test]
async fn syh01_without_a_handler_requests_wait_to_be_received() {
    for scheme in SCHEMES {
        let publisher = bound(scheme).await;
        let subscriber = Subscriber::connect(publisher.endpoint()).ready(READY).await.unwrap();
        let answer = subscriber.request(3).unwrap().start();
        let (n, reply) = soon(publisher.recv()).await.unwrap();
        reply.send(n + 1).await.unwrap();
        assert_eq!(soon(answer).await.unwrap(), 4);
    }
}

#[tokio::test]
async fn syh02_a_handler_of_requests_is_a_function_a_closure_or_a_method() {
    for scheme in SCHEMES {
        let alice = State::new(Alice::default());
        let publishers: [Serving<Publisher>; 5] = [
            bound(scheme).await.serve(double),
            bound(scheme).await.serve(async |n| 2 * n),
            bound(scheme).await.serve_on(&alice, Alice::double),
            bound(scheme).await.serve_asked(async |n, reply: Reply<u32>| reply.send(2 * n).await),
            bound(scheme).await.serve_asked_on(&alice, Alice::double_by_hand),
        ];
        for publisher in publishers {
            let subscriber = Subscriber::connect(publisher.endpoint()).await.unwrap();
            assert_eq!(soon(subscriber.request(21).unwrap()).await.unwrap(), 42);
        }
        heard(&alice, &[21, 21]).await;
    }
}

#[tokio::test]
async fn syh03_a_handler_of_publications_is_a_closure_or_a_method() {
    for scheme in SCHEMES {
        let (publisher, alice) = (bound(scheme).await, State::new(Alice::default()));
        let notes = Notes::default();
        let note = notes.clone();
        let closure = move |it: Publication<u32>| {
            note.add(format!("{} {}", it.topic.escape_ascii(), it.message));
            async {}
        };
        let connect = || Subscriber::connect(publisher.endpoint());
        let _by_closure = connect().on("a", closure).ready(READY).await.unwrap();
        let by_method = connect().on_with("a", &alice, Alice::read).ready(READY).await.unwrap();
        by_method.on_with("b", &alice, Alice::read);
        by_method.ready(READY).await.unwrap();
        for (topic, n) in [("ab", 1), ("b", 2)] {
            publisher.publish(topic, n).await.unwrap();
        }
        notes.until(1).await;
        notes.check(&["ab 1"]);
        heard(&alice, &[1, 2]).await;
    }
}

#[tokio::test]
async fn syh04_a_request_has_a_handler_of_its_own_or_its_answer_is_received() {
    for scheme in SCHEMES {
        let (publisher, alice) = (bound(scheme).await.serve(double), State::new(Alice::default()));
        let subscriber = Subscriber::connect(publisher.endpoint()).ready(READY).await.unwrap();
        let notes = Notes::default();
        let note = notes.clone();
        let closure = async move |n: u32| note.add(n.to_string());
        subscriber.request(1).unwrap().handler(closure).send().unwrap();
        subscriber.request(2).unwrap().handler_on(&alice, Alice::hear).send().unwrap();
        let third = subscriber.ask(3).unwrap();
        let Event::Reply { to, message } = soon(subscriber.recv()).await.unwrap() else {
            panic!("a reply");
        };
        assert_eq!((to, message), (third, 6));
        notes.until(1).await;
        notes.check(&["2"]);
        heard(&alice, &[4]).await;
        // What to do with an error and not what to do with an answer makes no sense.
        let request = subscriber.request(4).unwrap();
        let request = request.on_error(async |_: RequestError| ());
        assert!(matches!(request.send(), Err(RequestError::NoHandler)));
        until(|| subscriber.in_flight() == 0).await;
    }
}
