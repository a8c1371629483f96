//! Does what others want of an agent.

use std::sync::Arc;

use bytes::Bytes;
use gleis_codec::{AnyCodec, Limits};
use gleis_core::Value;
use serde::{Serialize, Serializer};

use super::{
    ControlReply, Told, Want,
    service::unknown_alias,
    want::{Binding, Connecting, Timing},
};
use crate::{
    Agent, CallError, Context, OpenError, TimerError,
    cell::{Asking, Cell},
    dynamic::call_here,
    socket::named,
    text::chain,
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
        Want::Send { alias, topic, message } => {
            send(&cx, &alias, topic, &message).await.map_err(|it| refused(&*it))
        }
        Want::SetAttribute { name, value } => {
            let how = Asking { after_fault: true, ..how };
            cell.set_by_name(&name, value, how).await.map(|()| Told::Done)
        }
        Want::SetMethod { method, function } => {
            cell.set_function(&method, &function).map(|()| Told::Done)
        }
        Want::Sockets => Ok(Told::Sockets(cx.sockets())),
        Want::StopAllTimers => Ok(Told::Count(cx.stop_all_timers())),
        Want::StopTimer { timer } => Ok(Told::Flag(cx.stop_timer(timer))),
        Want::Subscribe { alias, topic, method } => {
            let handler = named(&method);
            let done = cx.subscribe_any(&alias, &topic.into(), handler);
            done.map(|()| Told::Done).map_err(|it| refused(&it))
        }
        Want::Tell { method, arguments } => {
            cell.tell_by_name(method, arguments, how.within).await.map(|()| Told::Done)
        }
        Want::Timer(it) => timer(&cx, it).map_err(|it| refused(&it)),
        Want::Timers => Ok(Told::Timers(cx.list_timers())),
        Want::Unsubscribe { alias, topic } => {
            cx.unsubscribe(&alias, topic).map(|()| Told::Done).map_err(|it| refused(&it))
        }
        Want::Process => Ok(Told::Count(std::process::id() as usize)),
        Want::Kill | Want::Shutdown | Want::State | Want::Stop => {
            unreachable!("the node does this itself")
        }
    }
}

async fn bind<A: Agent>(cx: &Context<A>, binding: Binding) -> Result<Told, OpenError> {
    let Binding { kind, alias, at, codec, handlers } = binding;
    let mut bind = cx.bind(kind, alias);
    if let Some(at) = at {
        bind = bind.at(at);
    }
    if let Some(codec) = codec {
        bind = bind.codec(AnyCodec::by_name(&codec).ok_or(OpenError::Codec { codec })?);
    }
    for handler in handlers {
        bind = match handler.topic {
            Some(topic) => bind.on_method(topic, &handler.method),
            None => bind.method(&handler.method),
        };
    }
    bind.await.map(Told::Addr)
}

async fn connect<A: Agent>(cx: &Context<A>, connecting: Connecting) -> Result<Told, OpenError> {
    let Connecting { to, alias, handlers } = connecting;
    let mut connect = cx.connect_to(to);
    if let Some(alias) = alias {
        connect = connect.alias(alias);
    }
    for handler in handlers {
        connect = match handler.topic {
            Some(topic) => connect.on_method(topic, &handler.method),
            None => connect.method(&handler.method),
        };
    }
    connect.await.map(Told::Alias)
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

async fn send<A: Agent>(
    cx: &Context<A>,
    alias: &str,
    topic: Option<Vec<u8>>,
    message: &Value,
) -> Result<Told, crate::BoxError> {
    let open = cx.cell.sockets.find(alias)?;
    let body = bare(&open.codec, message)?;
    cx.send_encoded(&open, alias, topic.map(Bytes::from), body).await?;
    Ok(Told::Done)
}

/// A value as a program would have written it that knows its type.
fn bare(codec: &AnyCodec, message: &Value) -> Result<Bytes, String> {
    let limits = Limits::default();
    let encoded = match (codec.name(), message) {
        ("raw", Value::Bytes(it)) => return Ok(Bytes::copy_from_slice(it)),
        ("raw", Value::String(it)) => return Ok(Bytes::copy_from_slice(it.as_bytes())),
        ("raw", _) => return Err("`raw` carries bytes or text".to_owned()),
        ("json", _) => codec.encode(message, &limits),
        ("msgpack", _) => codec.encode(&Bare(message.clone()), &limits),
        (name, _) => {
            return Err(format!(
                "`{name}` writes types, and a value has none: have a method of the agent send it, or \
                 bind with `json`, `msgpack` or `raw`"
            ));
        }
    };
    encoded.map_err(|it| chain(&it))
}

/// A value without its tags.
struct Bare(Value);

impl Serialize for Bare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(&self.0, serializer)
    }
}

struct BareRef<'a>(&'a Value);

impl Serialize for BareRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self.0, serializer)
    }
}

fn write<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Value::Null => serializer.serialize_unit(),
        Value::Bool(it) => serializer.serialize_bool(*it),
        Value::I64(it) => serializer.serialize_i64(*it),
        Value::U64(it) => serializer.serialize_u64(*it),
        Value::F64(it) => serializer.serialize_f64(*it),
        Value::String(it) => serializer.serialize_str(it),
        Value::Bytes(it) => serializer.serialize_bytes(it),
        Value::List(it) => serializer.collect_seq(it.iter().map(BareRef)),
        Value::Map(it) => serializer.collect_map(it.iter().map(|(key, it)| (key, BareRef(it)))),
    }
}
