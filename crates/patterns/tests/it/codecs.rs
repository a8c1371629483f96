//! Which codec is spoken, and what happens to bytes that do not fit.

use std::error::Error;

use bytes::Bytes;
use gleis_patterns::{
    AnyCodec, OpenError, Publisher, Pull, Push, RecvError, Replier, RequestError, Requester,
    SendError, Subscriber, Upstream, XPub, XSub,
};

use crate::support::{SCHEMES, fresh, inproc, soon};

#[tokio::test]
async fn a_connecting_socket_adopts_the_codec_of_the_binding_one() {
    for scheme in SCHEMES {
        let pull = Pull::<String>::bind(fresh(scheme)).codec(AnyCodec::Json).await.unwrap();
        let push = Push::<String>::connect(pull.endpoint()).await.unwrap();
        soon(push.send("hello".to_owned())).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), "hello");
        assert_eq!(push.peers()[0].codec, "json");
        assert_eq!(pull.peers()[0].codec, "json");
    }
}

#[tokio::test]
async fn two_different_codecs_are_an_error_that_names_both() {
    for scheme in SCHEMES {
        let pull = Pull::<String>::bind(fresh(scheme)).codec(AnyCodec::Json).await.unwrap();
        let push = Push::<String>::connect(pull.endpoint()).codec(AnyCodec::Msgpack);
        let error = soon(push).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, OpenError::Refused { .. }), "{text}");
        assert!(text.contains("json") && text.contains("msgpack"), "{text}");
        assert!(pull.peers().is_empty());
    }
}

#[tokio::test]
async fn raw_is_not_adopted_for_values() {
    let pull = Pull::<Bytes>::bind(inproc()).await.unwrap();
    let error = soon(Push::<String>::connect(pull.endpoint())).await.unwrap_err();
    assert!(error.to_string().contains("raw"), "{error}");
}

#[tokio::test]
async fn undecodable_bytes_name_codec_type_and_length_and_the_next_message_arrives() {
    for scheme in SCHEMES {
        let pull = Pull::<u8>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<String>::connect(pull.endpoint()).await.unwrap();
        soon(push.send("hello".to_owned())).await.unwrap();
        soon(push.send(String::new())).await.unwrap();
        let error = soon(pull.recv()).await.unwrap_err();
        assert!(matches!(error, RecvError::Decode { .. }));
        let text = error.source().unwrap().to_string();
        assert_eq!(text, "cannot decode 6 bytes of bincode as u8", "{scheme}");
        assert_eq!(soon(pull.recv()).await.unwrap(), 0);
        assert_eq!(pull.stats().received.dropped.undecodable, 1);
    }
}

#[tokio::test]
async fn types_that_encode_alike_understand_each_other_even_within_the_process() {
    for scheme in SCHEMES {
        let pull = Pull::<(u16, String)>::bind(fresh(scheme)).await.unwrap();
        let push = Push::<(u32, Box<str>)>::connect(pull.endpoint()).await.unwrap();
        soon(push.send((7, "seven".into()))).await.unwrap();
        assert_eq!(soon(pull.recv()).await.unwrap(), (7, "seven".to_owned()));
    }
}

#[tokio::test]
async fn an_undecodable_request_is_answered_with_an_error() {
    for scheme in SCHEMES {
        let replier = Replier::<u8, u8>::bind(fresh(scheme)).await.unwrap();
        let requester = Requester::<String, u8>::connect(replier.endpoint()).await.unwrap();
        let question = "hello".to_owned();
        let request = requester.request(&question);
        let (answer, taken) = soon(futures::future::join(request, replier.recv())).await;
        assert!(matches!(taken, Err(RecvError::Decode { .. })));
        match answer {
            Err(RequestError::Remote { text }) => {
                assert!(text.contains("cannot decode 6 bytes of bincode as u8"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_undecodable_answer_is_an_error_of_the_request() {
    let replier = Replier::<u8, String>::bind(fresh("tcp")).await.unwrap();
    let requester = Requester::<u8, u8>::connect(replier.endpoint()).await.unwrap();
    let answering = tokio::spawn(async move {
        let (_, reply) = replier.recv().await.unwrap();
        reply.send("too long".to_owned()).await.unwrap();
        replier
    });
    let answer = soon(requester.request(1)).await;
    assert!(matches!(answer, Err(RequestError::Decode(RecvError::Decode { .. }))), "{answer:?}");
    drop(soon(answering).await);
}

/// As many bytes for bincode as it has, and more for JSON.
fn quotes(n: usize) -> String {
    "\"".repeat(n)
}

#[tokio::test]
async fn what_cannot_be_encoded_for_one_subscriber_is_published_to_none() {
    for (scheme, replay) in [("inproc", 0), ("inproc", 9), ("tcp", 0), ("tcp", 9)] {
        let (one, two) = (Subscriber::<String>::bind(fresh(scheme)), fresh("tcp"));
        let one = one.subscribe("").await.unwrap();
        let two =
            Subscriber::<String>::bind(two).codec(AnyCodec::Json).subscribe("").await.unwrap();
        let publisher = Publisher::<String>::connect(one.endpoint()).max_frame(400);
        let publisher = publisher.replay_last(replay).await.unwrap();
        publisher.also_connect(two.endpoint()).await.unwrap();
        soon(publisher.wait_for_subscribers(2)).await;
        soon(publisher.publish("a", quotes(10))).await.unwrap();
        let error = soon(publisher.publish("a", quotes(300))).await.unwrap_err();
        assert!(matches!(error, SendError::Encode(_)), "{scheme} {error}");
        let error = publisher.try_publish("a", quotes(300)).unwrap_err();
        assert!(matches!(error, SendError::Encode(_)), "{scheme} {error}");
        soon(publisher.publish("a", quotes(11))).await.unwrap();
        for it in [&one, &two] {
            for n in [10, 11] {
                assert_eq!(soon(it.recv()).await.unwrap().message.len(), n, "{scheme}");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_encoded_for_one_publisher_goes_up_to_none() {
    let (one, two) = (XPub::<String>::bind(inproc()), XPub::<String>::bind(fresh("tcp")));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    let xsub = XSub::<String>::connect(one.endpoint()).max_frame(400).await.unwrap();
    xsub.also_connect(two.endpoint().clone()).await.unwrap();
    soon(xsub.wait_for_peers(2)).await;
    assert!(matches!(soon(xsub.send(quotes(800))).await, Err(SendError::Encode(_))));
    assert!(matches!(xsub.try_send(quotes(800)), Err(SendError::Encode(_))));
    soon(xsub.send(quotes(1))).await.unwrap();
    for it in [&one, &two] {
        assert!(matches!(soon(it.recv()).await, Ok(Upstream::Message(it)) if it.len() == 1));
    }
}
