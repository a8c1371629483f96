//! The simulated network itself.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::ops::RangeInclusive;

use bytes::BytesMut;
use gleis_core::Endpoint;
use gleis_transport::{Network, Wire, WireListener};
use tokio::time::{Duration, Instant};

use super::{Sim, Weather, run, trace_of};

const HERE: &str = "10.0.0.1";
const THERE: &str = "10.0.0.2";

fn millis(range: RangeInclusive<u64>) -> RangeInclusive<Duration> {
    Duration::from_millis(*range.start())..=Duration::from_millis(*range.end())
}

fn there() -> Endpoint {
    format!("tcp://{THERE}:7000").parse().unwrap()
}

async fn listen(sim: &Sim) -> Box<dyn WireListener> {
    sim.host(THERE).listen(&there()).await.unwrap()
}

/// A stream from here to there: both of its ends.
async fn ends(sim: &Sim) -> (Box<dyn Wire>, Box<dyn Wire>) {
    let listener = listen(sim).await;
    let (host, at) = (sim.host(HERE), there());
    let (near, far) = tokio::join!(host.dial(&at), listener.accept());
    (near.unwrap(), far.unwrap().0)
}

async fn write(wire: &dyn Wire, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match wire.try_write(rest) {
            Ok(n_bytes) => rest = &rest[n_bytes..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|cx| wire.poll_write_ready(cx)).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Everything that comes, in the pieces in which it comes, and how it ended.
async fn read(wire: &dyn Wire) -> (Vec<String>, Option<io::ErrorKind>) {
    let mut pieces = Vec::new();
    loop {
        let mut buffer = BytesMut::with_capacity(4 << 10);
        match wire.try_read(&mut buffer) {
            Ok(0) => return (pieces, None),
            Ok(_) => pieces.push(String::from_utf8(buffer.to_vec()).unwrap()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|cx| wire.poll_read_ready(cx)).await.unwrap();
            }
            Err(error) => return (pieces, Some(error.kind())),
        }
    }
}

#[test]
fn bytes_arrive_in_order_after_their_delay() {
    run(20, async |sim| {
        sim.set_weather(Weather { delay: millis(10..=500), ..Weather::calm() });
        let (near, far) = ends(&sim).await;
        let start = Instant::now();
        let writing = async {
            for word in ["one ", "two ", "three"] {
                write(&*near, word.as_bytes()).await.unwrap();
            }
            near.shutdown(Shutdown::Write);
        };
        let ((), (pieces, end)) = tokio::join!(writing, read(&*far));
        assert_eq!((pieces.concat().as_str(), end), ("one two three", None));
        assert!(Duration::from_millis(10) <= start.elapsed());
    });
}

#[test]
fn what_was_written_at_once_arrives_in_pieces() {
    run(20, async |sim| {
        sim.set_weather(Weather { piece: 1..=3, hiccups: 0.5, ..Weather::calm() });
        let (near, far) = ends(&sim).await;
        let writing = async {
            write(&*near, b"a message of some length").await.unwrap();
            near.shutdown(Shutdown::Write);
        };
        let ((), (pieces, end)) = tokio::join!(writing, read(&*far));
        assert!(pieces.iter().all(|it| it.len() <= 3), "{pieces:?}");
        assert_eq!((pieces.concat().as_str(), end), ("a message of some length", None));
    });
}

#[test]
fn a_reader_that_does_not_read_stops_the_writer() {
    run(1, async |sim| {
        sim.set_weather(Weather { window: 10, ..Weather::calm() });
        let (near, far) = ends(&sim).await;
        assert_eq!(near.try_write(&[b'x'; 100]).unwrap(), 10);
        sim.pass(Duration::from_secs(60)).await;
        assert_eq!(near.try_write(b"x").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut buffer = BytesMut::with_capacity(4);
        assert_eq!(far.try_read(&mut buffer).unwrap(), 4);
        poll_fn(|cx| near.poll_write_ready(cx)).await.unwrap();
        assert_eq!(near.try_write(&[b'x'; 100]).unwrap(), 4);
    });
}

#[test]
fn bytes_take_as_long_as_the_line_is_slow() {
    run(1, async |sim| {
        sim.set_weather(Weather { bandwidth: Some(1_000), ..Weather::calm() });
        let (near, far) = ends(&sim).await;
        let start = Instant::now();
        write(&*near, &[b'x'; 2_000]).await.unwrap();
        near.shutdown(Shutdown::Write);
        read(&*far).await;
        assert_eq!(start.elapsed().as_secs(), 2);
    });
}

#[test]
fn a_connection_breaks_at_the_byte_where_it_is_to_break() {
    run(20, async |sim| {
        sim.set_weather(Weather { lifetime: Some(7..=7), ..Weather::calm() });
        let (near, far) = ends(&sim).await;
        write(&*near, b"0123456789").await.unwrap();
        let (pieces, end) = read(&*far).await;
        assert!("0123456".starts_with(&pieces.concat()));
        assert_eq!(end, Some(io::ErrorKind::ConnectionReset));
        assert_eq!(near.try_write(b"x").unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn of_a_silent_end_nobody_hears_until_the_system_gives_up() {
    run(1, async |sim| {
        let (near, far) = ends(&sim).await;
        assert_eq!(sim.silence(HERE, THERE), 1);
        let start = Instant::now();
        write(&*near, b"lost").await.unwrap();
        assert_eq!(read(&*near).await, (vec![], Some(io::ErrorKind::TimedOut)));
        assert!(Duration::from_secs(900) < start.elapsed());
        assert!(far.try_read(&mut BytesMut::with_capacity(9)).is_err());
    });
}

#[test]
fn what_waits_at_a_cut_arrives_when_it_heals() {
    run(1, async |sim| {
        let (near, far) = ends(&sim).await;
        sim.cut(HERE, THERE);
        write(&*near, b"late").await.unwrap();
        near.shutdown(Shutdown::Write);
        sim.pass(Duration::from_secs(60)).await;
        assert!(far.try_read(&mut BytesMut::with_capacity(9)).is_err());
        sim.heal(HERE, THERE);
        assert_eq!(read(&*far).await, (vec!["late".to_owned()], None));
    });
}

#[test]
fn a_dial_at_a_cut_fails_or_waits_for_its_end() {
    run(20, async |sim| {
        let _listener = listen(&sim).await;
        sim.cut(HERE, THERE);
        let host = sim.host(HERE);
        let start = Instant::now();
        let healing = async {
            sim.pass(Duration::from_secs(5)).await;
            sim.heal(HERE, THERE);
        };
        let at = there();
        let ((), dialled) = tokio::join!(healing, host.dial(&at));
        match dialled {
            Ok(_) => assert!(Duration::from_secs(5) < start.elapsed()),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::HostUnreachable),
        }
    });
}

#[test]
fn nobody_answers_where_nobody_listens() {
    run(1, async |sim| {
        let dialled = sim.host(HERE).dial(&there()).await;
        assert_eq!(dialled.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let listener = listen(&sim).await;
        let again = sim.host(THERE).listen(&there()).await;
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        drop(listen(&sim).await);
    });
}

#[test]
fn a_restarted_host_has_forgotten_everything() {
    run(1, async |sim| {
        let (near, far) = ends(&sim).await;
        let old = listen(&sim).await;
        sim.restart(THERE);
        assert_eq!(read(&*near).await.1, Some(io::ErrorKind::ConnectionReset));
        assert_eq!(read(&*far).await.1, Some(io::ErrorKind::ConnectionReset));
        let _new = listen(&sim).await;
        drop(old);
        sim.host(HERE).dial(&there()).await.unwrap();
    });
}

#[test]
fn the_peer_of_a_host_that_restarted_behind_a_cut_learns_it_when_it_writes() {
    run(1, async |sim| {
        let (near, _far) = ends(&sim).await;
        sim.cut(HERE, THERE);
        sim.restart(THERE);
        sim.pass(Duration::from_secs(1)).await;
        sim.heal(HERE, THERE);
        sim.pass(Duration::from_secs(60)).await;
        write(&*near, b"hello?").await.unwrap();
        assert_eq!(read(&*near).await.1, Some(io::ErrorKind::ConnectionReset));
    });
}

#[test]
fn closing_with_unread_bytes_resets_the_peer() {
    run(1, async |sim| {
        let (near, far) = ends(&sim).await;
        write(&*near, b"never read").await.unwrap();
        sim.pass(Duration::from_secs(1)).await;
        drop(far);
        assert_eq!(read(&*near).await.1, Some(io::ErrorKind::ConnectionReset));
        drop(near);
        assert_eq!(sim.n_connections(), 0);
    });
}

/// Two writers in a storm.
async fn storm(sim: Sim) {
    let mut rng = sim.rng();
    sim.set_weather(Weather::stormy(&mut rng, 100));
    let listener = listen(&sim).await;
    for _ in 0..5 {
        let host = sim.host(HERE);
        let at = there();
        let (near, far) = tokio::join!(host.dial(&at), listener.accept());
        let (near, far) = (near.unwrap(), far.unwrap().0);
        let talking = async {
            let _ = tokio::join!(write(&*near, &[b'x'; 200]), write(&*far, &[b'y'; 200]));
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), talking).await;
        sim.note(fastrand::u64(..));
    }
}

#[test]
fn one_seed_gives_the_same_run_twice_and_another_seed_another() {
    for seed in 0..20 {
        let trace = trace_of(seed, storm);
        assert!(!trace.is_empty());
        assert_eq!(trace.to_string(), trace_of(seed, storm).to_string());
        assert_ne!(trace, trace_of(seed + 100, storm));
    }
}

#[test]
fn a_run_that_fails_names_its_seed_and_how_to_replay_it() {
    let failed = std::panic::catch_unwind(|| {
        run(10, async |sim| {
            sim.note("something happened");
            // In a task, which would keep it to itself.
            let seed = sim.seed();
            let _ = tokio::spawn(async move { assert_ne!(seed, 3) }).await;
        });
    });
    let text = *failed.unwrap_err().downcast::<String>().unwrap();
    for part in
        ["seed 3 failed", "0 - something happened", "GLEIS_SIM_SEED=3 cargo test -p gleis-test"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.ends_with("a_run_that_fails_names_its_seed_and_how_to_replay_it"), "{text}");
}

#[test]
fn a_run_that_waits_for_ever_is_ended() {
    let failed = std::panic::catch_unwind(|| run(1, async |_| std::future::pending::<()>().await));
    let text = *failed.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("not done after 86400s of virtual time"), "{text}");
}
