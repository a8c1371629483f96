//! Links on a simulated network.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gleis_test::sim::{Weather, run};
use gleis_test::wait::within;
use gleis_transport::{LinkConfig, Message, SocketType, connect, listen};

#[test]
fn what_left_before_a_link_broke_counts_as_delivered_and_the_rest_does_not() {
    run(50, async |sim| {
        sim.set_weather(Weather { window: 1_000, ..Weather::calm() });
        let config = |host: &str| {
            let mut config = LinkConfig::new(SocketType::Dealer);
            config.options = sim.options(host);
            Arc::new(config)
        };
        let at = "tcp://10.0.0.1:7000".parse().unwrap();
        let mut listener = listen(&at, &config("10.0.0.1")).await.unwrap();
        let config = config("10.0.0.2");
        let (near, far) =
            within(async { tokio::join!(connect(&at, &config), listener.accept()) }).await;
        let (sender, _near_in) = near.unwrap().split();
        let (_far_out, mut receiver) = far.unwrap().split();
        for _ in 0..100 {
            // 52 bytes with its header: it fits the window nineteen times and a bit.
            sender.try_send(Message::single(Bytes::from_static(&[b'x'; 50]))).unwrap();
        }
        sim.pass(Duration::from_secs(1)).await;
        let tally = sender.tally();
        assert_eq!((tally.accepted, tally.delivered), (100, 19), "{tally:?}");
        let mut batch = Vec::new();
        let n_read = sim.rng().usize(1..90);
        while batch.len() < n_read {
            receiver.recv_many(&mut batch).await.unwrap();
        }
        sim.reset("10.0.0.1", "10.0.0.2");
        while receiver.recv_many(&mut batch).await.is_ok() {}
        let tally = sender.tally();
        assert!(batch.len() as u64 <= tally.delivered, "{} of {tally:?}", batch.len());
        assert_eq!(tally.accepted, tally.delivered + tally.in_flight + tally.queued);
    });
}
