//! What a bridge lets others call: agents of a name server, and servers of calls by name.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, future::join_all, stream};
use gleis_agent::{CallError, MethodInfo, NameServerProxy, Proxy, ProxyError};
use gleis_bridge::{Argument, CallArgs, CallError as Refused, Callee, Method};
use gleis_core::{Name, to_value};
use gleis_rpc::{Client, RpcError};
use serde_json::{Map, Value};

/// How many are asked at a time for what they offer.
const AT_ONCE: usize = 32;

/// What servers and clients say to each other, and no method: by HTTP all callers are one client.
const INTERNAL: [&str; 8] = [
    "answer_call",
    "attach_remote",
    "bye",
    "cancel_call",
    "detach_remote",
    "next_call",
    "next_items",
    "obtain_client_id",
];

/// Servers by the name under which they are called; every other name is that of an agent.
pub(crate) struct Offered {
    pub(crate) agents: Option<NameServerProxy>,
    pub(crate) servers: BTreeMap<String, Client>,
    pub(crate) within: Duration,
}

#[async_trait]
impl Callee for Offered {
    /// Whoever does not answer is left out.
    async fn describe(&self) -> Vec<Method> {
        let servers = self.servers.iter().map(|(name, client)| server_methods(name, client));
        let mut methods = Vec::new();
        for described in join_all(servers).await {
            methods.extend(described.unwrap_or_default());
        }
        if let Some(ns) = &self.agents {
            let names = ns.agents().await.unwrap_or_default();
            let agents = names.into_iter().map(|name| agent_methods(ns, name, self.within));
            let mut agents = stream::iter(agents).buffered(AT_ONCE);
            while let Some(described) = agents.next().await {
                methods.extend(described.unwrap_or_default());
            }
        }
        methods
    }

    async fn call(&self, target: &str, method: &str, args: CallArgs) -> Result<Value, Refused> {
        if let Some(client) = self.servers.get(target) {
            return call_server(client, method, args).await;
        }
        let nobody = || Refused::NotFound(format!("there is no {target}"));
        let ns = self.agents.as_ref().ok_or_else(nobody)?;
        let agent = ns.proxy(target).await.map_err(|error| match error {
            ProxyError::Connect { .. } => Refused::Unreachable(error.to_string()),
            _ => Refused::NotFound(error.to_string()),
        })?;
        call_agent(&agent.within(self.within), method, args).await
    }
}

async fn server_methods(target: &str, client: &Client) -> Result<Vec<Method>, RpcError> {
    let argument = |it: gleis_rpc::Argument| {
        let default = it.default.and_then(|it| serde_json::to_value(it).ok());
        Argument { default, name: it.name, r#type: schema(&it.ty).to_owned() }
    };
    let method = |it: gleis_rpc::Method| Method {
        arguments: it.arguments.into_iter().map(argument).collect(),
        docs: it.docs,
        name: it.name,
        target: target.to_owned(),
    };
    Ok(client.describe().await?.methods.into_iter().map(method).collect())
}

async fn call_server(client: &Client, method: &str, args: CallArgs) -> Result<Value, Refused> {
    if INTERNAL.contains(&method) {
        return Err(Refused::NotFound(format!("there is no method {method}")));
    }
    let value = |it: Value| to_value(&it).map_err(|it| Refused::Arguments(it.to_string()));
    let (mut list, mut named) = (Vec::new(), BTreeMap::new());
    match args {
        CallArgs::Positional(args) => {
            list = args.into_iter().map(value).collect::<Result<_, _>>()?;
        }
        CallArgs::Named(args) => {
            for (name, it) in args {
                named.insert(name, value(it)?);
            }
        }
    }
    let error = match client.call_named(method, list, named).await {
        Ok(result) => return Ok(result),
        Err(error) => error,
    };
    Err(match error {
        RpcError::Remote { text } => {
            // All that the other side says is a text: look whether it has the method at all.
            let methods = client.describe().await.map(|it| it.methods).unwrap_or_default();
            match methods.is_empty() || methods.iter().any(|it| it.name == method) {
                true => Refused::Failed { kind: "remote".to_owned(), text },
                false => Refused::NotFound(text),
            }
        }
        RpcError::TimedOut { .. } => Refused::TimedOut,
        RpcError::Message(_) => Refused::Arguments(error.to_string()),
        RpcError::Answer { .. } => {
            Refused::Failed { kind: "answer".to_owned(), text: error.to_string() }
        }
        _ => Refused::Unreachable(error.to_string()),
    })
}

async fn agent_methods(ns: &NameServerProxy, name: Name, within: Duration) -> Option<Vec<Method>> {
    let agent = ns.proxy(name.as_str()).await.ok()?.within(within);
    let argument = |(name, ty): (&str, &str)| Argument {
        default: None,
        name: name.to_owned(),
        r#type: schema(ty).to_owned(),
    };
    let method = |it: MethodInfo| Method {
        arguments: split(it.parameters.as_deref().unwrap_or_default())
            .into_iter()
            .map(argument)
            .collect(),
        docs: it.docs,
        name: it.name,
        target: name.as_str().to_owned(),
    };
    Some(agent.methods().await.ok()?.into_iter().map(method).collect())
}

async fn call_agent(agent: &Proxy, method: &str, args: CallArgs) -> Result<Value, Refused> {
    let args = match args {
        CallArgs::Positional(args) => args,
        CallArgs::Named(args) => {
            let methods = agent.methods().await.map_err(|it| refused(&it))?;
            match methods.into_iter().find(|it| it.name == method) {
                Some(method) => in_order(&method, args)?,
                // The agent says so better, and what there is instead.
                None => Vec::new(),
            }
        }
    };
    agent.call(method, args).await.map_err(|it| refused(&it))
}

/// Arguments that are named, as an agent takes them.
fn in_order(method: &MethodInfo, mut args: Map<String, Value>) -> Result<Vec<Value>, Refused> {
    let MethodInfo { name, parameters, .. } = method;
    let wrong = |what: String| Err(Refused::Arguments(format!("{name}: {what}")));
    let Some(parameters) = parameters else {
        return wrong("it does not tell the names of its arguments; give a list".to_owned());
    };
    let mut list = Vec::new();
    for (argument, _) in split(parameters) {
        match args.remove(argument) {
            Some(value) => list.push(value),
            None => return wrong(format!("the argument {argument} is missing")),
        }
    }
    match args.keys().next() {
        None => Ok(list),
        Some(more) => wrong(format!("it has no argument {more}; it takes ({parameters})")),
    }
}

fn refused(error: &CallError) -> Refused {
    let text = error.to_string();
    match error {
        CallError::Arguments { .. } => Refused::Arguments(text),
        CallError::UnknownMethod { .. } => Refused::NotFound(text),
        CallError::DeadlineExceeded { .. } => Refused::TimedOut,
        CallError::Gone { .. } | CallError::Unreachable { .. } => Refused::Unreachable(text),
        _ => Refused::Failed { kind: "agent".to_owned(), text },
    }
}

/// The names and types of parameters such as `a: u64, b: Vec<(u8, u8)>`.
fn split(parameters: &str) -> Vec<(&str, &str)> {
    let mut depth = 0;
    let parts = parameters.split(|it| {
        match it {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => (),
        }
        depth == 0 && it == ','
    });
    let parts = parts.map(str::trim).filter(|it| !it.is_empty());
    parts.map(|it| it.split_once(": ").unwrap_or((it, ""))).collect()
}

/// A type of Rust or Python as JSON Schema names it; empty if that is not known.
fn schema(ty: &str) -> &'static str {
    let base = ty.split('<').next().unwrap_or_default();
    match base.rsplit("::").next().unwrap_or_default().trim() {
        "bool" => "boolean",
        "char" | "str" | "&str" | "String" => "string",
        "f32" | "f64" | "float" => "number",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "int" => "integer",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "integer",
        "list" | "tuple" | "Vec" | "VecDeque" | "BTreeSet" | "HashSet" => "array",
        "dict" | "BTreeMap" | "HashMap" => "object",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_apart() {
        assert_eq!(split(""), []);
        let all = split("a: u64, b: Vec<(u8, u8)>, c: [u8; 4], d");
        assert_eq!(all, [("a", "u64"), ("b", "Vec<(u8, u8)>"), ("c", "[u8; 4]"), ("d", "")]);
    }

    #[test]
    fn types_are_named_as_json_schema_names_them() {
        for (ty, expect) in [
            ("u64", "integer"),
            ("std::string::String", "string"),
            ("Vec<String>", "array"),
            ("Option<u64>", ""),
            ("BTreeMap<String, u64>", "object"),
            ("", ""),
        ] {
            assert_eq!(schema(ty), expect, "{ty}");
        }
    }

    #[test]
    fn named_arguments_are_put_in_order() {
        let method = |parameters: Option<&str>| MethodInfo {
            name: "mul".to_owned(),
            parameters: parameters.map(str::to_owned),
            docs: String::new(),
        };
        let args = |text: &str| serde_json::from_str::<Map<_, _>>(text).unwrap();
        let two = method(Some("a: u64, b: u64"));
        assert_eq!(in_order(&two, args(r#"{"b": 2, "a": 1}"#)), Ok(vec![1.into(), 2.into()]));
        for (method, given, says) in [
            (&two, r#"{"b": 2}"#, "mul: the argument a is missing"),
            (
                &two,
                r#"{"a": 1, "b": 2, "c": 3}"#,
                "mul: it has no argument c; it takes (a: u64, b: u64)",
            ),
            (&method(None), "{}", "mul: it does not tell the names of its arguments; give a list"),
        ] {
            assert_eq!(in_order(method, args(given)), Err(Refused::Arguments(says.to_owned())));
        }
    }
}
