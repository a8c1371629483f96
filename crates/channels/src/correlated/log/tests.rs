//! What a log does, on a clock of its own.

use std::time::Duration;

use super::*;
use crate::correlated::rules::Kind;

/// A log and a clock of its own.
struct World {
    log: Log,
    now: Instant,
}

impl World {
    fn new(kind: Kind) -> Self {
        Self { log: Log::new(Rules::new(kind)), now: Instant::now() }
    }

    fn write(&mut self, ids: &str) {
        for id in ids.split_whitespace() {
            let mut message = ChannelMessage::new("writer", id);
            message.id = id.to_owned();
            if let Some((recipient, _)) = id.split_once(':') {
                message.recipient = Some(recipient.to_owned());
            }
            self.log.append(Arc::new(message), self.now).unwrap();
        }
    }

    #[track_caller]
    fn check_read(&mut self, reader: &str, limit: usize, expect: &str) {
        let read = self.log.read(reader, limit, None, self.now).unwrap();
        assert_eq!(ids(&read), expect);
        assert!(self.log.stats().is_balanced());
    }

    fn claim(&mut self, limit: usize) -> Vec<Claim> {
        self.log.claim(limit, self.now)
    }

    #[track_caller]
    fn check_claim(&mut self, limit: usize, expect: &str) -> Vec<ClaimToken> {
        let claims = self.claim(limit);
        let messages: Vec<_> = claims.iter().map(|it| it.message.clone()).collect();
        assert_eq!(ids(&messages), expect);
        claims.iter().map(|it| it.token).collect()
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

fn ids(messages: &[Arc<ChannelMessage>]) -> String {
    messages.iter().map(|it| it.id.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_reader_has_a_place_of_its_own_and_begins_with_the_oldest() {
    let mut world = World::new(Kind::Passthrough);
    world.write("a b c");
    world.check_read("one", 2, "a b");
    world.check_read("two", 1, "a");
    world.check_read("one", 10, "c");
    world.check_read("one", 10, "");
    world.write("d");
    world.check_read("one", 10, "d");
    world.check_read("two", 10, "b c d");
    assert!(world.log.forget("one") && !world.log.forget("one"));
    world.check_read("one", 1, "a");
}

#[test]
fn after_is_exclusive_and_moves_the_reader() {
    let mut world = World::new(Kind::Passthrough);
    world.write("a b c d");
    world.check_read("one", 10, "a b c d");
    let read = world.log.read("one", 1, Some("b"), world.now).unwrap();
    assert_eq!(ids(&read), "c");
    world.check_read("one", 10, "d");
    let error = world.log.read("one", 1, Some("x"), world.now).unwrap_err();
    assert_eq!(error, ChannelError::UnknownMessage { id: "x".to_owned() });
    world.write("e");
    world.check_read("one", 10, "e");
}

#[test]
fn retention_takes_the_oldest_and_readers_skip_nothing_that_is_there() {
    let mut world = World::new(Kind::Broadcast);
    world.log.rules.max_count = 3;
    world.write("a b");
    world.check_read("one", 1, "a");
    world.write("c d e");
    world.check_read("one", 10, "c d e");
    world.check_read("new", 10, "c d e");
    assert_eq!(world.log.stats().evicted, 2);
}

#[test]
fn what_is_too_old_goes_when_its_time_has_come() {
    let mut world = World::new(Kind::Broadcast);
    world.log.rules.max_age = Some(Duration::from_secs(10));
    assert_eq!(world.log.next_moment(), None);
    world.write("a");
    world.pass(4);
    world.write("b");
    assert_eq!(world.log.next_moment(), Some(world.now + Duration::from_secs(6)));
    world.pass(6);
    world.log.maintain(world.now);
    assert_eq!((world.log.stats().kept, world.log.stats().evicted), (1, 1));
    world.pass(4);
    world.check_read("one", 10, "");
    assert_eq!(world.log.next_moment(), None);
}

#[test]
fn the_log_keeps_no_more_bytes_than_it_may() {
    let mut world = World::new(Kind::Broadcast);
    world.write("a");
    world.log.rules.max_bytes = 2 * world.log.stats().bytes as usize;
    world.write("b c");
    assert_eq!((world.log.stats().kept, world.log.stats().evicted), (2, 1));
    let large = Arc::new(ChannelMessage::new("writer", "x".repeat(10_000)));
    assert_eq!(world.log.append(large, world.now), Err(ChannelError::Full));
}

#[test]
fn an_id_is_there_once() {
    let mut world = World::new(Kind::Passthrough);
    world.write("a");
    let again = Arc::new(ChannelMessage { id: "a".to_owned(), ..ChannelMessage::new("w", 1) });
    let error = world.log.append(again, world.now);
    assert_eq!(error, Err(ChannelError::DuplicateId { id: "a".to_owned() }));
}

#[test]
fn a_claim_is_exclusive_until_it_is_given_back() {
    let mut world = World::new(Kind::WorkQueue);
    world.write("a b c");
    let tokens = world.check_claim(2, "a b");
    world.check_claim(10, "c");
    world.log.nack(tokens[0], world.now).unwrap();
    world.log.ack(tokens[1], world.now).unwrap();
    assert_eq!(world.log.nack(tokens[0], world.now), Err(ChannelError::ClaimOver));
    assert_eq!(world.log.ack(tokens[1], world.now), Err(ChannelError::ClaimOver));
    let claims = world.claim(10);
    assert_eq!((claims.len(), claims[0].deliveries), (1, 2));
    assert!(world.log.stats().is_balanced());
}

#[test]
fn a_claim_that_times_out_is_for_the_next_one_and_its_token_is_worth_nothing() {
    let mut world = World::new(Kind::WorkQueue);
    world.log.rules.claim_timeout = Duration::from_secs(10);
    world.write("a");
    let old = world.check_claim(1, "a");
    world.pass(9);
    world.log.extend(old[0], world.now).unwrap();
    world.pass(9);
    world.check_claim(1, "");
    world.pass(1);
    let new = world.check_claim(1, "a");
    assert_eq!(world.log.ack(old[0], world.now), Err(ChannelError::ClaimOver));
    world.log.ack(new[0], world.now).unwrap();
    world.pass(100);
    world.check_claim(1, "");
    assert_eq!((world.log.stats().reclaimed, world.log.stats().done), (1, 1));
}

#[test]
fn a_reader_gets_what_was_claimed_when_it_passed_and_was_given_back() {
    let mut world = World::new(Kind::Passthrough);
    world.write("a b c");
    let tokens = world.check_claim(2, "a b");
    world.check_read("one", 10, "c");
    world.log.nack(tokens[0], world.now).unwrap();
    world.log.ack(tokens[1], world.now).unwrap();
    world.check_read("one", 10, "a");
    world.check_read("one", 10, "");
}

#[test]
fn a_work_queue_refuses_rather_than_to_lose_a_job() {
    let mut world = World::new(Kind::WorkQueue);
    world.log.rules.max_count = 1;
    world.write("a");
    let more = Arc::new(ChannelMessage::new("writer", "b"));
    assert_eq!(world.log.append(more, world.now), Err(ChannelError::Full));
    let tokens = world.check_claim(1, "a");
    world.log.ack(tokens[0], world.now).unwrap();
    world.write("b");
    assert_eq!(world.log.stats().refused, 1);
}

#[test]
fn a_mailbox_shows_what_is_for_the_reader_however_much_is_not() {
    let mut world = World::new(Kind::Mailbox);
    for n in 0..500 {
        world.write(&format!("bob:{n}"));
    }
    world.write("alice:1 all alice:2");
    world.check_read("alice", 2, "alice:1 all");
    world.check_read("alice", 2, "alice:2");
    world.check_read("carol", 2, "all");
}

#[test]
fn a_log_that_is_cleared_goes_on_where_it_was() {
    let mut world = World::new(Kind::Passthrough);
    world.write("a b");
    world.check_read("one", 10, "a b");
    world.claim(1);
    world.log.clear();
    world.write("c");
    world.check_read("one", 10, "c");
    world.check_claim(10, "c");
    assert_eq!(world.log.stats().cleared, 2);
}

#[test]
fn a_follower_is_told_what_it_missed() {
    let mut world = World::new(Kind::Broadcast);
    world.log.rules.max_count = 2;
    world.write("a b c d");
    let since = world.log.since(0, 10);
    assert_eq!((ids(&since.messages).as_str(), since.missed, since.next), ("c d", 2, 4));
    let since = world.log.since(4, 10);
    assert_eq!((since.messages.len(), since.missed, since.next), (0, 0, 4));
}
