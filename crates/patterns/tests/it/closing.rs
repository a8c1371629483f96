//! Closing a socket or a link, by somebody who stops waiting for it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{Builder, Dealer, Endpoint, PeerId, Pull, Push, RecvError, Router};
use gleis_transport::{Connection, LinkConfig, SocketType, connect};

use crate::support::{SCHEMES, fresh, soon};

const LONG: Duration = Duration::from_secs(600);

/// A peer that reads nothing.
async fn deaf(at: &Endpoint, socket_type: SocketType) -> Connection {
    soon(connect(at, &Arc::new(LinkConfig::new(socket_type)))).await.unwrap()
}

fn patient<S>(builder: Builder<S>) -> Builder<S> {
    builder.linger(LONG).high_water(10)
}

fn large() -> Bytes {
    Bytes::from(vec![0; 1 << 20])
}

#[tokio::test]
async fn whoever_stops_waiting_for_the_close_has_ended_receiving_too() {
    let dealer = patient(Dealer::<Bytes>::bind(fresh("tcp"))).await.unwrap();
    let _deaf = deaf(dealer.endpoint(), SocketType::Router).await;
    dealer.wait_for_peers(1).await;
    while dealer.try_send(large()).is_ok() {}
    assert!(futures::poll!(pin!(dealer.close())).is_pending());
    assert!(matches!(soon(dealer.recv()).await, Err(RecvError::Closed)));
    assert!(dealer.peers().is_empty());
    assert!(dealer.stats().sent.is_balanced());
}

#[tokio::test]
async fn whoever_stops_waiting_for_a_peer_to_be_disconnected_is_rid_of_it() {
    let router = patient(Router::<Bytes>::bind(fresh("tcp"))).await.unwrap();
    let _deaf = deaf(router.endpoint(), SocketType::Dealer).await;
    soon(router.wait_for_peers(1)).await;
    let peer: PeerId = router.peer_ids().remove(0);
    while router.try_send_to(&peer, large()).is_ok() {}
    assert!(futures::poll!(pin!(router.disconnect_peer(&peer))).is_pending());
    assert!(router.peers().is_empty());
    assert!(router.stats().sent.is_balanced());
}

#[tokio::test]
async fn to_linger_for_ever_is_possible() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).linger(Duration::MAX).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).linger(Duration::MAX).await.unwrap();
        soon(push.send(1)).await.unwrap();
        let (unsent, received) = soon(async { tokio::join!(push.close(), pull.recv()) }).await;
        assert_eq!((unsent, received.unwrap()), (0, 1));
        soon(pull.close()).await;
    }
}
