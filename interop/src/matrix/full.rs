//! High-water marks: one side does not read, and nothing is lost uncounted.

use std::time::Duration;

use crate::foreign::{Flood, Frames, number, numbered};
use crate::matrix::meeting::{Meeting, Plan};
use crate::matrix::ours::{Ours, WhenFull};
use crate::matrix::row::Way;
use crate::outcome::{Failure, Outcome, holds, same, soon};

/// Messages in each queue; beside them there are the buffers of the system.
const HIGH_WATER: usize = 10;
/// What a message weighs that is to fill the buffers of the system.
const HEAVY: usize = 64 << 10;
/// More messages of this weight than fit into all buffers.
const MANY: u64 = 1_000;
/// A send that takes longer waits for the peer.
const PATIENCE: Duration = Duration::from_millis(300);

/// The foreign side does not read.
pub(crate) async fn theirs<O: Ours>(mut plan: Plan) -> Outcome {
    plan.high_water = Some(HIGH_WATER);
    let row = plan.row;
    let mut meeting = Meeting::<O>::new(plan).await?;
    match O::WHEN_FULL {
        WhenFull::Drops => drops(&mut meeting).await?,
        WhenFull::Holds => unread_questions(&mut meeting).await?,
        WhenFull::Waits => waits(&mut meeting).await?,
    }
    meeting.exchange(&[row.message(b"eu.", "after")]).await
}

async fn waits<O: Ours>(meeting: &mut Meeting<O>) -> Outcome {
    let row = meeting.plan.row;
    let mut n_sent = 0;
    loop {
        let message = row.message(b"eu.", numbered(n_sent, HEAVY));
        // A dropped send has sent nothing.
        match tokio::time::timeout(PATIENCE, meeting.ours.send(message)).await {
            Ok(sent) => sent?,
            Err(_) => break,
        }
        n_sent += 1;
        holds(n_sent < MANY, "gleis never waits")?;
    }
    let numbers = meeting.theirs.numbers(n_sent).await?;
    same(numbers, (0..n_sent).collect::<Vec<_>>())?;
    same(meeting.ours.stats().sent.dropped.total(), 0)
}

async fn drops<O: Ours>(meeting: &mut Meeting<O>) -> Outcome {
    let row = meeting.plan.row;
    for number in 0..MANY {
        soon(meeting.ours.send(row.message(b"eu.", numbered(number, HEAVY)))).await??;
    }
    let dropped = meeting.ours.stats().sent.dropped.full;
    holds(0 < dropped, "gleis dropped nothing")?;
    let numbers = meeting.theirs.numbers(MANY - dropped).await?;
    holds(numbers.is_sorted_by(|a, b| a < b), "not in order")
}

/// No more questions are under way than may be.
async fn unread_questions<O: Ours>(meeting: &mut Meeting<O>) -> Outcome {
    let row = meeting.plan.row;
    let message = |at: u64| row.message(b"", numbered(at, 8));
    let n_questions = 5 * HIGH_WATER as u64;
    for at in 0..n_questions {
        meeting.ours.send(message(at)).await?;
    }
    // Not synchronisation: that no more leave in this time is what is tested.
    tokio::time::sleep(PATIENCE).await;
    same(meeting.ours.stats().sent.offered, HIGH_WATER as u64)?;
    meeting.theirs.echo(5 * HIGH_WATER).await?;
    for at in 0..n_questions {
        same(soon(meeting.ours.recv()).await??, message(at))?;
    }
    Ok(())
}

/// The gleis side does not read.
pub(crate) async fn ours<O: Ours>(mut plan: Plan) -> Outcome {
    plan.high_water = Some(HIGH_WATER);
    let row = plan.row;
    let flood = plan.engine.flood(row.theirs);
    let mut meeting = Meeting::<O>::new(plan).await?;
    let head = row.as_theirs(&row.message(b"eu.", ""));
    let (_, head) = head.split_last().ok_or_else(|| Failure::new("no frames"))?;
    let n_sent = meeting.theirs.flood(flood, head).await?;
    match (row.ways.contains(&Way::Answers), row.theirs) {
        (_, "PUB" | "XPUB") => read_what_came(&mut meeting, flood, n_sent).await?,
        (true, _) => answer_all(&mut meeting, flood, n_sent).await?,
        _ => read_all(&mut meeting, flood, n_sent).await?,
    }
    read_given_up(&mut meeting, n_sent).await?;
    meeting.exchange(&[row.message(b"eu.", "after")]).await
}

/// The foreign side waited, and lost nothing.
async fn read_all<O: Ours>(meeting: &mut Meeting<O>, flood: Flood, n_sent: u64) -> Outcome {
    holds(n_sent < flood.count, "the foreign side never waits")?;
    for number in 0..n_sent {
        same(number_of(&soon(meeting.ours.recv()).await??)?, number)?;
    }
    same(meeting.ours.stats().received.dropped.total(), 0)
}

/// As [`read_all`], and every question gets its answer.
async fn answer_all<O: Ours>(meeting: &mut Meeting<O>, flood: Flood, n_sent: u64) -> Outcome {
    holds(n_sent < flood.count, "the foreign side never waits")?;
    let Meeting { ours, theirs, .. } = meeting;
    let answering = async {
        for number in 0..n_sent {
            let question = soon(ours.recv()).await??;
            same(number_of(&question)?, number)?;
            soon(ours.send(question)).await??;
        }
        Outcome::Ok(())
    };
    let (answered, numbers) = tokio::join!(answering, theirs.numbers(n_sent));
    answered?;
    same(numbers?, (0..n_sent).collect::<Vec<_>>())
}

/// The foreign side may drop; gleis drops nothing.
async fn read_what_came<O: Ours>(meeting: &mut Meeting<O>, flood: Flood, n_sent: u64) -> Outcome {
    let mut came = Vec::new();
    while let Ok(message) = tokio::time::timeout(PATIENCE, meeting.ours.recv()).await {
        came.push(message?);
    }
    came.extend(meeting.reach().await?);
    let numbers = came.iter().map(number_of).collect::<Outcome<Vec<_>>>()?;
    holds(numbers.is_sorted_by(|a, b| a < b), "not in order")?;
    holds(!numbers.is_empty(), "nothing came")?;
    let n_came = numbers.len() as u64;
    holds(n_came <= n_sent + 1, "more came than was sent")?;
    let is_bounded = meeting.plan.engine.bounds(meeting.plan.row.theirs);
    holds(!is_bounded || n_came < flood.count, "the foreign side neither waits nor drops")?;
    same(meeting.ours.stats().received.dropped.total(), 0)
}

/// Reads one message more, if the foreign side is one that sends what it gave up.
async fn read_given_up<O: Ours>(meeting: &mut Meeting<O>, n_sent: u64) -> Outcome {
    if !meeting.plan.engine.sends_what_it_gave_up() {
        return Ok(());
    }
    let Ok(late) = tokio::time::timeout(PATIENCE, meeting.ours.recv()).await else {
        return Ok(());
    };
    let late = late?;
    same(number_of(&late)?, n_sent)?;
    if meeting.plan.row.ways.contains(&Way::Answers) {
        soon(meeting.ours.send(late)).await??;
        same(meeting.theirs.numbers(1).await?, [n_sent])?;
    }
    Ok(())
}

fn number_of(message: &Frames) -> Outcome<u64> {
    number(message.last().map_or(&[], |it| it))
}
