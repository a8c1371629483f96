//! The originals, in Python: one program each turn, which says itself how long its work took.

use std::path::Path;
use std::time::Duration;

use gleis_benches::Rig;
use tokio::process::Command;

use crate::idle::output;

/// Names a Python that has osBrain and xbahn.
const PYTHON: &str = "GLEIS_PEERS_PYTHON";

/// Work that the program for osBrain knows.
pub(crate) fn osbrain(work: &'static str) -> Rig {
    rig("osbrain_peer.py", Some(work))
}

/// Calls of xbahn from one process to another one.
pub(crate) fn xbahn() -> Rig {
    rig("xbahn_peer.py", None)
}

fn rig(program: &'static str, work: Option<&'static str>) -> Rig {
    Rig::alone(async move |mut turns| {
        let python = std::env::var(PYTHON).map_err(|_| format!("{PYTHON} is not set"))?;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
        while let Some(n) = turns.next().await {
            let mut command = Command::new(&python);
            command.arg(&path).args(work).arg(n.to_string());
            let told = output(command).await?;
            // osBrain's agents write there, too.
            let told = told.lines().rev().find_map(|it| it.parse().ok());
            let told = told.ok_or_else(|| format!("{program} told no figure"))?;
            turns.done(Duration::from_secs_f64(told));
        }
        Ok(())
    })
}
