//! Sockets as streams and sinks.

use futures::{SinkExt, StreamExt, TryStreamExt, poll};
use gleis_patterns::{
    Dealer, Overflow, Pair, Publisher, Pull, Push, RecvError, Replier, Requester, Router,
    SendError, Subscriber, Upstream, XPub, XSub,
};

use crate::support::{SCHEMES, fresh, inproc, soon, until};

#[tokio::test]
async fn a_stream_gives_what_comes_and_may_be_left_and_taken_up_again() {
    for scheme in SCHEMES {
        let pull = Pull::<u32>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
        for n in 0..20 {
            soon(push.send(n)).await.unwrap();
        }
        let first: Vec<u32> = soon(pull.stream().take(5).try_collect()).await.unwrap();
        assert_eq!(first, [0, 1, 2, 3, 4], "{scheme}");
        assert_eq!(soon(pull.recv()).await.unwrap(), 5);
        let next: Vec<u32> = soon(pull.stream().take(5).try_collect()).await.unwrap();
        assert_eq!(next, [6, 7, 8, 9, 10], "{scheme}");
    }
}

#[tokio::test]
async fn a_stream_is_forwarded_to_a_sink_until_it_is_closed() {
    for scheme in SCHEMES {
        let (source, pull) = (Push::<u32>::bind(fresh(scheme)), Pull::<u32>::bind(fresh(scheme)));
        let (source, pull) = (source.await.unwrap(), pull.await.unwrap());
        let (into, out_of) = (Pull::<u32>::connect(source.endpoint()), pull.endpoint());
        let (into, out_of) = (into.high_water(5).await.unwrap(), Push::<u32>::connect(out_of));
        let out_of = out_of.high_water(5).await.unwrap();
        let relaying = async {
            let unbroken = into.stream().map_err(|error| panic!("{error}"));
            unbroken.forward(out_of.sink()).await.unwrap();
        };
        let talking = async {
            for n in 0..500 {
                source.send(n).await.unwrap();
            }
            for n in 0..500 {
                assert_eq!(pull.recv().await.unwrap(), n, "{scheme}");
            }
            into.close().await;
        };
        soon(futures::future::join(relaying, talking)).await;
        assert!(matches!(into.recv().await, Err(RecvError::Closed)));
        // The sink was closed as a sink; the socket was not.
        soon(out_of.send(500)).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), 500);
    }
}

#[tokio::test]
async fn every_socket_that_receives_is_a_stream_that_ends_with_it() {
    macro_rules! check {
        ($($socket:ty),+) => {$(
            let mut it = <$socket>::bind(inproc()).await.unwrap();
            assert!(poll!(it.next()).is_pending());
            {
                let mut view = Box::pin(it.stream());
                assert!(poll!(view.next()).is_pending());
                let (next, unsent) = soon(futures::future::join(view.next(), it.close())).await;
                assert!(next.is_none() && unsent == 0);
            }
            assert!(soon(it.next()).await.is_none());
            assert!(soon(it.stream().collect::<Vec<_>>()).await.is_empty());
        )+};
    }
    check!(Dealer<u32>, Pair<u32>, Pull<u32>, Replier<u32, u32>);
    check!(Router<u32>, Subscriber<u32>, XPub<u32>, XSub<u32>);
}

#[tokio::test]
async fn a_socket_as_a_stream_gives_what_it_receives() {
    for scheme in SCHEMES {
        let publisher = Publisher::<u32>::bind(fresh(scheme)).await.unwrap();
        let it = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("a").await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        for n in 0..10 {
            publisher.publish(["b", "a"][n as usize % 2], n).await.unwrap();
        }
        let got: Vec<_> = soon(it.take(5).map_ok(|it| it.message).try_collect()).await.unwrap();
        assert_eq!(got, [1, 3, 5, 7, 9], "{scheme}");

        let replier = Replier::<u32, u32>::bind(fresh(scheme)).await.unwrap();
        let requester = Requester::<u32, u32>::connect(replier.endpoint()).await.unwrap();
        let serving = replier.take(3).for_each_concurrent(None, async |asked| {
            let (n, reply) = asked.unwrap();
            reply.send(n * 2).await.unwrap();
        });
        let asking = futures::future::join_all((0..3).map(|n| requester.request(n)));
        let (answers, ()) = soon(futures::future::join(asking, serving)).await;
        assert!(answers.into_iter().map(Result::unwrap).eq([0, 2, 4]), "{scheme}");
    }
}

#[tokio::test]
async fn a_bad_message_does_not_end_a_stream() {
    let pull = Pull::<u8>::bind(inproc()).await.unwrap();
    let push = Push::<String>::connect(pull.endpoint()).await.unwrap();
    for text in ["", "bad", ""] {
        soon(push.send(text.to_owned())).await.unwrap();
    }
    let told: Vec<_> = soon(pull.take(3).map(|it| it.is_ok()).collect()).await;
    assert_eq!(told, [true, false, true]);
}

#[tokio::test]
async fn a_sink_takes_what_the_socket_would_and_waits_where_it_would() {
    macro_rules! check {
        ($from:ty, $to:ty) => {
            let from = <$from>::bind(inproc()).await.unwrap();
            let to = <$to>::connect(from.endpoint()).high_water(2).await.unwrap();
            soon(from.wait_for_peers(1)).await;
            let mut sink = Box::pin(from.sink());
            soon(sink.send(0)).await.unwrap();
            soon(sink.feed(1)).await.unwrap();
            {
                let mut third = Box::pin(sink.send(2));
                assert!(poll!(&mut third).is_pending());
                assert_eq!(soon(to.recv()).await.unwrap(), 0);
                assert_eq!(soon(to.recv()).await.unwrap(), 1);
                let (sent, got) = soon(futures::future::join(third, to.recv())).await;
                sent.unwrap();
                assert_eq!(got.unwrap(), 2);
            }
            let mut more = futures::stream::iter((3..100).map(Ok));
            let taking = async {
                for n in 3..100 {
                    assert_eq!(to.recv().await.unwrap(), n);
                }
            };
            let (sent, ()) = soon(futures::future::join(sink.send_all(&mut more), taking)).await;
            sent.unwrap();
            soon(sink.close()).await.unwrap();
        };
    }
    check!(Push<u32>, Pull<u32>);
    check!(Dealer<u32>, Dealer<u32>);
    check!(Pair<u32>, Pair<u32>);
}

#[tokio::test]
async fn a_sink_that_failed_goes_on() {
    let push = Push::<u32>::bind(inproc()).overflow(Overflow::Fail).await.unwrap();
    let mut sink = Box::pin(push.sink());
    assert!(matches!(soon(sink.send(0)).await, Err(SendError::NoPeer)));
    let pull = Pull::<u32>::connect(push.endpoint()).high_water(1).await.unwrap();
    soon(push.wait_for_peers(1)).await;
    soon(sink.send(1)).await.unwrap();
    assert!(matches!(soon(sink.send(2)).await, Err(SendError::Full)));
    assert_eq!(soon(pull.recv()).await.unwrap(), 1);
    until(|| pull.try_recv().is_err()).await;
    soon(sink.send(3)).await.unwrap();
    assert_eq!(soon(pull.recv()).await.unwrap(), 3);
    soon(push.close()).await;
    assert!(matches!(soon(sink.send(4)).await, Err(SendError::Closed)));
    assert!(matches!(soon(sink.send(5)).await, Err(SendError::Closed)));
}

#[tokio::test]
async fn a_sink_that_waits_is_told_when_the_socket_closes() {
    let push = Push::<u32>::bind(inproc()).await.unwrap();
    let mut sink = Box::pin(push.sink());
    let (sent, unsent) = soon(futures::future::join(sink.send(1), push.close())).await;
    assert!(matches!(sent, Err(SendError::Closed)));
    assert_eq!(unsent, 0);
}

#[tokio::test]
async fn a_socket_that_publishes_is_a_sink_of_topics_and_messages() {
    macro_rules! check {
        ($from:ty, $to:ty, $scheme:expr) => {
            let from = <$from>::bind(fresh($scheme)).overflow(Overflow::Block).high_water(2);
            let from = from.await.unwrap();
            let to = <$to>::connect(from.endpoint()).high_water(2).subscribe("a").await.unwrap();
            soon(from.wait_for_subscribers(1)).await;
            let mut sink = Box::pin(from.sink());
            let mut all = futures::stream::iter((0..100).map(|n| Ok((["a", "b"][n % 2], n))));
            let taking = async {
                for n in 0..50 {
                    assert_eq!(to.recv().await.unwrap().message, 2 * n, "{}", $scheme);
                }
            };
            let (sent, ()) = soon(futures::future::join(sink.send_all(&mut all), taking)).await;
            sent.unwrap();
            soon(sink.feed(("a", 100))).await.unwrap();
            assert_eq!(soon(to.recv()).await.unwrap().topic, "a");
            soon(from.close()).await;
            assert!(matches!(soon(sink.send(("a", 1))).await, Err(SendError::Closed)));
        };
    }
    for scheme in SCHEMES {
        check!(Publisher<usize>, Subscriber<usize>, scheme);
        check!(XPub<usize>, XSub<usize>, scheme);
    }
}

#[tokio::test]
async fn a_sink_of_a_publisher_waits_for_the_slow_if_it_was_told_to() {
    let publisher = Publisher::<u32>::bind(inproc()).overflow(Overflow::Block).await.unwrap();
    let slow = Subscriber::<u32>::connect(publisher.endpoint()).high_water(1).subscribe("");
    let slow = slow.await.unwrap();
    soon(publisher.wait_for_subscribers(1)).await;
    let mut sink = Box::pin(publisher.sink());
    soon(sink.feed(("a", 1))).await.unwrap();
    soon(sink.feed(("a", 2))).await.unwrap();
    assert!(poll!(sink.flush()).is_pending());
    assert_eq!(slow.try_recv().unwrap().message, 1);
    soon(sink.flush()).await.unwrap();
    assert_eq!(slow.try_recv().unwrap().message, 2);
}

#[tokio::test]
async fn an_xsub_is_a_sink() {
    for scheme in SCHEMES {
        let xpub = XPub::<u32>::bind(fresh(scheme)).high_water(2).await.unwrap();
        let xsub = XSub::<u32>::connect(xpub.endpoint()).overflow(Overflow::Block).high_water(2);
        let xsub = xsub.await.unwrap();
        soon(xsub.wait_for_peers(1)).await;
        let mut sink = Box::pin(xsub.sink());
        let mut all = futures::stream::iter((0..50).map(Ok));
        let taking = async {
            for n in 0..50 {
                assert!(matches!(xpub.recv().await, Ok(Upstream::Message(it)) if it == n));
            }
        };
        let (sent, ()) = soon(futures::future::join(sink.send_all(&mut all), taking)).await;
        sent.unwrap();
        soon(xsub.close()).await;
        assert!(matches!(soon(sink.send(1)).await, Err(SendError::Closed)), "{scheme}");
    }
}
