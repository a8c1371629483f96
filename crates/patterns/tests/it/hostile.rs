//! Hostile peers at typed sockets: each is dropped with an event that says why, memory stays
//! bounded, and others are served.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use gleis_patterns::{Event, Events, Publisher, Pull, Push, Subscriber};

use crate::support::{fresh, soon};

const TCP: &str = "tcp://127.0.0.1:0";

/// What a hostile peer may make the process grow by, with everything that runs beside it.
const GROWTH: usize = 64 << 20;

fn raw(at: &gleis_patterns::Endpoint) -> TcpStream {
    let at = at.to_string();
    TcpStream::connect(at.strip_prefix("tcp://").unwrap()).unwrap()
}

fn greeting() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[0] = 0xFF;
    bytes[9..12].copy_from_slice(&[0x7F, 3, 1]);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

fn hello(kind: &str) -> Vec<u8> {
    let mut bytes = greeting();
    let body = 6 + 12 + 4 + kind.len();
    bytes.extend([4, u8::try_from(body).unwrap(), 5]);
    bytes.extend(b"READY\x0bSocket-Type\0\0\0");
    bytes.push(u8::try_from(kind.len()).unwrap());
    bytes.extend(kind.as_bytes());
    bytes
}

/// Waits for an event that says `words`.
async fn told(events: &mut Events, words: &str) {
    soon(async {
        loop {
            let event: Event = events.recv().await.unwrap();
            if format!("{event:?}").contains(words) {
                return;
            }
        }
    })
    .await;
}

/// Bytes of memory this process holds.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

async fn serves(pull: &mut Pull<u32>) {
    let push = Push::<u32>::connect(pull.endpoint()).await.unwrap();
    push.send(7).await.unwrap();
    assert_eq!(soon(pull.recv()).await.unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_announced_frame_is_refused_before_and_after_the_handshake() {
    let mut pull = Pull::<u32>::bind(TCP).await.unwrap();
    let mut events = pull.events();
    let before = resident();
    let huge = [&[2][..], &(1_u64 << 46).to_be_bytes()].concat();
    let mut early = raw(pull.endpoint());
    early.write_all(&[greeting(), huge.clone()].concat()).unwrap();
    told(&mut events, "HandshakeFailed").await;
    let mut late = raw(pull.endpoint());
    late.write_all(&[hello("PUSH"), huge].concat()).unwrap();
    told(&mut events, "frame limit exceeded: 70368744177664 announced").await;
    assert!(resident() < before + GROWTH);
    serves(&mut pull).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_and_a_death_in_the_middle_of_a_frame_are_told() {
    let mut pull = Pull::<u32>::bind(TCP).await.unwrap();
    let mut events = pull.events();
    raw(pull.endpoint()).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    told(&mut events, "does not speak ZMTP").await;
    let mut dying = raw(pull.endpoint());
    dying.write_all(&[hello("PUSH"), b"\0\x40half a frame".to_vec()].concat()).unwrap();
    dying.shutdown(Shutdown::Both).unwrap();
    told(&mut events, "link lost").await;
    serves(&mut pull).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_subscriptions_are_served_and_one_more_is_not() {
    let publisher = Publisher::<u32>::bind(TCP).await.unwrap();
    let mut events = publisher.events();
    let before = resident();
    let mut greedy = raw(publisher.endpoint());
    let mut bytes = hello("SUB");
    for n in 0..10_000 {
        bytes.extend(b"\x04\x10\x09SUBSCRIBE");
        bytes.extend(format!("{n:06}").as_bytes());
    }
    greedy.write_all(&bytes).unwrap();
    soon(publisher.wait_for_subscribers(1)).await;
    let modest = Subscriber::<u32>::connect(publisher.endpoint()).subscribe("news").await.unwrap();
    soon(publisher.wait_for_subscribers(2)).await;
    publisher.publish("news", 1).await.unwrap();
    assert_eq!(soon(modest.recv()).await.unwrap().message, 1);
    greedy.write_all(b"\x04\x0e\x09SUBSCRIBEmore").unwrap();
    told(&mut events, "more than 10000 subscriptions").await;
    assert!(resident() < before + GROWTH);
    publisher.publish("news", 2).await.unwrap();
    assert_eq!(soon(modest.recv()).await.unwrap().message, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_peers_at_once_are_served() {
    let mut pull = Pull::<u32>::bind(TCP).await.unwrap();
    let before = resident();
    let peer = || {
        // One that said nothing for long would have to make place for others.
        let mut peer = raw(pull.endpoint());
        peer.write_all(&[hello("PUSH"), b"\0\x01\x01".to_vec()].concat()).unwrap();
        peer
    };
    let _peers: Vec<_> = (0..2_000).map(|_| peer()).collect();
    for _ in 0..2_000 {
        assert_eq!(soon(pull.recv()).await.unwrap(), 1);
    }
    assert!(resident() < before + 4 * GROWTH, "grown by {}", resident() - before);
    serves(&mut pull).await;
}

#[derive(Clone, Debug, serde::Serialize)]
struct Trap(u32);

impl<'de> serde::Deserialize<'de> for Trap {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let n = u32::deserialize(from)?;
        assert!(n != 13, "a trap");
        Ok(Self(n))
    }
}

#[tokio::test]
async fn a_type_that_panics_costs_its_own_message_alone() {
    let pull = Arc::new(Pull::<Trap>::bind(fresh("tcp")).await.unwrap());
    let push = Push::<Trap>::connect(pull.endpoint()).await.unwrap();
    for n in [13, 1, 13, 2] {
        soon(push.send(Trap(n))).await.unwrap();
        let taking = pull.clone();
        let taken = soon(tokio::spawn(async move { taking.recv().await.unwrap().0 })).await;
        assert_eq!(taken.ok(), (n != 13).then_some(n));
    }
    let received = pull.stats().received;
    assert_eq!((received.delivered, received.dropped.undecodable, received.queued), (2, 2, 0));
}
