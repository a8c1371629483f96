//! Messages of several frames, over every kind of socket.

use gleis_patterns::{
    Dealer, Multipart, Pair, Publisher, Pull, Push, Replier, RequestError, Requester, Router,
    Subscriber, Upstream, XPub, XSub,
};
use gleis_test::wait::PATIENCE;

use crate::support::{NATIVE, SCHEMES, fresh, soon};

type Frames = Multipart;

/// Messages of one frame and of many, with empty ones anywhere, and names of kinds among them.
fn all() -> Vec<Frames> {
    let large = "x".repeat(70_000);
    let all: [&[&str]; 9] = [
        &["one"],
        &[""],
        &["a", "b"],
        &["", "behind an empty one"],
        &["before an empty one", ""],
        &["", "", ""],
        &["E", "no error"],
        &["V", "N", "E", "V"],
        &["a", &large, "", &large],
    ];
    all.iter().map(|it| it.iter().map(|it| it.to_string()).collect()).collect()
}

#[tokio::test]
async fn frames_pass_sockets_that_send_in_turn() {
    macro_rules! check {
        ($($from:ty => $to:ty),+) => {$(
            for scheme in SCHEMES {
                let to = <$to>::bind(fresh(scheme)).await.unwrap();
                let from = <$from>::connect(to.endpoint()).await.unwrap();
                for message in all() {
                    soon(from.send(&message)).await.unwrap();
                    assert_eq!(soon(to.recv()).await.unwrap(), message, "{scheme}");
                }
            }
        )+};
    }
    check!(Push<Frames> => Pull<Frames>, Pair<Frames> => Pair<Frames>);
    check!(Dealer<Frames> => Dealer<Frames>);
}

#[tokio::test]
async fn a_message_without_frames_arrives_as_one_empty_frame() {
    for scheme in SCHEMES {
        let pull = Pull::<Frames>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<Frames>::connect(pull.endpoint()).await.unwrap();
        soon(push.send(Multipart::default())).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), Multipart::new([""]), "{scheme}");
    }
}

#[tokio::test]
async fn frames_go_to_and_fro_between_a_router_and_a_dealer() {
    for scheme in SCHEMES {
        let router = Router::<Frames>::bind(fresh(scheme)).await.unwrap();
        let dealer = Dealer::<Frames>::connect(router.endpoint()).identity("anna");
        let dealer = dealer.await.unwrap();
        for message in all() {
            soon(dealer.send(&message)).await.unwrap();
            let (from, got) = soon(router.recv()).await.unwrap();
            assert_eq!((&from, &got), (&"anna".into(), &message), "{scheme}");
            soon(router.send_to(&from, got)).await.unwrap();
            assert_eq!(soon(dealer.recv()).await.unwrap(), message, "{scheme}");
        }
    }
}

#[tokio::test]
async fn frames_are_published_behind_their_topic() {
    for scheme in SCHEMES {
        let publisher = Publisher::<Frames>::bind(fresh(scheme)).await.unwrap();
        let it = Subscriber::<Frames>::connect(publisher.endpoint()).subscribe("yes");
        let it = it.await.unwrap();
        soon(publisher.wait_for_subscribers(1)).await;
        for message in all() {
            publisher.publish("no", &message).await.unwrap();
            publisher.publish("yes.1", &message).await.unwrap();
            let got = soon(it.recv()).await.unwrap();
            assert_eq!((&got.topic[..], got.message), (&b"yes.1"[..], message), "{scheme}");
        }
    }
}

#[tokio::test]
async fn frames_go_down_and_up_between_xpub_and_xsub() {
    for scheme in NATIVE {
        let xpub = XPub::<Frames>::bind(fresh(scheme)).await.unwrap();
        let xsub = XSub::<Frames>::connect(xpub.endpoint()).subscribe("a").ready(PATIENCE);
        let xsub = xsub.await.unwrap();
        assert!(matches!(soon(xpub.recv()).await.unwrap(), Upstream::Subscribe { .. }));
        for message in all() {
            xpub.publish("ab", &message).await.unwrap();
            assert_eq!(soon(xsub.recv()).await.unwrap().message, message, "{scheme}");
            xsub.send(&message).await.unwrap();
            match soon(xpub.recv()).await.unwrap() {
                Upstream::Message(got) => assert_eq!(got, message, "{scheme}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn requests_and_answers_have_several_frames() {
    for scheme in NATIVE {
        let replier = Replier::<Frames, Frames>::bind(fresh(scheme)).await.unwrap();
        let requester = Requester::<Frames, Frames>::connect(replier.endpoint()).await.unwrap();
        for message in all() {
            let answering = async {
                let (asked, reply) = replier.recv().await.unwrap();
                assert_eq!(asked, message, "{scheme}");
                reply.send(asked).await.unwrap();
            };
            let asking = requester.request(&message);
            let (answer, ()) = soon(futures::future::join(asking, answering)).await;
            assert_eq!(answer.unwrap(), message, "{scheme}");
        }
    }
}

#[tokio::test]
async fn errors_and_missing_answers_are_told_among_frames_too() {
    for scheme in NATIVE {
        let replier = Replier::<Frames, Frames>::bind(fresh(scheme)).await.unwrap();
        let requester = Requester::<Frames, Frames>::connect(replier.endpoint()).await.unwrap();
        let answering = async {
            replier.recv().await.unwrap().1.fail("it is broken").await.unwrap();
            drop(replier.recv().await.unwrap());
            let (asked, reply) = replier.recv().await.unwrap();
            reply.send(asked).await.unwrap();
        };
        let asking = async {
            match requester.request(Multipart::new(["a", "b"])).await {
                Err(RequestError::Remote { text }) => assert_eq!(text, "it is broken"),
                other => panic!("{scheme}: {other:?}"),
            }
            let forgotten = requester.request(Multipart::new(["a", "b"])).await;
            assert!(matches!(forgotten, Err(RequestError::NoReply)), "{scheme}: {forgotten:?}");
            let frames = Multipart::new(["E", "no error"]);
            assert_eq!(requester.request(&frames).await.unwrap(), frames);
        };
        soon(futures::future::join(asking, answering)).await;
    }
}
