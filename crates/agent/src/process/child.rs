//! The process that runs an agent.

use std::fmt;
use std::io::{self, Read};
use std::process::exit;
use std::thread;
use std::time::Duration;

use futures::future::BoxFuture;
use gleis_codec::{AnyCodec, Limits};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::{
    folder,
    spec::{FLAG, Spec},
};
use crate::{Agent, AgentRef, BoxError, node::node_closed, run_agent, text::chain};

/// How long the last answers have to leave.
const LINGER: Duration = Duration::from_secs(2);

/// A type of agents that may run in processes of their own: [`processes!`](macro@crate::processes) makes these.
#[derive(Clone, Copy)]
pub struct ProcessType {
    kind: fn() -> &'static str,
    run: fn(Spec, oneshot::Receiver<()>) -> BoxFuture<'static, Result<(), BoxError>>,
}

impl ProcessType {
    /// That of `A`.
    pub const fn of<A: Agent + Serialize + DeserializeOwned>() -> Self {
        Self { kind: std::any::type_name::<A>, run: |spec, end| Box::pin(run::<A>(spec, end)) }
    }
}

impl fmt::Debug for ProcessType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessType").field("kind", &(self.kind)()).finish()
    }
}

/// Runs an agent, if this process was started for that, and ends the process with it; returns at once
/// otherwise. [`processes!`](macro@crate::processes) calls it.
#[expect(clippy::exit, reason = "the process is for the agent alone: `main` must not go on in it")]
pub fn processes(kinds: &'static [ProcessType]) {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|it| it != FLAG) {
        return;
    }
    // `main` may be in a runtime already, within which there cannot be another one.
    let running = thread::spawn(move || serve(kinds));
    exit(running.join().unwrap_or(101));
}

fn serve(kinds: &[ProcessType]) -> i32 {
    let mut stdin = io::stdin();
    let Ok(spec) = Spec::read(&mut stdin) else {
        // Somebody has started it by hand.
        return 2;
    };
    let fail = |text: String| {
        spec.fail(&text);
        1
    };
    let Some(kind) = kinds.iter().find(|it| (it.kind)() == spec.kind) else {
        return fail(format!("`{}` is not among the types of `processes!`", spec.kind));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(error.to_string()),
    };
    folder::begin(&spec.folder);
    let end = lifeline(spec.is_detached);
    let told = Spec { state: Vec::new(), kind: String::new(), ..copy(&spec) };
    match runtime.block_on((kind.run)(spec, end)) {
        Ok(()) => {
            // The parent may be gone.
            folder::Folder::discard(&told.folder);
            0
        }
        Err(error) => {
            told.fail(&chain(&*error));
            1
        }
    }
}

fn copy(spec: &Spec) -> Spec {
    Spec {
        kind: String::new(),
        name: spec.name.clone(),
        name_server: spec.name_server.clone(),
        state: Vec::new(),
        folder: spec.folder.clone(),
        is_detached: spec.is_detached,
    }
}

/// Tells when the parent is gone: its end of the standard input is closed then.
fn lifeline(is_detached: bool) -> oneshot::Receiver<()> {
    let (gone, end) = oneshot::channel();
    thread::spawn(move || {
        let mut rest = [0; 64];
        while io::stdin().read(&mut rest).is_ok_and(|it| 0 < it) {}
        match is_detached {
            // The agent ends when it ends.
            true => drop(gone),
            // The agent may have ended by itself.
            false => _ = gone.send(()),
        }
    });
    end
}

async fn run<A: Agent + Serialize + DeserializeOwned>(
    spec: Spec,
    end: oneshot::Receiver<()>,
) -> Result<(), BoxError> {
    let name_server = spec.name_server;
    let agent: A = AnyCodec::Msgpack.decode(&spec.state.into(), &Limits::default())?;
    let agent: AgentRef<A> = run_agent(&spec.name, agent).nameserver(&name_server).await?;
    tokio::select! {
        () = agent.gone() => (),
        Ok(()) = end => agent.shutdown().await?,
    }
    // The last answers leave.
    let _ = tokio::time::timeout(LINGER, node_closed(&name_server)).await;
    Ok(())
}
