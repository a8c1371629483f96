//! Does what others want of an agent.

use std::sync::Arc;

use gleis_codec::AnyCodec;
use tokio::time::timeout;

use super::{
    ControlReply, Told, Want,
    service::unknown_alias,
    want::{Binding, Connecting, Timing},
};
use crate::{
    Agent, CallError, Context, OpenError, TimerError,
    cell::{Asking, Cell},
    dynamic::call_here,
    socket::{AnyHandler, named},
};

/// Does what is wanted; what concerns its life is done by its node.
pub(crate) async fn perform<A: Agent>(cell: Arc<Cell<A>>, want: Want, how: Asking) -> ControlReply {
    let cx = Context { cell: cell.clone() };
    let what = want.text();
    let refused = |error: &(dyn std::error::Error + 'static)| {
        CallError::refused(&cell.name, what.clone(), error)
    };
    match want {
        Want::Addr { alias } => {
            cx.addr(&alias).map(Told::Addr).map_err(|it| unknown_alias(&*cell, it))
        }
        Want::Attribute { name } => {
            let how = Asking { after_fault: true, ..how };
            cell.get_by_name(&name, how).await.map(Told::Value)
        }
        Want::Attributes => Ok(Told::Names(cx.attrs())),
        Want::Bind(it) => bind(&cx, it).await.map_err(|it| refused(&it)),
        Want::Call { method, arguments } => {
            cell.call_by_name(method, arguments, how).await.map(Told::Value)
        }
        Want::Close { alias } => {
            cx.close(&alias).await.map(Told::Count).map_err(|it| unknown_alias(&*cell, it))
        }
        Want::CloseAll => Ok(Told::Count(cx.close_all().await)),
        Want::Connect(it) => connect(&cx, it).await.map_err(|it| refused(&it)),
        Want::Ledger => Ok(Told::Ledger(cx.ledger())),
        Want::Methods => Ok(Told::Methods(cx.methods())),
        Want::Recv { alias } => match timeout(how.within, cx.recv_value(&alias)).await {
            Ok(received) => received.map(Told::Value).map_err(|it| refused(&*it)),
            Err(_) => Err(cell.too_late(what, how.within)),
        },
        Want::Request { alias, message } => {
            match timeout(how.within, cx.request_value(&alias, &message)).await {
                Ok(answer) => answer.map(Told::Value).map_err(|it| refused(&*it)),
                Err(_) => Err(cell.too_late(what, how.within)),
            }
        }
        Want::Send { alias, topic, message } => {
            let sent = cx.send_value(&alias, topic, &message).await;
            sent.map(|()| Told::Done).map_err(|it| refused(&*it))
        }
        Want::SetAttribute { name, value } => {
            let how = Asking { after_fault: true, ..how };
            cell.set_by_name(&name, value, how).await.map(|()| Told::Done)
        }
        Want::SetLogger { to, patience } => {
            let set = cx.set_logger(to, patience.min(how.within)).await;
            set.map(|()| Told::Done).map_err(|it| refused(&it))
        }
        Want::SetMethod { method, function } => {
            cell.set_function(&method, &function).map(|()| Told::Done)
        }
        #[cfg(feature = "script")]
        Want::RemoveScript { method, key } => {
            let removed = cell.remove_script(&method, key.as_deref());
            removed.map(Told::Flag).map_err(|it| refused(&it))
        }
        #[cfg(feature = "script")]
        Want::Script { method } => match cell.script_source(&method) {
            Some(script) => Ok(Told::Value(script.source().into())),
            None => Err(cell.unknown_method(method)),
        },
        #[cfg(feature = "script")]
        Want::Scripts => Ok(Told::Scripts(cell.scripts())),
        #[cfg(feature = "script")]
        Want::SetScript { method, script, key } => {
            let version = cell.define(&method, crate::Script::new(script), key.as_deref());
            let count = |it| Told::Count(usize::try_from(it).unwrap_or(usize::MAX));
            version.map(count).map_err(|it| refused(&it))
        }
        #[cfg(not(feature = "script"))]
        Want::RemoveScript { .. }
        | Want::Script { .. }
        | Want::Scripts
        | Want::SetScript { .. } => Err(refused(&crate::MethodError::NoScripts)),
        Want::Sockets => Ok(Told::Sockets(cx.sockets())),
        Want::StopAllTimers => Ok(Told::Count(cx.stop_all_timers())),
        Want::StopTimer { timer } => Ok(Told::Flag(cx.stop_timer(timer))),
        Want::Subscribe { alias, topic, method } => {
            let handler = named(&method);
            let done = cx.subscribe_any(&alias, &topic.into(), handler);
            done.map(|()| Told::Done).map_err(|it| refused(&it))
        }
        Want::Tell { method, arguments } => {
            cell.tell_by_name(method, arguments, (how.within, how.lane)).await.map(|()| Told::Done)
        }
        Want::Timer(it) => timer(&cx, it).map_err(|it| refused(&it)),
        Want::Timers => Ok(Told::Timers(cx.list_timers())),
        Want::Unsubscribe { alias, topic } => {
            cx.unsubscribe(&alias, topic).map(|()| Told::Done).map_err(|it| refused(&it))
        }
        Want::Process => Ok(Told::Count(std::process::id() as usize)),
        Want::Ended
        | Want::Kill
        | Want::Letters(_)
        | Want::Life
        | Want::Log { .. }
        | Want::Shutdown
        | Want::State
        | Want::Status
        | Want::Stop => {
            unreachable!("the node does this itself")
        }
    }
}

async fn bind<A: Agent>(cx: &Context<A>, binding: Binding) -> Result<Told, OpenError> {
    let Binding { kind, alias, at, codec, handlers, key } = binding;
    let mut bind = cx.bind(kind, alias);
    if let Some(at) = at {
        bind = bind.at(at);
    }
    if let Some(codec) = codec {
        bind = bind.codec(AnyCodec::by_name(&codec).ok_or(OpenError::Codec { codec })?);
    }
    for it in handlers {
        bind = match (it.topic, it.script) {
            (topic, Some(script)) => bind.any(topic, lambda(cx, script, key.as_deref())?),
            (Some(topic), None) => bind.on_method(topic, &it.method),
            (None, None) => bind.method(&it.method),
        };
    }
    bind.await.map(Told::Addr)
}

async fn connect<A: Agent>(cx: &Context<A>, connecting: Connecting) -> Result<Told, OpenError> {
    let Connecting { to, alias, handlers, key } = connecting;
    let mut connect = cx.connect_to(to);
    if let Some(alias) = alias {
        connect = connect.alias(alias);
    }
    for it in handlers {
        connect = match (it.topic, it.script) {
            (topic, Some(script)) => connect.any(topic, lambda(cx, script, key.as_deref())?),
            (Some(topic), None) => connect.on_method(topic, &it.method),
            (None, None) => connect.method(&it.method),
        };
    }
    connect.await.map(Told::Alias)
}

/// A handler that is a script.
#[cfg(feature = "script")]
fn lambda<A: Agent>(
    cx: &Context<A>,
    script: String,
    key: Option<&str>,
) -> Result<AnyHandler<A>, OpenError> {
    Ok(cx.cell.lambda(&crate::Script::new(script), key)?)
}

#[cfg(not(feature = "script"))]
fn lambda<A: Agent>(
    _: &Context<A>,
    _: String,
    _: Option<&str>,
) -> Result<AnyHandler<A>, OpenError> {
    Err(crate::MethodError::NoScripts.into())
}

fn timer<A: Agent>(cx: &Context<A>, timing: Timing) -> Result<Told, TimerError> {
    let Timing { method, arguments, alias, time, is_periodic } = timing;
    let method: Arc<str> = method.into();
    let mut plan = cx.timer_for(Arc::new(move |agent, cx| {
        let (method, arguments) = (method.clone(), arguments.clone());
        Box::pin(async move { call_here(agent, cx, &method, arguments).await })
    }));
    if let Some(alias) = alias {
        plan = plan.alias(alias);
    }
    let set = match is_periodic {
        true => plan.each(time),
        false => plan.after(time),
    };
    set.map(Told::Timer)
}
