//! Messages of correlated channels.

use std::collections::BTreeMap;
use std::time::SystemTime;

use gleis_core::Value;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::content::Content;

/// A message of a correlated channel.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ChannelMessage {
    /// What it says.
    pub content: Content,
    /// What ties a reply to its request, or the messages of a thread together. Whoever replies copies
    /// it: see [`reply`](Self::reply).
    pub correlation_id: Option<String>,
    /// Which message it is; no other one in the log has it.
    pub id: String,
    /// Notes about it, such as how often it was tried.
    pub metadata: BTreeMap<String, Value>,
    /// Whom it is for, in a mailbox; without it for all.
    pub recipient: Option<String>,
    /// The channel that a reply is to be written to.
    pub reply_to: Option<String>,
    /// Who wrote it, as the writer says; nobody checks that.
    pub sender: String,
    /// When it was made, by the clock of the sender.
    pub timestamp: SystemTime,
}

impl ChannelMessage {
    /// A message of `sender`, made now, with an id of its own.
    pub fn new(sender: impl Into<String>, content: impl Into<Content>) -> Self {
        Self {
            content: content.into(),
            correlation_id: None,
            id: unique(),
            metadata: BTreeMap::new(),
            recipient: None,
            reply_to: None,
            sender: sender.into(),
            timestamp: SystemTime::now(),
        }
    }

    /// A reply to this message, made by `sender`: it has the same correlation id, or this message's id
    /// if it has none, and is for whoever sent this one.
    #[must_use]
    pub fn reply(&self, sender: impl Into<String>, content: impl Into<Content>) -> Self {
        let correlation = self.correlation_id.clone().unwrap_or_else(|| self.id.clone());
        Self::new(sender, content).correlation_id(correlation).recipient(self.sender.clone())
    }

    /// The same with this correlation id.
    #[must_use]
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// The same with this note.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// The same for this recipient.
    #[must_use]
    pub fn recipient(mut self, recipient: impl Into<String>) -> Self {
        self.recipient = Some(recipient.into());
        self
    }

    /// The same with replies wanted in this channel.
    #[must_use]
    pub fn reply_to(mut self, channel: impl Into<String>) -> Self {
        self.reply_to = Some(channel.into());
        self
    }

    /// About how many bytes it keeps.
    pub(crate) fn weight(&self) -> usize {
        let text = |it: &Option<String>| it.as_ref().map_or(0, String::len);
        let notes: usize = self.metadata.iter().map(|(name, it)| name.len() + weight(it)).sum();
        let texts = [&self.correlation_id, &self.recipient, &self.reply_to].map(text);
        size_of::<Self>()
            + self.id.len()
            + self.sender.len()
            + texts.iter().sum::<usize>()
            + notes
            + weight(self.content.data())
    }
}

/// A text that nobody else has.
pub(crate) fn unique() -> String {
    Uuid::new_v4().simple().to_string()
}

/// About how many bytes a value keeps; however deep it is, the stack is not.
fn weight(value: &Value) -> usize {
    let mut waiting = vec![value];
    let mut total = 0;
    while let Some(value) = waiting.pop() {
        total += size_of::<Value>();
        if let Some(text) = value.as_str() {
            total += text.len();
        } else if let Some(bytes) = value.as_bytes() {
            total += bytes.len();
        } else if let Some(list) = value.as_list() {
            waiting.extend(list);
        } else if let Some(map) = value.as_map() {
            total += map.keys().map(String::len).sum::<usize>();
            waiting.extend(map.values());
        }
    }
    total
}
