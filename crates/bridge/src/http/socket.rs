//! WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Shared;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::Uri;
use axum::response::Response;
use gleis_broker::{ClientError, Json};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::cursor::Cursor;
use crate::http::answer::Problem;
use crate::http::messages::{forward, whole};
use crate::http::query::{Wish, missed};
use crate::log::Behind;
use crate::state::{State, count};

/// So many messages are taken from the log at a time.
const MOST: usize = 16;
/// How often a silent peer is asked whether it is there.
const PING: Duration = Duration::from_secs(30);
/// How long a peer may take nothing until it is cut off.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn socket(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let wish = Wish::read(&uri)?;
    let place = state.place()?;
    let most = state.limits.body;
    let upgrade = upgrade.max_message_size(most).max_frame_size(most);
    Ok(upgrade.on_upgrade(move |socket| Talk::new(state, wish, socket, place).run()))
}

/// One connection.
struct Talk {
    at: Cursor,
    heard: Instant,
    _place: OwnedSemaphorePermit,
    socket: WebSocket,
    state: Arc<State>,
    wish: Wish,
}

/// Why a talk ends.
enum End {
    /// With these words.
    Closed(u16, &'static str),
    /// The peer is gone.
    Gone,
}

impl Talk {
    fn new(state: Arc<State>, wish: Wish, socket: WebSocket, _place: OwnedSemaphorePermit) -> Self {
        let at = wish.after.unwrap_or_else(|| state.log.end());
        Self { at, heard: Instant::now(), _place, socket, state, wish }
    }

    async fn run(mut self) {
        let Err(end) = self.talk().await else { return };
        if let End::Closed(code, reason) = end {
            let close = CloseFrame { code, reason: reason.into() };
            // Whoever does not take this will see the end all the same.
            let _ = timeout(PATIENCE, self.socket.send(Message::Close(Some(close)))).await;
        }
    }

    async fn talk(&mut self) -> Result<(), End> {
        loop {
            let before = self.at;
            self.give().await?;
            if self.at != before {
                // There may be more; but what is said is heard, too.
                while let Some(message) = self.said_already().await? {
                    self.hear(message).await?;
                }
                continue;
            }
            tokio::select! {
                () = self.state.log.wait(self.at) => (),
                () = self.state.closed() => {
                    return Err(End::Closed(close_code::AWAY, "the bridge is being closed"));
                }
                said = self.socket.recv() => match said {
                    Some(Ok(message)) => self.hear(message).await?,
                    _ => return Err(End::Gone),
                },
                () = tokio::time::sleep_until(self.heard + PING) => self.ask().await?,
            }
        }
    }

    /// What the peer said while it was given something.
    async fn said_already(&mut self) -> Result<Option<Message>, End> {
        match timeout(Duration::ZERO, self.socket.recv()).await {
            Err(_) => Ok(None),
            Ok(Some(Ok(message))) => Ok(Some(message)),
            Ok(_) => Err(End::Gone),
        }
    }

    /// Gives what is behind the cursor.
    async fn give(&mut self) -> Result<(), End> {
        let Behind { cursor, messages, missed: gone, .. } =
            self.state.log.behind(self.at, MOST, &self.wish.filter);
        if let Some(gone) = missed(gone) {
            count(&self.state.books.gaps);
            self.say(&json!({"gap": {"missed": gone}})).await?;
        }
        for it in messages {
            let text = self.text(it.cursor, &it.message);
            self.send(Message::Text(text.into())).await?;
        }
        self.at = cursor;
        Ok(())
    }

    /// A message as it is, or with its cursor for whoever gave one.
    fn text(&self, cursor: Cursor, message: &Json) -> String {
        match self.wish.after {
            None => message.text().to_owned(),
            Some(_) => {
                let message = self.wish.format.write(message);
                json!({"cursor": cursor.to_string(), "message": message}).to_string()
            }
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text.as_str().to_owned(),
            Message::Binary(_) => {
                return Err(End::Closed(close_code::UNSUPPORTED, "messages are texts"));
            }
            Message::Close(_) => return Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        if !self.state.rate.take() {
            return Err(End::Closed(close_code::POLICY, "too many messages at once"));
        }
        match forward(&self.state, text).await {
            Ok(()) => Ok(()),
            Err(ClientError::Closed) => Err(End::Closed(close_code::AWAY, "the hub is closed")),
            Err(error) => self.say(&json!({"error": whole(&error)})).await,
        }
    }

    async fn ask(&mut self) -> Result<(), End> {
        if PING + PATIENCE < self.heard.elapsed() {
            return Err(End::Gone);
        }
        self.send(Message::Ping(bytes::Bytes::new())).await?;
        // The answer comes as something that is heard; until then it is not asked again at once.
        self.heard = self.heard.max(Instant::now() - PING + PATIENCE);
        Ok(())
    }

    async fn say(&mut self, value: &Value) -> Result<(), End> {
        self.send(Message::Text(value.to_string().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Closed(close_code::POLICY, "it does not read")),
        }
    }
}
