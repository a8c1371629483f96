//! A reader of events, on a connection of its own.
//!
//! While nothing is said it has no buffer. What it is given is written once for all readers and shared
//! with the log; a reader that is slow waits until it can write, with a few messages at most: the rest
//! waits in the log.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::cursor::Cursor;
use crate::http::query::{Format, Wish, missed};
use crate::listener::Connection;
use crate::log::{Behind, Entry, Filter, Most};
use crate::state::{State, count};

/// So many messages are taken from the log at a time: what a reader that does not read keeps.
const MOST: Most = Most { bytes: 256 << 10, messages: 16 };
/// So much of what it says after its request is thrown away; with more it is cut off.
const CHATTER: usize = 64 << 10;
/// How long nothing may be said, so that whoever is between does not take the line for dead.
const QUIET: Duration = Duration::from_secs(15);
/// How long it may take nothing of what is said; it comes back with its cursor.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How long it may take the rest when the bridge is being closed.
const REST: Duration = Duration::from_secs(1);
/// How soon a browser comes back, in milliseconds.
const RETRY: u64 = 1_000;

pub(crate) struct Reader {
    at: Cursor,
    filter: Filter,
    format: Format,
    _place: OwnedSemaphorePermit,
    state: Arc<State>,
}

impl Reader {
    pub(crate) fn new(
        at: Cursor,
        wish: Wish,
        _place: OwnedSemaphorePermit,
        state: Arc<State>,
    ) -> Self {
        let Wish { filter, format, .. } = wish;
        Self { at, filter, format, _place, state }
    }

    /// Answers with `head`, and then with events, until the other side or the bridge ends it.
    pub(crate) async fn read(mut self, head: Bytes, connection: Connection) {
        let state = self.state.clone();
        let mut line = Line { connection, heard: 0, said: Instant::now() };
        {
            let mut talk = pin!(self.talk(head, &mut line));
            tokio::select! {
                ended = &mut talk => if ended.is_err() { return },
                () = state.closed() => match timeout(REST, talk).await {
                    Ok(Ok(())) => (),
                    _ => return,
                },
            }
        }
        // Whoever does not hear of it sees the end all the same.
        let _ = line.connection.stream.shutdown().await;
    }

    /// Says what is there until the bridge is closed.
    ///
    /// # Errors
    /// The other side is gone, or is to be.
    async fn talk(&mut self, head: Bytes, line: &mut Line) -> io::Result<()> {
        line.write([head, self.hello()].into()).await?;
        let mut quiet = pin!(sleep(QUIET));
        loop {
            let before = self.at;
            let events = self.take();
            if !events.is_empty() || self.at != before {
                line.write(events).await?;
                // It may take all there is without ever waiting, but others are to be served, too.
                tokio::task::consume_budget().await;
                continue;
            }
            tokio::select! {
                () = self.state.log.wait(self.at) => (),
                () = self.state.closed() => return Ok(()),
                gone = line.hear() => return Err(gone),
                () = &mut quiet => line.keep(quiet.as_mut()).await?,
            }
        }
    }

    /// Where it begins, so that even a reader that got nothing yet comes back there.
    fn hello(&self) -> Bytes {
        let is_here = self.at.epoch == self.state.log.end().epoch;
        let id = if is_here { format!("id: {}\ndata: \n", self.at) } else { String::new() };
        format!("event: hello\nretry: {RETRY}\n{id}\n").into()
    }

    fn take(&mut self) -> VecDeque<Bytes> {
        let Behind { cursor, from, messages, missed: gone } =
            self.state.log.behind(self.at, MOST, &self.filter);
        let mut events = VecDeque::new();
        if let Some(gone) = missed(gone) {
            count(&self.state.books.gaps);
            // With it, whoever comes back is not told again.
            let data = json!({"missed": gone});
            events.push_back(format!("event: gap\nid: {from}\ndata: {data}\n\n").into());
        }
        events.extend(messages.iter().map(|it| self.event(it)));
        self.at = cursor;
        events
    }

    fn event(&self, entry: &Entry) -> Bytes {
        match self.format {
            Format::Object => event(entry.cursor, &self.format.write(&entry.message).to_string()),
            Format::Text => {
                let write = || event(entry.cursor, entry.message.text());
                entry.event.get_or_init(write).clone()
            }
        }
    }
}

/// A message as an event.
fn event(cursor: Cursor, text: &str) -> Bytes {
    let mut event = format!("id: {cursor}\n");
    // A carriage return ends a line of an event, too, and JSON takes both for a blank.
    for line in text.split(['\r', '\n']) {
        event.extend(["data: ", line, "\n"]);
    }
    event.push('\n');
    event.into()
}

/// A connection to write to, on which nothing more is asked.
struct Line {
    connection: Connection,
    heard: usize,
    /// When something was last said.
    said: Instant,
}

impl Line {
    /// Says all of it.
    async fn write(&mut self, mut pieces: VecDeque<Bytes>) -> io::Result<()> {
        if pieces.is_empty() {
            return Ok(());
        }
        while let Some(first) = pieces.front_mut() {
            if first.is_empty() {
                pieces.pop_front();
                continue;
            }
            match self.try_write(&pieces) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => advance(&mut pieces, n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.room().await?,
                Err(error) => return Err(error),
            }
        }
        self.said = Instant::now();
        Ok(())
    }

    fn try_write(&self, pieces: &VecDeque<Bytes>) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); MOST.messages + 1];
        let n = pieces.len().min(slices.len());
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
        }
        self.connection.stream.try_write_vectored(&slices[..n])
    }

    /// Waits until something can be written.
    async fn room(&mut self) -> io::Result<()> {
        let mut patience = pin!(sleep(PATIENCE));
        tokio::select! {
            ready = self.connection.stream.writable() => ready,
            gone = hear(&self.connection, &mut self.heard) => Err(gone),
            () = &mut patience => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Throws away what the other side says, until it ends or has said too much.
    async fn hear(&mut self) -> io::Error {
        hear(&self.connection, &mut self.heard).await
    }

    /// Says something that is nothing if nothing was said for long.
    async fn keep(&mut self, mut quiet: Pin<&mut Sleep>) -> io::Result<()> {
        if QUIET <= self.said.elapsed() {
            self.write([Bytes::from_static(b":\n\n")].into()).await?;
        }
        quiet.as_mut().reset(self.said + QUIET);
        Ok(())
    }
}

async fn hear(connection: &Connection, heard: &mut usize) -> io::Error {
    loop {
        let read = match connection.stream.readable().await {
            Ok(()) => connection.stream.try_read(&mut [0; 512]),
            Err(error) => return error,
        };
        match read {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(n) => *heard += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
            Err(error) => return error,
        }
        if CHATTER < *heard {
            return io::ErrorKind::InvalidData.into();
        }
    }
}

fn advance(pieces: &mut VecDeque<Bytes>, mut n: usize) {
    while let Some(first) = pieces.front_mut() {
        let of_it = n.min(first.len());
        first.advance(of_it);
        n -= of_it;
        if !first.is_empty() {
            return;
        }
        pieces.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use gleis_broker::Json;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    use super::*;
    use crate::bridge::Bridge;

    async fn ask(bridge: &Bridge, query: &str) -> TcpStream {
        let mut stream = TcpStream::connect(bridge.local_addr()).await.unwrap();
        let request = format!("GET /events?{query} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_wants_nothing_of_what_comes_hears_that_the_bridge_is_there() {
        let bridge = Bridge::without_hub().await.unwrap();
        let mut stream = ask(&bridge, "type=a").await;
        let begin = Instant::now();
        let mut heard = String::new();
        for _ in 0..10 {
            // Not synchronisation: the clock is stopped, and this is what is waited for.
            sleep(QUIET / 3).await;
            bridge.state.log.push(Json::parse("{\"type\":\"b\"}").unwrap());
        }
        while heard.matches("\n:\n\n").count() < 2 {
            let mut some = [0; 512];
            let n = stream.read(&mut some).await.unwrap();
            assert!(0 < n, "{heard}");
            heard.push_str(std::str::from_utf8(&some[..n]).unwrap());
        }
        assert!(!heard.contains("\"b\""), "{heard}");
        assert!(begin.elapsed() <= 4 * QUIET, "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_for_long_is_cut_off() {
        let bridge = Bridge::without_hub().await.unwrap();
        for _ in 0..MOST.messages {
            let text = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
            bridge.state.log.push(Json::parse(text).unwrap());
        }
        let mut stream = ask(&bridge, "after=0:0").await;
        stream.read_u8().await.unwrap();
        let free = || bridge.state.waiters.available_permits() == bridge.state.limits.waiters;
        assert!(!free());
        // Not synchronisation: the clock is stopped, and this is what is waited for.
        sleep(PATIENCE - QUIET).await;
        assert!(!free());
        // Not synchronisation: as before.
        sleep(2 * QUIET).await;
        assert!(free());
    }

    #[test]
    fn what_was_written_is_left_out_the_next_time() {
        let mut pieces: VecDeque<Bytes> = ["ab", "", "cd"].map(Bytes::from).into();
        advance(&mut pieces, 1);
        assert_eq!(pieces, ["b", "", "cd"]);
        advance(&mut pieces, 2);
        assert_eq!(pieces, ["d"]);
        advance(&mut pieces, 1);
        assert!(pieces.is_empty());
    }
}
