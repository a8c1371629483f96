//! A dealer that hears, and routes back.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use gleis_patterns::{
    Framed, Hearer, HearingDealer, Multipart, Options, Overflow, Router, Said, SendError,
};

use crate::support::{SCHEMES, fresh, soon, until};

/// What was heard, in order.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<(u64, Framed)>>,
    here: Mutex<Vec<u64>>,
    is_full: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Ear {
    fn n_heard(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::SeqCst);
        self.wakers.lock().unwrap().drain(..).for_each(Waker::wake);
    }
}

impl Hearer for Ear {
    fn came(&self, peer: u64) {
        self.here.lock().unwrap().push(peer);
    }

    fn gone(&self, peer: u64) {
        self.here.lock().unwrap().retain(|it| *it != peer);
    }

    fn hear(&self, peer: u64, messages: &mut dyn Iterator<Item = Framed>) {
        self.heard.lock().unwrap().extend(messages.map(|it| (peer, it)));
    }

    fn has_room(&self) -> bool {
        !self.is_full.load(Ordering::SeqCst)
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.wakers.lock().unwrap().push(cx.waker().clone());
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn framed(text: &'static str) -> Framed {
    Framed::new(Multipart::new([text]).frames, "body")
}

async fn bound(scheme: &str) -> (HearingDealer, Arc<Ear>) {
    let ear = Arc::new(Ear::default());
    let at = fresh(scheme).parse().unwrap();
    let dealer = HearingDealer::bind(at, Options::default(), None, ear.clone()).await.unwrap();
    (dealer, ear)
}

#[tokio::test]
async fn it_knows_whom_it_spoke_to_and_hears_who_says_what() {
    for scheme in SCHEMES {
        let (dealer, ear) = bound(scheme).await;
        let said = dealer.offer(|_| Ok::<_, Infallible>(framed("nobody")));
        assert!(matches!(said, Said::Nobody), "{said:?}");
        let mut routers = Vec::new();
        for n in 1..=2 {
            routers.push(Router::<Framed>::connect(dealer.endpoint()).await.unwrap());
            soon(dealer.wait_for_peers(n)).await;
        }
        let mut asked = Vec::new();
        for _ in 0..2 {
            let said = dealer.offer(|peer| {
                asked.push(peer);
                Ok::<_, Infallible>(framed("q"))
            });
            assert!(matches!(said, Said::Sent), "{said:?}");
        }
        assert!(asked[0] != asked[1] && dealer.n_peers() == 2);
        for router in &routers {
            let mut some = Vec::new();
            soon(router.recv_many_routed(&mut some, 10)).await.unwrap();
            let (route, question) = some.pop().unwrap();
            assert_eq!((question, some.len()), (framed("q"), 0));
            assert!(router.peer_ids().contains(route.peer()) && !route.is_over());
            route.try_send(framed("1")).unwrap();
            soon(route.send(framed("2"))).await.unwrap();
        }
        until(|| ear.n_heard() == 4).await;
        for peer in &asked {
            let heard = ear.heard.lock().unwrap();
            let its: Vec<_> = heard.iter().filter(|it| it.0 == *peer).map(|it| &it.1).collect();
            assert_eq!(its, [&framed("1"), &framed("2")]);
        }
        let gone = routers.remove(0);
        drop(gone);
        until(|| ear.here.lock().unwrap().len() == 1).await;
        assert!(matches!(dealer.try_send_to(99, framed("x")), Err(SendError::NoPeer)));
        let left = ear.here.lock().unwrap()[0];
        dealer.try_send_to(left, framed("x")).unwrap();
        dealer.close().await;
        assert!(!dealer.room().await);
        let said = dealer.offer(|_| Ok::<_, Infallible>(framed("late")));
        assert!(matches!(said, Said::Closed), "{said:?}");
    }
}

#[tokio::test]
async fn what_is_not_made_is_not_sent() {
    let (dealer, _ear) = bound("inproc").await;
    let _router = Router::<Framed>::connect(dealer.endpoint()).await.unwrap();
    soon(dealer.wait_for_peers(1)).await;
    let said = dealer.offer(|_| Err::<Framed, _>("no"));
    assert!(matches!(said, Said::Failed("no")), "{said:?}");
}

#[tokio::test]
async fn whoever_has_no_room_is_not_read() {
    for scheme in SCHEMES {
        let (dealer, ear) = bound(scheme).await;
        ear.fill(true);
        let router = Router::<Framed>::connect(dealer.endpoint()).await.unwrap();
        soon(dealer.wait_for_peers(1)).await;
        dealer.offer(|_| Ok::<_, Infallible>(framed("q")));
        let mut some = Vec::new();
        soon(router.recv_many_routed(&mut some, 1)).await.unwrap();
        let (route, _) = some.pop().unwrap();
        let shared = router.share(Framed::new(Multipart::new(["a"]).frames, vec![0; 1 << 20]));
        let shared = shared.unwrap();
        // Until nothing on the way has room.
        while route.give_lightly(&shared) {
            tokio::task::yield_now().await;
        }
        assert!(ear.n_heard() <= 128, "{} were heard", ear.n_heard());
        let n_before = ear.n_heard();
        let mut waiting = Box::pin(route.give(&shared, Overflow::Block));
        assert!(futures::poll!(&mut waiting).is_pending());
        ear.fill(false);
        soon(waiting).await.unwrap();
        until(|| n_before < ear.n_heard()).await;
        // It holds nothing of the connection.
        let weak = route.downgrade();
        assert!(weak.upgrade().is_some());
        drop((dealer, route));
        until(|| weak.upgrade().is_none_or(|it| it.is_over())).await;
    }
}
