//! Answers what is asked of a server.

use std::pin::pin;
use std::sync::Arc;

use gleis_core::{Value, to_value};
use gleis_patterns::Asker;
use uuid::Uuid;

use crate::api::ANYONE;
use crate::api::back::Polled;
use crate::api::callee::{Callee, Told};
use crate::api::caller::{Back, Call, ClientRef};
use crate::api::clients::Clients;
use crate::api::running::{CANCEL, Failed, KNOWS, WITHIN, knows};
use crate::api::streams::NEXT;
use crate::api::widget::Far;
use crate::events::Received;
use crate::message::Message;

/// What a client is told that does not fetch its calls and wants to.
const ELSEWHERE: &str = "this client is called elsewhere";

/// What a server does itself, whatever is exposed.
pub(crate) const OWN: [&str; 6] =
    ["attach_remote", CANCEL, "describe", "detach_remote", NEXT, "obtain_client_id"];

/// What a server answers with.
pub(crate) struct Desk {
    pub(crate) callee: Callee,
    /// Whether calls may be answered without anybody looking at them but the function that is called.
    pub(crate) is_quick: bool,
    /// Whom it tells apart, if it does.
    pub(crate) clients: Option<Clients>,
}

impl Desk {
    pub(crate) async fn answer(&self, received: Received) {
        let mut answer = match self.result(&received).await {
            Ok(Done::Asked(polled)) => return polled.came(received),
            Ok(Done::Pulled) => return self.callee.pulled(received).await,
            Ok(Done::Met(id)) => met(id, &received.message),
            Ok(Done::Now(result)) => Message::new(result),
            Err(failed) => failed.answer(),
        };
        self.callee.hooks.outgoing(&mut answer);
        if let Err(error) = received.answer(answer).await {
            tracing::warn!(target: "gleis::rpc", %error, "a call has no answer");
        }
    }

    async fn result(&self, received: &Received) -> Result<Done, Failed> {
        let (message, asker) = (&received.message, received.asker());
        self.callee.admit(message)?;
        self.callee.hooks.incoming(message)?;
        let is_own = message.path() == self.callee.call_path;
        if is_own {
            let name = message.data.as_str().unwrap_or_default();
            match (&self.clients, name) {
                // Every client asks this first.
                (None, "obtain_client_id") => return Ok(Done::Met(ANYONE.to_owned())),
                (Some(_), "obtain_client_id") => {
                    return Ok(Done::Met(Uuid::new_v4().to_string()));
                }
                (_, "describe") => {
                    let description = to_value(&self.callee.describe());
                    return Ok(Done::Now(description.map_err(|it| it.to_string())?));
                }
                (Some(clients), "answer_call" | "bye" | "next_call") => {
                    if let Some(client) = clients.meet(message, asker).await? {
                        return Ok(self.of_client(clients, &client, message).await?);
                    }
                }
                _ => (),
            }
            match self.callee.told(message, asker) {
                Some(Told::GivenUp(was_there)) => return Ok(Done::Now(Value::from(was_there))),
                Some(Told::Pulled) => {
                    if let (Some(clients), Some(id)) = (&self.clients, client_of(message)) {
                        clients.hear(id);
                    }
                    return Ok(Done::Pulled);
                }
                None => (),
            }
        }
        // Pinned here: whatever takes a future by value holds it twice.
        let called = pin!(async {
            let filled = self.callee.kept.fill(asker, message).await?;
            self.called(filled.as_ref().unwrap_or(message), asker, is_own).await
        });
        self.callee.work(message, asker, called).await.map(Done::Now)
    }

    /// What a client says of itself, and of the calls that it fetches.
    async fn of_client(
        &self,
        clients: &Clients,
        client: &ClientRef,
        message: &Message,
    ) -> Result<Done, String> {
        match message.data.as_str().unwrap_or_default() {
            "next_call" => next_call(client),
            "answer_call" => answer_call(client, message).map(Done::Now),
            _ => {
                self.callee.widgets.forget(client.id());
                clients.forget(client.id()).await;
                Ok(Done::Now(Value::Null))
            }
        }
    }

    async fn called(
        &self,
        message: &Message,
        asker: Option<&Asker>,
        is_own: bool,
    ) -> Result<Value, String> {
        let Some(clients) = &self.clients else {
            return self.call(message, asker, is_own, Call::new(None, ANYONE)).await;
        };
        let client = clients.meet(message, asker).await?;
        let id = client_of(message).unwrap_or(ANYONE);
        clients.welcomed(id).await;
        self.call(message, asker, is_own, Call::new(client, id)).await
    }

    async fn call(
        &self,
        message: &Message,
        asker: Option<&Asker>,
        is_own: bool,
        call: Call,
    ) -> Result<Value, String> {
        let name = message.data.as_str().unwrap_or_default();
        match name {
            "attach_remote" if is_own => self.attach(message, &call),
            "detach_remote" if is_own => {
                let (key, name) = widget(message, &call)?;
                Ok(Value::from(self.callee.widgets.detach(name, key)))
            }
            _ => self.callee.call(message, asker, call).await,
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

/// The client that a message says it is from.
fn client_of(message: &Message) -> Option<&str> {
    message.meta.get("client").and_then(Value::as_str)
}

/// What became of a call.
enum Done {
    /// It is a request for calls, which is answered when there is one.
    Asked(Arc<Polled>),
    /// It is a new client, which is told its id.
    Met(String),
    Now(Value),
    /// It is a request for items of a stream, which is answered when there are some.
    Pulled,
}

/// Tells a client its id, and one that knows more than xbahn does what else it may ask for.
fn met(id: String, message: &Message) -> Message {
    let mut answer = Message::new(id);
    if message.meta.contains_key(WITHIN) {
        answer.meta.insert(KNOWS.to_owned(), knows());
    }
    answer
}

fn next_call(client: &ClientRef) -> Result<Done, String> {
    match &client.back {
        Back::Fetched(polled) => Ok(Done::Asked(polled.clone())),
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
