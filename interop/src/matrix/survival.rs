//! Silence and death.

use crate::gleis::{Socket, so_far};
use crate::matrix::meeting::{Meeting, Plan};
use crate::matrix::ours::Ours;
use crate::outcome::{Failure, Outcome, same};
use crate::peer::SILENCE;

/// Fails if the link does not last.
pub(crate) async fn silence<O: Ours>(mut plan: Plan, pulses: (bool, bool)) -> Outcome {
    plan.pulses = pulses;
    let message = plan.row.message(b"eu.", "1");
    let mut meeting = Meeting::<O>::new(plan).await?;
    let mut events = meeting.ours.socket().told();
    // Not synchronisation: that nothing happens for this long is what is tested.
    tokio::time::sleep(SILENCE).await;
    let told = so_far(&mut events).await;
    same(told.len(), 0).map_err(|_| Failure::new(format!("in silence: {told:?}")))?;
    same(meeting.ours.socket().n_peers(), 1)?;
    meeting.exchange(&[message]).await
}

pub(crate) async fn theirs_dies<O: Ours>(plan: Plan) -> Outcome {
    let message = plan.row.message(b"eu.", "1");
    let mut meeting = Meeting::<O>::new(plan).await?;
    for _ in 0..2 {
        meeting.exchange(&vec![message.clone(); 10]).await?;
        meeting = meeting.revive_theirs().await?;
    }
    meeting.exchange(&vec![message; 10]).await
}

pub(crate) async fn ours_dies<O: Ours>(plan: Plan) -> Outcome {
    let message = plan.row.message(b"eu.", "1");
    let mut meeting = Meeting::<O>::new(plan).await?;
    for _ in 0..2 {
        meeting.exchange(&vec![message.clone(); 10]).await?;
        meeting = meeting.revive_ours().await?;
    }
    meeting.exchange(&vec![message; 10]).await
}
