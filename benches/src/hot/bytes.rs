//! Frames and values in memory.

use std::hint::black_box;
use std::time::Instant;

use bytes::BytesMut;
use gleis_codec::{AnyCodec, Limits};
use gleis_zmtp::Head;

use crate::frames;
use crate::load::{Job, Load};
use crate::rig::Outcome;

/// Messages that make up a buffer.
const BATCH: u64 = 100;

pub(super) fn encode_frames(size: usize, n_messages: u64) -> Outcome {
    let (_, encoder) = frames::session()?;
    let (load, mut out) = (Load::new(size).message(), BytesMut::new());
    for i in 0..n_messages {
        if i.is_multiple_of(BATCH) {
            out.clear();
        }
        encoder.message(&Head::new(), black_box(&load), &mut out);
    }
    Ok(())
}

pub(super) fn decode_frames(size: usize, n_messages: u64) -> Outcome {
    let (mut session, encoder) = frames::session()?;
    let frames = frames::encoded(&encoder, size, BATCH);
    let (now, mut input) = (Instant::now(), BytesMut::new());
    for _ in 0..n_messages.div_ceil(BATCH) {
        input.extend_from_slice(&frames);
        while let Some(event) = session.poll_event(now, &mut input)? {
            black_box(event);
        }
    }
    Ok(())
}

pub(super) fn encode_jobs(n_messages: u64) -> Outcome {
    let (job, limits) = (Job::new(7), Limits::default());
    for _ in 0..n_messages {
        black_box(AnyCodec::Bincode.encode(black_box(&job), &limits)?);
    }
    Ok(())
}

pub(super) fn decode_jobs(n_messages: u64) -> Outcome {
    let limits = Limits::default();
    let bytes = AnyCodec::Bincode.encode(&Job::new(7), &limits)?;
    for _ in 0..n_messages {
        black_box(AnyCodec::Bincode.decode::<Job>(black_box(&bytes), &limits)?);
    }
    Ok(())
}
