//! What only links within a process can do wrong.

use std::sync::Arc;

use bytes::Bytes;
use gleis_test::transport_suite::World;
use gleis_test::wait::within;
use gleis_transport::{CloseReason, Control, HighWater, Message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tally_may_be_read_while_messages_give_way() {
    let world = World::new(super::inproc);
    let ends = world
        .ends_with(|it| it.options.recv_high_water = HighWater { messages: 1, bytes: 1 << 20 })
        .await;
    let (out, _near_in) = ends.near.split();
    let out = Arc::new(out);
    let displacing = tokio::task::spawn_blocking({
        let out = out.clone();
        move || (0..1_000_000).for_each(|_| drop(out.displace(Message::single("x"))))
    });
    while !displacing.is_finished() {
        let tally = out.tally();
        assert!(tally.delivered + tally.queued <= tally.accepted, "{tally:?}");
    }
    within(displacing).await.unwrap();
}

#[tokio::test]
async fn subscriptions_that_nobody_takes_end_the_link_at_last() {
    let ends = World::new(super::inproc).ends().await;
    let (out, _near_in) = ends.near.split();
    let subscribed = |_| out.control(Control::Subscribe(Bytes::from_static(b"eu")));
    let ended = (0..100_000).map(subscribed).find_map(Result::err);
    assert!(matches!(ended, Some(CloseReason::Refused(_))), "{ended:?}");
}
