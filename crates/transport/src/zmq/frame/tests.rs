//! What is written is read again, and nothing else is.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn limits() -> Limits {
    Limits { frame: 100_000, message: 200_000, parts: 4, command: 1_000, subscription: 10 }
}

fn hello() -> Hello {
    let mut metadata = Metadata::new();
    metadata.insert("X-Gleis-Codec", "json").unwrap();
    Hello {
        credit: Amount { bytes: 7, messages: 1_000 },
        identity: Bytes::from_static(b"me"),
        metadata,
        nonce: 0x0102_0304_0506_0708,
        socket_type: SocketType::Push,
    }
}

fn message(frames: &[&[u8]]) -> Inbound {
    let mut head: Vec<Bytes> = frames.iter().map(|it| Bytes::copy_from_slice(it)).collect();
    let body = head.pop().unwrap();
    Inbound::Message(Message::multipart(head, body))
}

fn batch(items: &[Inbound]) -> Parts {
    let mut batch = Batch::new();
    items.iter().for_each(|it| batch.push(it));
    batch.into_parts()
}

fn read(parts: Parts) -> Result<Vec<Inbound>, Error> {
    read_batch(parts, &limits(), |_| Ok(()))
}

fn shown(items: &[Inbound]) -> Vec<String> {
    let shown = |it: &Inbound| match it {
        Inbound::Control(control) => format!("{control:?}"),
        Inbound::Message(it) => format!("{:?} {:?}", it.head, it.body.to_bytes().unwrap()),
    };
    items.iter().map(shown).collect()
}

#[track_caller]
fn check_fault(parts: Parts, words: &str) {
    let error = match Frame::parse(parts, &limits()) {
        Err(error) => error,
        Ok(Frame::Data(parts)) => read(parts).unwrap_err(),
        Ok(frame) => panic!("{frame:?}"),
    };
    assert!(error.to_string().contains(words), "{error}");
}

fn part(bytes: &[u8]) -> Parts {
    vec![Bytes::copy_from_slice(bytes)]
}

#[test]
fn a_hello_is_on_the_wire_as_it_is_written_down() {
    let expect = b"\x01gleis\x01\x01\x02\x03\x04\x05\x06\x07\x08\
        \0\0\0\0\0\0\x03\xe8\0\0\0\0\0\0\0\x07\x04PUSH\x02me\x0dX-Gleis-Codec\0\0\0\x04json";
    assert_eq!(Frame::Hello(hello()).encode(), part(expect));
}

#[test]
fn a_batch_is_on_the_wire_as_it_is_written_down() {
    let items = [
        message(&[b"eu", b"42"]),
        Inbound::Control(Control::Subscribe(Bytes::from_static(b"us"))),
        Inbound::Control(Control::Cancel(Bytes::new())),
        Inbound::Control(Control::Command(Box::new(Command {
            name: Bytes::from_static(b"GAP"),
            body: Bytes::from_static(b"7"),
        }))),
    ];
    assert_eq!(batch(&items), part(b"\x04\0\x02\x04eu\x0442\x01\x04us\x02\0\x03\x06GAP\x027"));
}

#[test]
fn every_frame_is_read_as_it_was_written() {
    let refusal = Refusal { is_final: true, nonce: 9, reason: "no".to_owned() };
    let amount = Amount { bytes: u64::MAX, messages: 3 };
    for frame in [
        Frame::Accept(hello()),
        Frame::Bye,
        Frame::ByeAck,
        Frame::Credit(amount),
        Frame::Hello(hello()),
        Frame::Ping(1),
        Frame::Pong(u64::MAX),
        Frame::Refuse(refusal),
    ] {
        assert_eq!(Frame::parse(frame.encode(), &limits()).unwrap(), frame);
    }
}

#[test]
fn a_large_body_travels_apart() {
    let large = vec![7; APART];
    let parts = batch(&[message(&[b"a", &large]), message(&[b"b"])]);
    assert_eq!(parts.len(), 2);
    assert_eq!(shown(&read(parts).unwrap()), shown(&[message(&[b"a", &large]), message(&[b"b"])]));
}

#[test]
fn what_breaks_the_protocol_is_named() {
    check_fault(Vec::new(), "without a kind");
    check_fault(part(b""), "without a kind");
    check_fault(part(b"\xFFfoo"), "unknown kind");
    check_fault(part(b"\x06\0\0"), "malformed PING command: cut short");
    check_fault(part(b"\x08x"), "malformed BYE command: bytes left over");
    check_fault([part(b"\x08"), part(b"x")].concat(), "more than one part");
    check_fault(part(b"\x01HTTP/1.1"), "not the greeting of a gleis link");
    check_fault(part(b"\x01gleis\x02"), "another version");
    check_fault(part(b"\x04\x09"), "unknown item");
    check_fault(part(b"\x04\0\0"), "without a frame");
    check_fault(part(b"\x04\0\x01\x04a"), "a frame cut short");
    check_fault(part(b"\x04\0\x01\x81\x80\x02"), "a frame cut short");
    check_fault(part(b"\x04\0\x01\x80\0"), "a number that is not one");
    check_fault(part(b"\x04\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "not one");
    check_fault([part(b"\x04\0\x01\0"), part(b"x")].concat(), "parts left over");
}

#[test]
fn what_is_over_a_limit_is_refused_before_it_is_read() {
    check_fault(part(b"\x04\0\x05"), "parts limit exceeded: 5 announced, 4 allowed");
    check_fault(part(b"\x04\0\x01\x80\x80\x80\x80\x04"), "frame limit exceeded: 536870912");
    check_fault(part(b"\x04\x01\x16"), "subscription limit exceeded: 11 announced");
    check_fault(part(&[&[1], &[b'x'; 2_000][..]].concat()), "command limit exceeded");
    let many = vec![0; 90_000];
    check_fault(batch(&[message(&[&many, &many, &many])]), "message limit exceeded");
}

#[test]
fn nothing_is_kept_beyond_what_is_charged() {
    let parts = batch(&[message(&[b"a"]), message(&[b"b"])]);
    let mut n_charged = 0;
    let res = read_batch(parts, &limits(), |_| {
        n_charged += 1;
        if n_charged == 2 { Err(malformed("DATA", "too much")) } else { Ok(()) }
    });
    assert!(res.is_err());
    assert_eq!(n_charged, 2);
}

fn item() -> impl Strategy<Value = Inbound> {
    let bytes = || vec(any::<u8>(), 0..200).prop_map(Bytes::from);
    let large = vec(any::<u8>(), APART - 1..APART + 2).prop_map(Bytes::from);
    let body = prop_oneof![9 => bytes(), 1 => large];
    let message = (vec(bytes(), 0..4), body)
        .prop_map(|(head, body)| Inbound::Message(Message::multipart(head, body)));
    let prefix = || vec(any::<u8>(), 0..11).prop_map(Bytes::from);
    let control = prop_oneof![
        prefix().prop_map(Control::Subscribe),
        prefix().prop_map(Control::Cancel),
        (prefix(), bytes())
            .prop_map(|(name, body)| Control::Command(Box::new(Command { name, body }))),
    ];
    prop_oneof![4 => message, 1 => control.prop_map(Inbound::Control)]
}

proptest! {
    #[test]
    fn any_batch_is_read_as_it_was_written(items in vec(item(), 1..20)) {
        let Frame::Data(parts) = Frame::parse(batch(&items), &limits()).unwrap() else {
            panic!("a batch");
        };
        prop_assert_eq!(shown(&read(parts).unwrap()), shown(&items));
    }

    #[test]
    fn no_bytes_make_it_panic(kind in 0..12_u8, parts in vec(vec(any::<u8>(), 0..60), 1..3)) {
        let mut parts: Parts = parts.into_iter().map(Bytes::from).collect();
        parts[0] = [&[kind], &parts[0][..]].concat().into();
        if let Ok(Frame::Data(parts)) = Frame::parse(parts, &limits()) {
            let _ = read(parts);
        }
    }

    #[test]
    fn a_batch_that_is_changed_or_cut_is_read_or_refused(
        items in vec(item(), 1..5), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut parts = batch(&items);
        let mut bytes = parts[0].to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at.max(1)) } else { bytes[at] = byte }
        parts[0] = bytes.into();
        if let Ok(Frame::Data(parts)) = Frame::parse(parts, &limits()) {
            let _ = read(parts);
        }
    }
}

#[test]
fn a_subscription_keeps_nothing_of_its_batch_alive() {
    let command = Command { name: Bytes::from_static(b"GAP"), body: Bytes::from_static(b"7") };
    let items = [
        message(&[&[7; 10_000]]),
        Inbound::Control(Control::Subscribe(Bytes::from_static(b"us"))),
        Inbound::Control(Control::Command(Box::new(command))),
    ];
    for item in read(batch(&items)).unwrap() {
        let kept = match item {
            Inbound::Control(Control::Subscribe(prefix)) => vec![prefix],
            Inbound::Control(Control::Command(it)) => vec![it.name, it.body],
            _ => Vec::new(),
        };
        assert!(kept.iter().all(Bytes::is_unique));
    }
}

#[test]
fn an_identity_that_begins_with_zero_is_none_as_in_zmtp() {
    let them = Hello { identity: Bytes::from_static(b"\0\x01\x02\x03\x04"), ..hello() };
    let Ok(Frame::Hello(them)) = Frame::parse(Frame::Hello(them).encode(), &limits()) else {
        panic!("a HELLO");
    };
    assert_eq!(them.identity, "");
}
