//! The original osBrain, in Python: one program each turn.

use std::time::Duration;

use gleis_benches::Rig;
use tokio::process::Command;

use crate::idle::output;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/osbrain_peer.py");
/// Names a Python that has osBrain.
const PYTHON: &str = "GLEIS_PEERS_PYTHON";

/// Work that the program knows; it says itself how long it took.
pub(crate) fn rig(work: &'static str) -> Rig {
    Rig::alone(async move |mut turns| {
        let python = std::env::var(PYTHON).map_err(|_| format!("{PYTHON} is not set"))?;
        while let Some(n) = turns.next().await {
            let mut program = Command::new(&python);
            program.args([PROGRAM, work, &n.to_string()]);
            let told = output(program).await?;
            // Its agents write there, too.
            let told = told.lines().rev().find_map(|it| it.parse().ok());
            turns.done(Duration::from_secs_f64(told.ok_or("osBrain told no figure")?));
        }
        Ok(())
    })
}
