//! Two sessions that talk without a socket, and one that meets a liar.

use gleis_zmtp::SocketType;

use super::*;
use crate::message::Message;
use crate::options::HighWater;
use crate::zmq::frame::Batch;

const SMALL: HighWater = HighWater { messages: 8, bytes: 10_000 };

fn config(change: impl FnOnce(&mut LinkConfig)) -> LinkConfig {
    let mut config = LinkConfig::new(SocketType::Dealer);
    config.options.recv_high_water = SMALL;
    change(&mut config);
    config
}

fn session(change: impl FnOnce(&mut LinkConfig)) -> Session {
    let config = config(change);
    Session::new(&config, window(&config), Instant::now())
}

fn item(len: usize) -> Inbound {
    Inbound::Message(Message::single(vec![0; len]))
}

/// One item in a frame of its own, within the credit of `from`.
fn send(from: &mut Session, len: usize) -> Parts {
    assert!(from.may_send());
    from.spend(item(len).weight());
    let parts = data(&[len]);
    from.hand_over(&parts);
    parts
}

fn data(lens: &[usize]) -> Parts {
    let mut batch = Batch::new();
    lens.iter().for_each(|len| batch.push(&item(*len)));
    batch.into_parts()
}

/// Brings everything both have to say of themselves to the other side.
fn settle(a: &mut Session, b: &mut Session) {
    let now = Instant::now();
    loop {
        let (from_a, from_b) = (a.poll_transmit(now), b.poll_transmit(now));
        if from_a.is_none() && from_b.is_none() {
            return;
        }
        if let Some(frame) = from_a {
            b.receive(now, frame.encode()).unwrap();
        }
        if let Some(frame) = from_b {
            a.receive(now, frame.encode()).unwrap();
        }
    }
}

#[test]
fn nothing_is_sent_beyond_the_credit_and_all_goes_on_when_it_was_read() {
    let (mut a, mut b) = (session(|_| ()), session(|_| ()));
    let now = Instant::now();
    let mut consumed = Amount::default();
    for round in 0..100 {
        let mut n_sent = 0;
        while a.may_send() {
            let len = if round % 2 == 0 { 1 } else { 5_000 };
            b.receive(now, send(&mut a, len)).unwrap();
            consumed = consumed.plus(Amount::one(item(len).weight()));
            n_sent += 1;
        }
        assert!((1..=SMALL.messages).contains(&n_sent), "{n_sent} in round {round}");
        settle(&mut a, &mut b);
        assert!(!a.may_send(), "nothing was read");
        b.consumed(consumed);
        settle(&mut a, &mut b);
        assert!(a.may_send(), "all was read");
    }
}

#[test]
fn who_sends_more_than_the_credit_is_refused() {
    let mut b = session(|_| ());
    let now = Instant::now();
    b.receive(now, data(&[1; 8])).unwrap();
    let error = b.receive(now, data(&[1])).unwrap_err();
    assert!(error.to_string().contains("more than the credit allows"), "{error}");
    let error = session(|_| ()).receive(now, data(&[1; 9])).unwrap_err();
    assert!(error.to_string().contains("more than the credit allows"), "{error}");
}

#[test]
fn one_message_may_go_beyond_the_bytes_but_no_second_one() {
    let mut b = session(|_| ());
    let now = Instant::now();
    b.receive(now, data(&[50_000])).unwrap();
    assert!(b.receive(now, data(&[1])).is_err());
}

#[test]
fn credit_is_not_taken_back() {
    let mut a = session(|_| ());
    let now = Instant::now();
    let less = Amount { messages: 7, bytes: 20_000 };
    let error = a.receive(now, Frame::Credit(less).encode()).unwrap_err();
    assert!(error.to_string().contains("less than before"), "{error}");
}

#[test]
fn a_peer_that_grants_everything_and_confirms_nothing_gets_a_bounded_amount() {
    let mut a = session(|it| it.options.send_high_water = SMALL);
    let now = Instant::now();
    let all = Amount { messages: u64::MAX, bytes: u64::MAX };
    a.receive(now, Frame::Credit(all).encode()).unwrap();
    let mut n_frames = 0;
    while a.may_send() {
        send(&mut a, 1);
        n_frames += 1;
    }
    assert!(n_frames <= MAX_UNCONFIRMED);
    // It is asked to confirm, once; a guess is no confirmation.
    let Some(Frame::Ping(nonce)) = a.poll_transmit(now) else { panic!("no PING") };
    assert_eq!(a.poll_transmit(now), None);
    let mut fooled = a.receive(now, Frame::Pong(nonce ^ 1).encode());
    assert!(fooled.is_err());
    fooled = a.receive(now, Frame::Pong(nonce).encode());
    assert!(fooled.is_ok() && a.may_send());
}

#[test]
fn the_bytes_that_are_not_confirmed_are_bounded_too() {
    let mut a = session(|it| it.options.send_high_water = SMALL);
    let all = Amount { messages: u64::MAX, bytes: u64::MAX };
    a.receive(Instant::now(), Frame::Credit(all).encode()).unwrap();
    let mut n_bytes = 0;
    while a.may_send() {
        send(&mut a, 60_000);
        n_bytes += 60_000;
    }
    assert!(n_bytes <= MIN_UNCONFIRMED + 60_000, "{n_bytes}");
}

#[test]
fn a_flood_of_pings_is_answered_by_a_bounded_number_of_pongs() {
    let mut a = session(|it| it.options.heartbeat = None);
    let now = Instant::now();
    let mut n_pongs = 0;
    for nonce in 0..20_000 {
        a.receive(now, Frame::Ping(nonce).encode()).unwrap();
        while let Some(frame) = a.poll_transmit(now) {
            n_pongs += u64::from(matches!(frame, Frame::Pong(_)));
            a.hand_over(&frame.encode());
        }
    }
    assert!(n_pongs <= MAX_UNCONFIRMED + PONG_RESERVE, "{n_pongs}");
}

#[test]
fn two_sides_that_are_full_still_confirm_each_other() {
    let wide = |it: &mut LinkConfig| {
        it.options.recv_high_water = HighWater { messages: 100_000, bytes: 1 << 30 };
        it.options.send_high_water = SMALL;
    };
    let (mut a, mut b) = (session(wide), session(wide));
    let now = Instant::now();
    while a.may_send() {
        b.receive(now, send(&mut a, 1)).unwrap();
    }
    while b.may_send() {
        a.receive(now, send(&mut b, 1)).unwrap();
    }
    settle(&mut a, &mut b);
    assert!(a.may_send() && b.may_send());
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_asked_and_then_given_up() {
    let mut a = session(|_| ());
    let start = Instant::now();
    let mut at = a.poll_timeout().unwrap();
    assert_eq!(at, start + Duration::from_secs(5));
    a.handle_timeout(at).unwrap();
    assert!(matches!(a.poll_transmit(at), Some(Frame::Ping(_))));
    at = a.poll_timeout().unwrap();
    assert_eq!(at, start + Duration::from_secs(20));
    let error = a.handle_timeout(at).unwrap_err();
    assert!(error.to_string().contains("silent"), "{error}");
    // Any word is a sign of life, though it is not the answer.
    a.receive(at, Frame::Ping(1).encode()).unwrap();
    a.handle_timeout(at).unwrap();
}

#[test]
fn a_peer_may_be_asked_without_a_heartbeat() {
    let mut a = session(|it| it.options.heartbeat = None);
    let now = Instant::now();
    assert_eq!((a.poll_transmit(now), a.poll_timeout()), (None, None));
    a.ask(now);
    assert!(matches!(a.poll_transmit(now), Some(Frame::Ping(_))));
    assert_eq!((a.poll_transmit(now), a.poll_timeout()), (None, None));
}

#[test]
fn a_peer_may_say_later_that_we_are_not_wanted() {
    let reason = "one pair is enough".to_owned();
    let refusal = crate::zmq::frame::Refusal { is_final: true, nonce: 0, reason };
    let frame = Frame::Refuse(refusal);
    let error = session(|_| ()).receive(Instant::now(), frame.encode()).unwrap_err();
    assert_eq!(error, Error::Refused { reason: "one pair is enough".to_owned() });
}
