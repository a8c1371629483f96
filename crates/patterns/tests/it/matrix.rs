//! Every pattern over every transport with every codec, whichever side binds.

use gleis_patterns::{AnyCodec, Pull, Push};

use crate::support::{inproc, soon, until};

/// The suite over one transport, with each of the codecs of values.
macro_rules! over {
    ($transport:ident, $scheme:literal) => {
        mod $transport {
            over!(@each $scheme; bincode Bincode, json Json, msgpack Msgpack, postcard Postcard);
        }
    };
    (@each $scheme:literal; $($name:ident $codec:ident),*) => {
        $(
            gleis_test::pattern_suite!(
                $name,
                || crate::support::fresh($scheme).parse().unwrap(),
                gleis_patterns::AnyCodec::$codec
            );
        )*
    };
}

over!(inproc, "inproc");
over!(ipc, "ipc");
over!(tcp, "tcp");
#[cfg(feature = "zeromq")]
over!(zmq_ipc, "zmq+ipc");
#[cfg(feature = "zeromq")]
over!(zmq_tcp, "zmq+tcp");

gleis_test::pattern_suite!(
    simulated,
    || "tcp://10.0.0.1:0".parse().unwrap(),
    gleis_patterns::AnyCodec::Bincode,
    std::sync::Arc::new(gleis_test::sim::Sim::new(1).host("10.0.0.1"))
);

#[test]
fn the_matrix_has_every_codec() {
    let names: Vec<_> = AnyCodec::BUILT_IN.iter().map(AnyCodec::name).collect();
    // Raw takes bytes only: the laws about bytes use it in every row.
    assert_eq!(names, ["bincode", "json", "msgpack", "postcard", "raw"]);
}

#[tokio::test]
async fn a_socket_may_be_on_two_transports_at_once() {
    let one = Pull::<u32>::bind(inproc()).await.unwrap();
    let second = one.also_bind("tcp://127.0.0.1:0").await.unwrap();
    let two = Pull::<u32>::bind(inproc()).await.unwrap();
    let push = Push::<u32>::connect(two.endpoint()).await.unwrap();
    push.also_connect(&second).await.unwrap();
    soon(push.wait_for_peers(2)).await;
    drop(two);
    until(|| push.peers().len() == 1).await;
    soon(push.send(3)).await.unwrap();
    assert_eq!(soon(one.recv()).await.unwrap(), 3);
}
