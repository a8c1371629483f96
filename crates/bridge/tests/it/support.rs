//! A client that says exactly what it is told.

use std::net::SocketAddr;

use gleis_test::wait::within;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub(crate) struct Http(pub(crate) SocketAddr);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) head: String,
    pub(crate) status: u16,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

impl Http {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, media_type: &str, body: &str) -> Answer {
        self.ask("POST", path, &[("content-type", media_type)], body).await
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut all = headers.to_vec();
        let length = body.len().to_string();
        all.extend([("connection", "close"), ("content-length", length.as_str())]);
        let head = self.head(method, path, &all);
        self.raw(format!("{head}{body}").as_bytes()).await
    }

    /// The head of a request.
    pub(crate) fn head(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let host = self.0.to_string();
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|it| it.0 == "host") {
            head += &format!("host: {host}\r\n");
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head + "\r\n"
    }

    /// Says these bytes and reads until the other side closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read(&mut stream).await
    }

    /// A connection on which a stream of events is read.
    pub(crate) async fn events(&self, path: &str, headers: &[(&str, &str)]) -> Events {
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        stream.write_all(self.head("GET", path, headers).as_bytes()).await.unwrap();
        Events(BufReader::new(stream))
    }
}

pub(crate) async fn read(stream: &mut TcpStream) -> Answer {
    let mut all = Vec::new();
    within(stream.read_to_end(&mut all)).await.unwrap();
    let all = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
    Answer { body: body.to_owned(), head: head.to_ascii_lowercase(), status }
}

/// A stream of events.
pub(crate) struct Events(BufReader<TcpStream>);

/// One event: its name, id and data.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Event {
    pub(crate) data: String,
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Events {
    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            if within(self.0.read_line(&mut line)).await.unwrap() == 0 {
                return None;
            }
            let line = line.trim_end();
            // The head, and the lengths of chunks, have no colon that is looked for.
            if let Some(data) = line.strip_prefix("data: ") {
                event.data.push_str(data);
            } else if let Some(id) = line.strip_prefix("id: ") {
                event.id = id.to_owned();
            } else if let Some(name) = line.strip_prefix("event: ") {
                event.name = name.to_owned();
            } else if line == "0" {
                return None;
            } else if line.is_empty() && event != Event::default() {
                return Some(event);
            }
        }
    }

    /// The next event that is a message.
    pub(crate) async fn message(&mut self) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name.is_empty() {
                return event;
            }
        }
    }
}
