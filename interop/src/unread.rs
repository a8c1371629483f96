//! Requesters that do not read their answers: nobody else waits for them, and what they may cost is
//! bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gleis_patterns::{Event, Events, Replier, ReplyError};

use crate::foreign::{Engine, Flood, Foreign, Wish, pattern};
use crate::outcome::{Failure, Outcome, holds, same, soon};
use crate::runner::Scenario;

/// How many answers may wait for one requester.
const HIGH_WATER: usize = 10;
/// More answers of this length than fit into all buffers on the way.
const ANSWER: usize = 256 << 10;
const FLOOD: Flood = Flood { count: 500, size: 8 };
/// How long an answer waits for its requester.
const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) fn scenarios() -> Vec<Scenario> {
    let scenario = |engine: Engine| {
        let name = engine.name();
        Scenario::new(
            format!("Replier sends a {name} DEALER away that does not read, and serves others"),
            move || unread(engine),
        )
    };
    Engine::ALL.map(scenario).into()
}

/// What the replier saw.
#[derive(Debug, Default)]
struct Seen {
    most_queued: AtomicU64,
    n_full: AtomicU64,
}

async fn unread(engine: Engine) -> Outcome {
    let replier: Replier<Bytes, Bytes> = Replier::bind("tcp://127.0.0.1:0")
        .timeout(PATIENCE)
        .high_water(HIGH_WATER)
        .send_buffer(64 << 10)
        .await?;
    let at = replier.endpoint().to_string();
    let mut events = replier.events();
    let seen = Arc::new(Seen::default());
    let serving = tokio::spawn(serve(replier, seen.clone()));

    let wish = Wish { high_water: Some(HIGH_WATER), ..Wish::default() };
    let mut deaf = Foreign::open(engine, "DEALER", wish).await?;
    deaf.connect(&at).await?;
    deaf.flood(FLOOD, &[Bytes::new()]).await?;
    sent_away(&mut events).await?;
    // It may have come back, to ask and not to read again: others are served all the same.
    for other in Engine::ALL {
        let mut honest = Foreign::at(other, "REQ", &at).await?;
        for _ in 0..5 {
            honest.send(&[vec![Bytes::from_static(b"?")]]).await?;
            same(honest.recv(1).await?, [[pattern(ANSWER)]])?;
        }
    }
    holds(0 < seen.n_full.load(Ordering::Relaxed), "no answer was given up")?;
    // Those for the deaf one and those for others, who take theirs.
    let most = 2 * HIGH_WATER as u64;
    holds(seen.most_queued.load(Ordering::Relaxed) <= most, "more waits than may")?;
    deaf.kill();
    serving.abort();
    Ok(())
}

/// Answers one after the other, as a program does that knows nothing of deaf requesters.
async fn serve(replier: Replier<Bytes, Bytes>, seen: Arc<Seen>) {
    while let Ok((_, handle)) = replier.recv().await {
        if let Err(ReplyError::Full) = handle.send(pattern(ANSWER)).await {
            seen.n_full.fetch_add(1, Ordering::Relaxed);
        }
        seen.most_queued.fetch_max(replier.stats().sent.queued, Ordering::Relaxed);
    }
}

async fn sent_away(events: &mut Events) -> Outcome {
    let full = ReplyError::Full.to_string();
    loop {
        match soon(events.recv()).await? {
            Some(Event::Disconnected { reason, .. } | Event::Refused { reason, .. })
                if reason.contains(&full) =>
            {
                return Ok(());
            }
            Some(_) => (),
            None => return Err(Failure::new("the socket is gone")),
        }
    }
}
