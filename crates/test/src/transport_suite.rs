//! What every transport must do; each is run by [`transport_suite!`](macro@crate::transport_suite).

mod flow;
mod life;
mod world;

pub use self::flow::*;
pub use self::life::*;
pub use self::world::{Collector, Ends, World};

/// Instantiates the suite in a module: `transport_suite!(tcp, || "tcp://127.0.0.1:0".parse().unwrap());`
///
/// The expression makes a fresh endpoint to bind; every law gets one of its own. A third argument is
/// the network that tcp and ipc go through, made anew for every law.
#[macro_export]
macro_rules! transport_suite {
    ($name:ident, $fresh:expr) => {
        $crate::transport_suite!(@all $name, $crate::transport_suite::World::new($fresh));
    };
    ($name:ident, $fresh:expr, $network:expr) => {
        $crate::transport_suite!(@all $name, $crate::transport_suite::World::over($network, $fresh));
    };
    (@all $name:ident, $world:expr) => {
        mod $name {
            $crate::transport_suite!(@laws $world;
                messages_arrive_whole_and_in_order
                both_sides_know_each_other
                a_copy_arrives_as_the_message_does
                a_full_queue_gives_the_message_back
                a_slow_reader_gets_everything
                a_cancelled_send_sends_nothing
                the_oldest_message_gives_way
                commands_stay_in_order_with_messages
                every_message_taken_is_in_the_tally
                large_messages_displace_as_many_small_ones_as_are_in_their_way
                subscriptions_travel_beside_messages
                an_inbox_gets_what_arrives_and_holds_the_peer_back
                closing_with_linger_delivers_what_is_queued
                the_end_comes_after_the_last_message
                dropping_either_half_ends_the_link
                kinds_that_do_not_fit_are_told_so
                an_endpoint_is_taken_until_its_listener_is_gone
                an_ended_listener_frees_its_endpoint_at_once
                connecting_before_binding_works
                a_lost_link_is_made_again
                a_peer_that_was_talking_is_reached_again_at_once
                a_refused_peer_is_told_to_the_caller
                nothing_is_left_behind
            );
        }
    };
    (@laws $world:expr; $($law:ident)*) => {
        $(
            #[tokio::test]
            async fn $law() {
                $crate::wait::within($crate::transport_suite::$law($world)).await;
            }
        )*
    };
}
