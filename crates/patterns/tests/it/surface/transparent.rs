//! A socket of frames speaks no codec: typed peers talk to it, and through it, in theirs.

use gleis_patterns::{
    AnyCodec, Dealer, Multipart, Pair, Publisher, Pull, Push, RecvError, Replier, RequestError,
    Requester, Router, Subscriber, Upstream, XPub, XSub,
};
use gleis_test::wait::PATIENCE;
use serde::{Deserialize, Serialize};

use crate::support::{NATIVE, SCHEMES, fresh, soon};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Job {
    id: u32,
}

const JOB: Job = Job { id: 7 };

/// The job as a codec writes it.
fn written(codec: &AnyCodec) -> Multipart {
    let bytes = codec.encode(&JOB, &gleis_codec::Limits::default()).unwrap();
    Multipart::new([bytes])
}

/// What everybody agrees on who was told nothing; the names are those in the handshake.
const CODECS: [AnyCodec; 2] = [AnyCodec::Json, AnyCodec::Msgpack];

#[tokio::test]
async fn peers_of_two_codecs_send_to_one_socket_of_frames() {
    macro_rules! check {
        ($($from:ty => $to:ty),+) => {$(
            for scheme in SCHEMES {
                let to = <$to>::bind(fresh(scheme)).await.unwrap();
                for codec in CODECS {
                    let from = <$from>::connect(to.endpoint()).codec(codec.clone());
                    let from = from.await.unwrap();
                    soon(from.send(JOB)).await.unwrap();
                    assert_eq!(soon(to.recv()).await.unwrap(), written(&codec), "{scheme}");
                    assert_eq!(from.peers()[0].codec, codec.name(), "{scheme}");
                }
            }
        )+};
    }
    check!(Push<Job> => Pull<Multipart>, Dealer<Job> => Dealer<Multipart>);
}

#[tokio::test]
async fn a_socket_of_frames_sends_to_peers_of_two_codecs_in_theirs() {
    macro_rules! check {
        ($($from:ty => $to:ty),+) => {$(
            for scheme in SCHEMES {
                for codec in CODECS {
                    let to = <$to>::bind(fresh(scheme)).codec(codec.clone()).await.unwrap();
                    let from = <$from>::connect(to.endpoint()).await.unwrap();
                    soon(from.send(written(&codec))).await.unwrap();
                    assert_eq!(soon(to.recv()).await.unwrap(), JOB, "{scheme}");
                    soon(from.send(Multipart::new(["a", "b"]))).await.unwrap();
                    let error = soon(to.recv()).await.unwrap_err();
                    assert!(matches!(error, RecvError::Frames { frames: 2, .. }), "{error}");
                }
            }
        )+};
    }
    check!(Push<Multipart> => Pull<Job>, Dealer<Multipart> => Dealer<Job>);
    check!(Pair<Multipart> => Pair<Job>);
}

#[tokio::test]
async fn typed_dealers_talk_to_each_other_through_a_router_of_frames() {
    for scheme in SCHEMES {
        let router = Router::<Multipart>::bind(fresh(scheme)).await.unwrap();
        for codec in CODECS {
            let connect = |name| {
                let dealer = Dealer::<Job>::connect(router.endpoint()).identity(name);
                dealer.codec(codec.clone())
            };
            let (a, b) = (connect("a").await.unwrap(), connect("b").await.unwrap());
            soon(router.wait_for_peers(2)).await;
            soon(a.send(JOB)).await.unwrap();
            let (from, frames) = soon(router.recv()).await.unwrap();
            assert_eq!((from, &frames), ("a".into(), &written(&codec)), "{scheme}");
            soon(router.send_to(&"b".into(), frames)).await.unwrap();
            assert_eq!(soon(b.recv()).await.unwrap(), JOB, "{scheme}");
            drop((a, b));
            crate::support::until(|| router.peers().is_empty()).await;
        }
    }
}

#[tokio::test]
async fn publications_of_values_are_frames_and_the_other_way_round() {
    for scheme in NATIVE {
        for codec in CODECS {
            let inner = Publisher::<Job>::bind(fresh(scheme)).codec(codec.clone());
            let inner = inner.await.unwrap();
            let relay_in = XSub::<Multipart>::connect(inner.endpoint()).subscribe("a");
            let relay_in = relay_in.ready(PATIENCE).await.unwrap();
            let relay_out = XPub::<Multipart>::bind(fresh(scheme)).await.unwrap();
            let outer = Subscriber::<Job>::connect(relay_out.endpoint()).codec(codec.clone());
            let outer = outer.subscribe("a").ready(PATIENCE).await.unwrap();
            inner.publish("ab", JOB).await.unwrap();
            let passing = soon(relay_in.recv()).await.unwrap();
            assert_eq!(passing.message, written(&codec), "{scheme}");
            relay_out.publish(&passing.topic, passing.message).await.unwrap();
            assert_eq!(soon(outer.recv()).await.unwrap().message, JOB, "{scheme}");
        }
    }
}

#[tokio::test]
async fn what_a_typed_xsub_says_is_heard_in_frames() {
    for scheme in NATIVE {
        let xpub = XPub::<Multipart>::bind(fresh(scheme)).await.unwrap();
        for codec in CODECS {
            let xsub = XSub::<Job>::connect(xpub.endpoint()).codec(codec.clone()).await.unwrap();
            soon(xsub.wait_for_peers(1)).await;
            xsub.send(JOB).await.unwrap();
            match soon(xpub.recv()).await.unwrap() {
                Upstream::Message(frames) => assert_eq!(frames, written(&codec), "{scheme}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_typed_requester_is_answered_in_frames() {
    for scheme in NATIVE {
        let replier = Replier::<Multipart, Multipart>::bind(fresh(scheme)).await.unwrap();
        for codec in CODECS {
            let requester = Requester::<Job, Job>::connect(replier.endpoint());
            let requester = requester.codec(codec.clone()).await.unwrap();
            let answering = async {
                let (asked, reply) = replier.recv().await.unwrap();
                assert_eq!(asked, written(&codec), "{scheme}");
                reply.send(asked).await.unwrap();
                replier.recv().await.unwrap().1.fail("no").await.unwrap();
                // More frames than a value has.
                let (_, reply) = replier.recv().await.unwrap();
                reply.send(Multipart::new(["a", "b"])).await.unwrap();
            };
            let asking = async {
                assert_eq!(requester.request(JOB).await.unwrap(), JOB, "{scheme}");
                let error = requester.request(JOB).await.unwrap_err();
                assert!(matches!(&error, RequestError::Remote { text } if text == "no"));
                let error = requester.request(JOB).await.unwrap_err();
                let RequestError::Decode(RecvError::Frames { frames, .. }) = error else {
                    panic!("{scheme}: {error:?}");
                };
                assert_eq!(frames, 2);
            };
            soon(futures::future::join(asking, answering)).await;
        }
    }
}

#[tokio::test]
async fn a_typed_replier_is_asked_in_frames() {
    for scheme in NATIVE {
        for codec in CODECS {
            let replier = Replier::<Job, Job>::bind(fresh(scheme)).codec(codec.clone());
            let replier = replier.await.unwrap();
            let requester = Requester::<Multipart, Multipart>::connect(replier.endpoint());
            let requester = requester.await.unwrap();
            let answering = async {
                let (asked, reply) = replier.recv().await.unwrap();
                assert_eq!(asked, JOB, "{scheme}");
                reply.send(asked).await.unwrap();
                replier.recv().await.unwrap().1.fail("no").await.unwrap();
                let error = replier.recv().await.unwrap_err();
                assert!(matches!(error, RecvError::Frames { .. }), "{scheme}: {error}");
            };
            let asking = async {
                let answer = requester.request(written(&codec)).await.unwrap();
                assert_eq!(answer, written(&codec), "{scheme}");
                let error = requester.request(written(&codec)).await.unwrap_err();
                assert!(matches!(&error, RequestError::Remote { text } if text == "no"));
                let error = requester.request(Multipart::new(["a", "b"])).await.unwrap_err();
                assert!(matches!(error, RequestError::Remote { .. }), "{scheme}: {error:?}");
            };
            soon(futures::future::join(asking, answering)).await;
        }
    }
}
