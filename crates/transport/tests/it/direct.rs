//! Reading from the task that waits, and handing reading back.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use gleis_test::transport_suite::{Collector, Ends, World};
use gleis_test::wait::{eventually, within};
use gleis_transport::{Direct, Message};

fn world() -> World {
    World::new(|| "tcp://127.0.0.1:0".parse().unwrap())
}

/// Waits for the next item by reading directly.
async fn next(direct: &Direct, inbox: &Arc<Collector>) -> Vec<String> {
    poll_fn(|cx| {
        while inbox.is_empty() {
            if !direct.poll(cx) {
                return Poll::Pending;
            }
        }
        Poll::Ready(inbox.take())
    })
    .await
}

#[tokio::test]
async fn whoever_waits_reads_and_the_task_goes_on_when_it_stops() {
    let Ends { near, far, listener: _listener } = world().ends().await;
    let (out, _near_in) = near.split();
    let (_far_out, far_in) = far.split();
    let inbox = Collector::new(100);
    let delivery = far_in.deliver_to(inbox.clone());
    let direct = delivery.direct();
    for round in 0..20 {
        let text = round.to_string();
        out.send(Message::single(text.clone())).await.unwrap();
        assert_eq!(within(next(&direct, &inbox)).await, [text]);
        out.send(Message::single("alone")).await.unwrap();
        within(eventually(|| !inbox.is_empty())).await;
        assert_eq!(inbox.take(), ["alone"]);
    }
    drop(out);
    within(eventually(|| inbox.closed().is_some())).await;
}

#[tokio::test]
async fn the_end_met_by_a_direct_reader_is_told_to_the_inbox() {
    let Ends { near, far, listener: _listener } = world().ends().await;
    let (_far_out, far_in) = far.split();
    let inbox = Collector::new(100);
    let delivery = far_in.deliver_to(inbox.clone());
    let direct = delivery.direct();
    poll_fn(|cx| Poll::Ready(direct.poll(cx))).await;
    drop(near);
    let ended = async {
        while inbox.closed().is_none() {
            poll_fn(|cx| Poll::Ready(direct.poll(cx))).await;
            tokio::task::yield_now().await;
        }
    };
    within(ended).await;
    drop(delivery);
    assert!(!poll_fn(|cx| Poll::Ready(direct.poll(cx))).await, "nothing is kept open");
}

#[tokio::test]
async fn giving_up_hands_reading_back_at_once() {
    let Ends { near, far, listener: _listener } = world().ends().await;
    let (out, _near_in) = near.split();
    let (_far_out, far_in) = far.split();
    let inbox = Collector::new(100);
    let delivery = far_in.deliver_to(inbox.clone());
    let direct = delivery.direct();
    assert!(!poll_fn(|cx| Poll::Ready(direct.poll(cx))).await);
    direct.give_up();
    out.send(Message::single("hello")).await.unwrap();
    within(eventually(|| !inbox.is_empty())).await;
}
