//! Messages of all sorts.

use bytes::Bytes;

use crate::foreign::{Frames, pattern};
use crate::matrix::meeting::{Meeting, Plan};
use crate::matrix::ours::Ours;
use crate::matrix::row::Way;
use crate::outcome::{Failure, Outcome, same, soon};

/// The length of a long message.
const LONG: usize = 16 << 20;

pub(crate) async fn hundred<O: Ours>(plan: Plan) -> Outcome {
    let message = |number: usize| plan.row.message(b"eu.fr", number.to_string());
    let messages: Vec<Frames> = (0..100).map(message).collect();
    let mut meeting = Meeting::<O>::new(plan).await?;
    meeting.exchange(&messages).await
}

pub(crate) async fn empty<O: Ours>(mut plan: Plan) -> Outcome {
    plan.prefix = Bytes::new();
    let messages = [
        plan.row.message(b"", ""),
        plan.row.message(b"", ""),
        plan.row.message(b"full", "full"),
        plan.row.message(b"", ""),
    ];
    let mut meeting = Meeting::<O>::new(plan).await?;
    meeting.exchange(&messages).await
}

pub(crate) async fn binary<O: Ours>(plan: Plan) -> Outcome {
    let bodies = [vec![0], vec![0xff], vec![0, 0xff, 0], (0..=255).collect(), vec![0; 300]];
    let messages = bodies.map(|it| plan.row.message(b"eu.\x00\xff", it));
    let mut meeting = Meeting::<O>::new(plan).await?;
    meeting.exchange(&messages).await
}

/// Also that what was not wanted does not arrive.
pub(crate) async fn binary_topics<O: Ours>(mut plan: Plan) -> Outcome {
    let is_bytes = plan.engine.subscribes_to_bytes(plan.row.theirs);
    // A zero byte is a text, if a strange one.
    plan.prefix = Bytes::from_static(if is_bytes { b"\x00\xff" } else { b"\x00" });
    let row = plan.row;
    let mut meeting = Meeting::<O>::new(plan).await?;
    for topic in [&b"\x00\xff"[..], b"\x00\xff\x80", b"\x00\xff\x00\xff"] {
        let unwanted =
            [row.message(b"\xff\x00", "1"), row.message(b"", "2"), row.message(b"x", "3")];
        for message in unwanted {
            match row.ways[0] {
                Way::Takes => meeting.theirs.send(&[message]).await?,
                _ => soon(meeting.ours.send(message)).await??,
            }
        }
        meeting.exchange(&[row.message(topic, topic)]).await?;
    }
    Ok(())
}

pub(crate) async fn many_frames<O: Ours>(plan: Plan) -> Outcome {
    let row = plan.row;
    let messages = [
        row.frames(b"eu.", ["one"]),
        row.frames(b"eu.", ["one", "two"]),
        row.frames(b"eu.", ["", "", ""]),
        row.frames(b"eu.", [&b"\x01"[..], b"", b"\x00", b"", b"last"]),
        row.frames(b"eu.", (0..=255).map(pattern)),
    ];
    let mut meeting = Meeting::<O>::new(plan).await?;
    meeting.exchange(&messages).await
}

/// What stands before the message comes back as it was.
pub(crate) async fn long_envelope<O: Ours>(mut plan: Plan) -> Outcome {
    plan.row = plan.row.theirs_ahead(&[b"\x00hop", b"\xff", b"hop", b""]);
    hundred::<O>(plan).await
}

/// To a socket of values a message of more frames is none.
pub(crate) async fn too_many_frames<O: Ours>(plan: Plan) -> Outcome {
    let row = plan.row;
    let mut meeting = Meeting::<O>::new(plan).await?;
    let message = row.message(b"eu.", "1");
    let many = [&message[..], &[Bytes::from_static(b"2")]].concat();
    for _ in 0..3 {
        meeting.theirs.send(std::slice::from_ref(&many)).await?;
        let refused = soon(meeting.ours.recv()).await?;
        let Err(why) = refused else {
            return Err(Failure::new("a message of too many frames was taken"));
        };
        same(why.text().contains("frames"), true)?;
        meeting.exchange(std::slice::from_ref(&message)).await?;
    }
    Ok(())
}

pub(crate) async fn long<O: Ours>(plan: Plan) -> Outcome {
    let message = plan.row.message(b"eu.", pattern(LONG));
    let mut meeting = Meeting::<O>::new(plan).await?;
    meeting.exchange(&[message]).await
}
