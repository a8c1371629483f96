//! Answers what is asked of a server.

use std::sync::Arc;

use gleis_core::{Value, to_value};
use uuid::Uuid;

use crate::api::ANYONE;
use crate::api::builder::Hooks;
use crate::api::callee::Callee;
use crate::api::caller::{Back, Call, ClientRef};
use crate::api::clients::Clients;
use crate::api::widget::Far;
use crate::events::Received;
use crate::message::Message;

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
            Ok(result) => Message::new(result),
            Err(error) => Message::error(error),
        };
        self.hooks.outgoing(&mut answer);
        if let Err(error) = received.respond(answer).await {
            tracing::warn!(target: "gleis::rpc", %error, "a call has no answer");
        }
    }

    async fn result(&self, message: &Message, peer: Option<&str>) -> Result<Value, String> {
        self.callee.admit(message)?;
        self.hooks.incoming(message)?;
        let is_own = message.path() == self.callee.call_path();
        let name = message.data.as_str().unwrap_or_default();
        match (&self.clients, name) {
            // Every client asks this first.
            (None, "obtain_client_id") if is_own => return Ok(Value::from(ANYONE)),
            (Some(_), "obtain_client_id") if is_own => {
                return Ok(Value::from(Uuid::new_v4().to_string()));
            }
            (_, "describe") if is_own => {
                return to_value(&self.callee.describe()).map_err(|it| it.to_string());
            }
            _ => (),
        }
        let Some(clients) = &self.clients else {
            let call = Call { client: None, id: ANYONE.to_owned() };
            return self.call(message, is_own, call).await;
        };
        let client = clients.meet(message, peer).await?;
        let id = message.meta.get("client").and_then(Value::as_str).unwrap_or(ANYONE).to_owned();
        if is_own && let Some(client) = &client {
            match name {
                "next_call" => return self.next_call(clients, client).await,
                "answer_call" => return answer_call(client, message),
                "bye" => {
                    self.callee.widgets.forget(&id);
                    clients.forget(&id).await;
                    return Ok(Value::Null);
                }
                _ => (),
            }
        }
        clients.welcomed(&id).await;
        self.call(message, is_own, Call { client, id }).await
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

    async fn next_call(&self, clients: &Clients, client: &ClientRef) -> Result<Value, String> {
        let Back::Fetched(polled) = &client.back else {
            return Err("this client is called elsewhere".to_owned());
        };
        let _open = Open::new(clients, client.id());
        polled.next(clients.heartbeat()).await
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
        Back::Link(_) => Err("this client is called elsewhere".to_owned()),
    }
}

/// A request for calls that is open.
struct Open<'a> {
    clients: &'a Clients,
    id: &'a str,
}

impl<'a> Open<'a> {
    fn new(clients: &'a Clients, id: &'a str) -> Self {
        clients.polls(id, true);
        Self { clients, id }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.clients.polls(self.id, false);
    }
}

/// Forgets clients that are silent, and their widgets.
pub(crate) async fn watch(desk: Arc<Desk>) {
    if let Some(clients) = &desk.clients {
        clients.watch(|id| desk.callee.widgets.forget(id)).await;
    }
}
