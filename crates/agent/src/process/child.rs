//! The process that runs an agent.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::exit;
use std::sync::mpsc;
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
use crate::{
    Agent, AgentRef, BoxError,
    node::{node_at, node_closed, remember_default},
    run_agent,
    text::chain,
};

/// How long the last answers have to leave.
const LINGER: Duration = Duration::from_secs(2);

/// How long an agent has to end when its parent is gone; it is ended by force after half of that.
const FAREWELL: Duration = Duration::from_secs(4);

/// How long its process may live on then: an agent that blocks its thread never ends.
const GRACE: Duration = Duration::from_secs(7);

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
        folder::fail(&spec.folder, &text);
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
    let (running, ended) = mpsc::channel();
    let end = lifeline(spec.is_detached, spec.folder.clone(), ended);
    let told = spec.folder.clone();
    let done = runtime.block_on((kind.run)(spec, end));
    drop(running);
    match done {
        Ok(()) => {
            // The parent may be gone.
            folder::discard(&told);
            0
        }
        Err(error) => {
            folder::fail(&told, &chain(&*error));
            1
        }
    }
}

/// Tells when the parent is gone, whose end of the standard input is closed then; ends the process if that
/// has not `ended` it in time. One that is detached goes on.
#[expect(clippy::exit, reason = "the thread that should end the process is blocked")]
fn lifeline(
    is_detached: bool,
    folder: PathBuf,
    ended: mpsc::Receiver<Infallible>,
) -> oneshot::Receiver<()> {
    let (gone, end) = oneshot::channel();
    thread::spawn(move || {
        let mut rest = [0; 64];
        while io::stdin().read(&mut rest).is_ok_and(|it| 0 < it) {}
        if is_detached {
            // The agent ends when it ends.
            return;
        }
        // The agent may have ended by itself.
        let _ = gone.send(());
        if ended.recv_timeout(GRACE) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Nobody else would tidy up.
            folder::tidy(&folder);
            folder::discard(&folder);
            exit(1);
        }
    });
    end
}

async fn run<A: Agent + Serialize + DeserializeOwned>(
    spec: Spec,
    end: oneshot::Receiver<()>,
) -> Result<(), BoxError> {
    let Spec { name, name_server, state, listen, settings, .. } = spec;
    // Whom the agent runs looks for the same name server.
    remember_default(&name_server);
    let agent: A = AnyCodec::Msgpack.decode(&state.into(), &Limits::default())?;
    let lease = node_at(name_server.clone(), listen).await?;
    let run = settings.apply(run_agent(&name, agent).on(lease.host().clone()))?;
    let agent: AgentRef<A> = run.await?;
    // It is there as long as its agents are.
    drop(lease);
    tokio::select! {
        () = agent.gone() => (),
        Ok(()) = end => agent.within(FAREWELL).shutdown().await?,
    }
    // The last answers leave.
    let _ = tokio::time::timeout(LINGER, node_closed(&name_server)).await;
    Ok(())
}
