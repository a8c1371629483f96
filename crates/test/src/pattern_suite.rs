//! What every kind of socket must do, whatever transport and codec carry it; each is run by
//! [`pattern_suite!`](macro@crate::pattern_suite).
//!
//! Of two sockets either may bind: a law holds both ways unless it says who binds.

mod filtering;
mod life;
mod oneway;
mod talking;
mod world;

pub use self::filtering::*;
pub use self::life::*;
pub use self::oneway::*;
pub use self::talking::*;
pub use self::world::{Binder, Socket, World};

/// Instantiates the suite in a module:
/// `pattern_suite!(tcp_json, || "tcp://127.0.0.1:0".parse().unwrap(), AnyCodec::Json);`
///
/// The expressions are evaluated in the new module, anew for every law. The first one makes a fresh
/// endpoint to bind: a name of its own, or a wildcard; nobody else should take its place once it is
/// free again. The second is the codec of the values: any but raw, which takes bytes only. A fourth
/// argument is the network that tcp and ipc go through.
#[macro_export]
macro_rules! pattern_suite {
    ($name:ident, $fresh:expr, $codec:expr) => {
        $crate::pattern_suite!(@all $name, $crate::pattern_suite::World::new($fresh, $codec));
    };
    ($name:ident, $fresh:expr, $codec:expr, $network:expr) => {
        $crate::pattern_suite!(
            @all $name, $crate::pattern_suite::World::over($network, $fresh, $codec)
        );
    };
    (@all $name:ident, $world:expr) => {
        mod $name {
            $crate::pattern_suite!(@laws (flavor = "multi_thread", worker_threads = 2) $world;
                many_messages_keep_their_order
            );
            $crate::pattern_suite!(@laws (flavor = "current_thread") $world;
                a_dealer_and_a_router_talk_both_ways
                a_pair_talks_both_ways
                a_publication_reaches_a_subscriber
                a_push_reaches_a_pull
                a_request_is_answered
                a_router_answers_the_peer_that_asked
                a_socket_may_bind_and_connect_more_than_once
                a_socket_that_is_ready_loses_nothing
                bytes_travel_as_they_are
                closing_counts_what_did_not_leave
                closing_delivers_what_was_sent
                connecting_before_binding_works
                dealers_talk_to_dealers_and_routers_to_routers
                each_kind_of_filter_gets_what_it_wants_and_nothing_else_is_sent
                each_kind_of_publisher_serves_each_kind_of_subscriber
                each_subscriber_gets_what_it_wants
                frames_travel_as_they_are
                messages_go_to_the_peers_in_turn
                publications_go_down_and_messages_up_between_xpub_and_xsub
                the_books_of_conversations_balance_at_rest
                the_books_of_one_way_streams_balance_at_rest
                the_connecting_side_adopts_the_codec
                whoever_unsubscribed_gets_nothing_more
            );
        }
    };
    (@laws $runtime:tt $world:expr; $($law:ident)*) => {
        $(
            $crate::pattern_suite!(@law $runtime $world; $law);
        )*
    };
    (@law ($($runtime:tt)*) $world:expr; $law:ident) => {
        #[tokio::test($($runtime)*)]
        async fn $law() {
            $crate::wait::within($crate::pattern_suite::$law($world)).await;
        }
    };
}
