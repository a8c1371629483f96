//! Defining and removing scripts.

use std::collections::BTreeMap;
use std::sync::Arc;

use gleis_script::{Sandbox, Script};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use super::{
    Scripted, Scripts, handler,
    host::{AgentHost, Call},
};
use crate::{
    Agent, Context, MethodError, ScriptInfo, cell::Cell, dynamic::DynMethod, socket::AnyHandler,
};

/// How many scripts an agent may be given.
const LIMIT: usize = 100;

/// Where the scripts of an agent are made.
pub(crate) struct Bench {
    scripts: Scripts,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    call: Arc<Mutex<Call>>,
    infos: BTreeMap<String, (ScriptInfo, Script)>,
    n_defined: u64,
    /// Made for the first script.
    sandbox: Option<Sandbox>,
}

impl Bench {
    pub(crate) fn new(scripts: Scripts) -> Self {
        Self { scripts, table: Mutex::default() }
    }

    /// Whether somebody who says this key may define scripts.
    fn admits(&self, key: Option<&str>) -> bool {
        match (&self.scripts.key, key) {
            (None, _) => true,
            (Some(key), Some(said)) => key.as_bytes().ct_eq(said.as_bytes()).into(),
            (Some(_), None) => false,
        }
    }
}

impl<A: Agent> Cell<A> {
    /// Compiles a script, if whoever says this key may have that done.
    pub(crate) fn compile(
        self: &Arc<Self>,
        name: &str,
        script: &Script,
        key: Option<&str>,
    ) -> Result<Scripted, MethodError> {
        let bench = self.bench(key)?;
        let (sandbox, call) = {
            let mut table = bench.table.lock();
            let call = table.call.clone();
            let host = || AgentHost {
                call: call.clone(),
                cell: Arc::downgrade(self),
                scripts: bench.scripts.clone(),
            };
            let sandbox =
                table.sandbox.get_or_insert_with(|| Sandbox::new(bench.scripts.limits, host()));
            (sandbox.clone(), call)
        };
        let compiled = sandbox.compile(script);
        let program = compiled.map_err(|it| MethodError::Script { reason: it.to_string() })?;
        let sees_fields = bench.scripts.attributes;
        Ok(Scripted { call, name: name.into(), program, sees_fields })
    }

    /// Gives the agent a script as a method; the number of its version.
    pub(crate) fn define(
        self: &Arc<Self>,
        name: &str,
        script: Script,
        key: Option<&str>,
    ) -> Result<u64, MethodError> {
        let cx = Context { cell: self.clone() };
        let defined = self.define_unseen(name, script, key);
        match &defined {
            Ok(version) => audit(&cx, name, &format!("version {version} defined")),
            Err(error) => audit(&cx, name, &format!("refused: {error}")),
        }
        defined
    }

    fn define_unseen(
        self: &Arc<Self>,
        name: &str,
        script: Script,
        key: Option<&str>,
    ) -> Result<u64, MethodError> {
        let scripted = self.compile(name, &script, key)?;
        let bench = self.bench(key)?;
        let parameters = scripted.program.parameters().join(", ");
        let handler = handler(&scripted);
        let method = DynMethod {
            call: Arc::new(move |agent, cx, values| {
                let scripted = scripted.clone();
                Box::pin(async move { scripted.run(agent, cx, values).await })
            }),
            handler,
            script: Some(parameters.clone()),
        };
        let mut table = bench.table.lock();
        if LIMIT <= table.infos.len() && !table.infos.contains_key(name) {
            return Err(MethodError::TooMany { limit: LIMIT });
        }
        let old = self.methods.set(name, method)?;
        table.n_defined += 1;
        let version = table.n_defined;
        let info = ScriptInfo { name: name.to_owned(), parameters, version };
        table.infos.insert(name.to_owned(), (info, script));
        drop(table);
        drop(old);
        Ok(version)
    }

    /// As [`define`](Self::define), by the agent itself.
    pub(crate) fn define_own(
        self: &Arc<Self>,
        name: &str,
        script: Script,
    ) -> Result<u64, MethodError> {
        let key = self.bench.as_ref().and_then(|it| it.scripts.key.as_deref());
        self.define(name, script, key)
    }

    /// A script that handles messages and has no name.
    pub(crate) fn lambda(
        self: &Arc<Self>,
        script: &Script,
        key: Option<&str>,
    ) -> Result<AnyHandler<A>, MethodError> {
        let cx = Context { cell: self.clone() };
        let compiled = self.compile("a handler", script, key);
        match &compiled {
            Ok(_) => audit(&cx, "a handler", "defined"),
            Err(error) => audit(&cx, "a handler", &format!("refused: {error}")),
        }
        compiled.map(|it| handler(&it))
    }

    /// Takes a script away; false if there is none of this name.
    pub(crate) fn remove_script(
        self: &Arc<Self>,
        name: &str,
        key: Option<&str>,
    ) -> Result<bool, MethodError> {
        let bench = self.bench(key)?;
        let mut table = bench.table.lock();
        let was_there = table.infos.remove(name).is_some();
        let old = was_there.then(|| self.methods.remove(name));
        drop(table);
        drop(old);
        if was_there {
            audit(&Context { cell: self.clone() }, name, "removed");
        }
        Ok(was_there)
    }

    /// All scripts.
    pub(crate) fn scripts(&self) -> Vec<ScriptInfo> {
        let Some(bench) = &self.bench else {
            return Vec::new();
        };
        bench.table.lock().infos.values().map(|it| it.0.clone()).collect()
    }

    /// The text of a script.
    pub(crate) fn script_source(&self, name: &str) -> Option<Script> {
        let bench = self.bench.as_ref()?;
        bench.table.lock().infos.get(name).map(|it| it.1.clone())
    }

    /// Whether somebody who has said no key may put another method in place of this one.
    pub(crate) fn may_replace(&self, name: &str) -> Result<(), MethodError> {
        match &self.bench {
            Some(it) if !it.admits(None) && it.table.lock().infos.contains_key(name) => {
                Err(MethodError::NotAdmitted)
            }
            _ => Ok(()),
        }
    }

    /// Gives the agent a method, also in place of a script.
    pub(crate) fn give(&self, name: &str, method: DynMethod<A>) -> Result<(), MethodError> {
        let mut table = self.bench.as_ref().map(|it| it.table.lock());
        let old = self.methods.set(name, method)?;
        if let Some(table) = &mut table {
            table.infos.remove(name);
        }
        drop(table);
        drop(old);
        Ok(())
    }

    /// Takes a method away, also a script; false if there is none.
    pub(crate) fn take_away(&self, name: &str) -> bool {
        let mut table = self.bench.as_ref().map(|it| it.table.lock());
        let old = self.methods.remove(name);
        if let Some(table) = &mut table {
            table.infos.remove(name);
        }
        drop(table);
        old.is_some()
    }

    fn bench(&self, key: Option<&str>) -> Result<&Bench, MethodError> {
        let bench = self.bench.as_ref().ok_or(MethodError::NoScripts)?;
        match bench.admits(key) {
            true => Ok(bench),
            false => Err(MethodError::NotAdmitted),
        }
    }
}

fn audit<A: Agent>(cx: &Context<A>, script: &str, event: &str) {
    tracing::info!(target: "gleis::audit", agent = %cx.name(), script, event, "script");
    cx.log_info(format!("script `{script}`: {event}"));
}
