//! Answers what is asked of a server.

use std::sync::Arc;

use gleis_core::{Value, to_value};
use uuid::Uuid;

use crate::api::ANYONE;
use crate::api::back::Polled;
use crate::api::builder::Hooks;
use crate::api::callee::Callee;
use crate::api::caller::{Back, Call, ClientRef};
use crate::api::clients::Clients;
use crate::api::widget::Far;
use crate::events::Received;
use crate::message::Message;

/// What a client is told that does not fetch its calls and wants to.
const ELSEWHERE: &str = "this client is called elsewhere";

/// What a server answers with.
pub(crate) struct Desk {
    pub(crate) callee: Callee,
    /// Whom it tells apart, if it does.
    pub(crate) clients: Option<Clients>,
    pub(crate) hooks: Hooks,
}

impl Desk {
    pub(crate) async fn answer(&self, received: Received) {
        let message = &received.message;
        let mut answer = match self.result(message, received.peer()).await {
            Ok(Done::Now(result)) => Message::new(result),
            Ok(Done::Later(polled)) => return polled.came(received),
            Err(error) => Message::error(error),
        };
        self.hooks.outgoing(&mut answer);
        if let Err(error) = received.respond(answer).await {
            tracing::warn!(target: "gleis::rpc", %error, "a call has no answer");
        }
    }

    async fn result(&self, message: &Message, peer: Option<&str>) -> Result<Done, String> {
        self.callee.admit(message)?;
        self.hooks.incoming(message)?;
        let is_own = message.path() == self.callee.call_path();
        let name = message.data.as_str().unwrap_or_default();
        match (&self.clients, name) {
            // Every client asks this first.
            (None, "obtain_client_id") if is_own => return Ok(Done::Now(Value::from(ANYONE))),
            (Some(_), "obtain_client_id") if is_own => {
                return Ok(Done::Now(Value::from(Uuid::new_v4().to_string())));
            }
            (_, "describe") if is_own => {
                let description = to_value(&self.callee.describe());
                return description.map(Done::Now).map_err(|it| it.to_string());
            }
            _ => (),
        }
        let Some(clients) = &self.clients else {
            let call = Call { client: None, id: ANYONE.to_owned() };
            return self.call(message, is_own, call).await.map(Done::Now);
        };
        let client = clients.meet(message, peer).await?;
        let id = message.meta.get("client").and_then(Value::as_str).unwrap_or(ANYONE).to_owned();
        if is_own && let Some(client) = &client {
            match name {
                "next_call" => return next_call(client),
                "answer_call" => return answer_call(client, message).map(Done::Now),
                "bye" => {
                    self.callee.widgets.forget(&id);
                    clients.forget(&id).await;
                    return Ok(Done::Now(Value::Null));
                }
                _ => (),
            }
        }
        clients.welcomed(&id).await;
        self.call(message, is_own, Call { client, id }).await.map(Done::Now)
    }

    async fn call(&self, message: &Message, is_own: bool, call: Call) -> Result<Value, String> {
        let name = message.data.as_str().unwrap_or_default();
        match name {
            "attach_remote" if is_own => self.attach(message, &call),
            "detach_remote" if is_own => {
                let (key, name) = widget(message, &call)?;
                Ok(Value::from(self.callee.widgets.detach(name, key)))
            }
            _ => self.callee.call(message, call).await,
        }
    }

    /// Makes the widget that a client says it has.
    fn attach(&self, message: &Message, call: &Call) -> Result<Value, String> {
        let (key, name) = widget(message, call)?;
        let mut kwargs = message.kwargs.clone();
        let remote = kwargs.remove("remote_name");
        let remote = remote.as_ref().and_then(Value::as_str).unwrap_or(name);
        let far = match &call.client {
            Some(client) => Far::Client(client.clone(), format!(".widgets.{remote}.{key}").into()),
            None => Far::Nowhere,
        };
        self.callee.widgets.attach(name, key, kwargs, far)?;
        Ok(Value::Null)
    }
}

/// What became of a call.
enum Done {
    /// It is a request for calls, which is answered when there is one.
    Later(Arc<Polled>),
    Now(Value),
}

fn next_call(client: &ClientRef) -> Result<Done, String> {
    match &client.back {
        Back::Fetched(polled) => Ok(Done::Later(polled.clone())),
        Back::Link(_) => Err(ELSEWHERE.to_owned()),
    }
}

/// The key and the name of the widget that is meant; each client has its own.
fn widget<'a>(message: &'a Message, call: &Call) -> Result<(&'a str, &'a str), String> {
    let text = |n: usize, name: &str| {
        let value = message.args.get(n).or_else(|| message.kwargs.get(name));
        let text = value.and_then(Value::as_str);
        text.ok_or_else(|| format!("a widget has an id and a name: no {name}"))
    };
    let (key, name) = (text(0, "id")?, text(1, "name")?);
    match key.strip_prefix(&call.id).is_some_and(|it| it.starts_with('.')) {
        true => Ok((key, name)),
        false => Err("the id of a widget begins with that of its client".to_owned()),
    }
}

fn answer_call(client: &ClientRef, message: &Message) -> Result<Value, String> {
    match &client.back {
        Back::Fetched(polled) => polled.answered(&message.args),
        Back::Link(_) => Err(ELSEWHERE.to_owned()),
    }
}

/// Forgets clients that are silent, and their widgets.
pub(crate) async fn watch(desk: Arc<Desk>) {
    if let Some(clients) = &desk.clients {
        clients.watch(|id| desk.callee.widgets.forget(id)).await;
    }
}
