//! From a fresh byte stream to a connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use gleis_zmtp::{Error, Event, Session};
use tokio::sync::OwnedSemaphorePermit;

use crate::clock::now;
use crate::connection::{Connection, Receiver, ReceiverKind, Sender, SenderKind};
use crate::error::HandshakeError;
use crate::options::LinkConfig;
use crate::peer::Peer;
use crate::stream::link::{Link, StreamWriter};
use crate::stream::reader::StreamReader;
use crate::stream::socket::Socket;

/// Room for the peer's greeting and READY.
const BUFFER: usize = 4 << 10;

/// Greets the peer and makes a connection of the socket; within the session's own deadline.
/// `has_spoken` is set with the peer's first byte.
pub(crate) async fn handshake(
    socket: Socket,
    config: &LinkConfig,
    address: String,
    place: Option<OwnedSemaphorePermit>,
    has_spoken: &AtomicBool,
) -> Result<Connection, HandshakeError> {
    socket.prepare(&config.options)?;
    let mut session = Session::new(config.session(), now());
    let mut buffer = BytesMut::with_capacity(BUFFER);
    let greeted = greet(&socket, &mut session, &mut buffer, has_spoken).await;
    if greeted.is_err() {
        // The reason for the peer, if the session has one, as far as the socket takes it now.
        let mut last = BytesMut::new();
        session.poll_transmit(&mut last);
        let _ = socket.try_write(&last);
    }
    greeted?;
    connection(socket, session, buffer, config, address, place)
}

async fn greet(
    socket: &Socket,
    session: &mut Session,
    buffer: &mut BytesMut,
    has_spoken: &AtomicBool,
) -> Result<(), HandshakeError> {
    loop {
        let event = session.poll_event(now(), buffer).map_err(fault)?;
        // What was read may be what allows the next word of ours.
        write(socket, session).await?;
        if let Some(Event::Ready) = event {
            return Ok(());
        }
        read(socket, session, buffer).await?;
        has_spoken.store(true, Ordering::Relaxed);
    }
}

async fn write(socket: &Socket, session: &mut Session) -> Result<(), HandshakeError> {
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    let mut rest = &out[..];
    while !rest.is_empty() {
        match socket.try_write(rest) {
            Ok(n_bytes) => rest = &rest[n_bytes..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                in_time(session, socket.writable()).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn read(
    socket: &Socket,
    session: &mut Session,
    buffer: &mut BytesMut,
) -> Result<(), HandshakeError> {
    loop {
        buffer.reserve(BUFFER);
        match socket.try_read(buffer) {
            Ok(0) => return Err(HandshakeError::PeerClosed),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                in_time(session, socket.readable()).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits for the socket until the session's deadline.
async fn in_time(
    session: &mut Session,
    ready: impl Future<Output = io::Result<()>>,
) -> Result<(), HandshakeError> {
    let Some(deadline) = session.poll_timeout() else {
        return Ok(ready.await?);
    };
    match tokio::time::timeout_at(deadline.into(), ready).await {
        Ok(ready) => Ok(ready?),
        Err(_) => session.handle_timeout(now()).map_err(fault),
    }
}

fn fault(error: Error) -> HandshakeError {
    HandshakeError::Protocol(error)
}

fn connection(
    socket: Socket,
    session: Session,
    buffer: BytesMut,
    config: &LinkConfig,
    address: String,
    place: Option<OwnedSemaphorePermit>,
) -> Result<Connection, HandshakeError> {
    let Some(them) = session.peer() else {
        return Err(HandshakeError::PeerClosed);
    };
    let peer = Arc::new(Peer {
        address,
        identity: them.identity.clone(),
        metadata: them.metadata.clone(),
        socket_type: them.socket_type,
    });
    let link = Link::new(socket, session.encoder(), config, place);
    let link = Arc::new(link);
    let writer = Arc::new(StreamWriter::new(link.clone()));
    let reader = Box::new(StreamReader::new(link, session, buffer));
    Ok(Connection {
        peer: peer.clone(),
        sender: Sender { peer, kind: SenderKind::Stream(writer) },
        receiver: Receiver { kind: ReceiverKind::Stream(reader) },
    })
}
