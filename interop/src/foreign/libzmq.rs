//! libzmq as a foreign peer.

use std::time::Duration;

use bytes::Bytes;
use zmq::SocketType;

use crate::foreign::orders::{Answer, Beat, Frames, Order, frames, number, numbered, words};
use crate::foreign::serve::Obedient;
use crate::outcome::{Failure, Outcome, PATIENCE};
use crate::peer::{Peer, millis};

/// One socket at a time.
#[derive(Default)]
pub(crate) struct Libzmq {
    kind: String,
    peer: Option<Peer>,
}

impl Obedient for Libzmq {
    fn obey(&mut self, order: Order) -> Outcome<Answer> {
        let mut answer = Answer::default();
        match order {
            Order::Bind { at } => answer.at = self.peer()?.bind(&at)?,
            Order::Close => self.close()?,
            Order::Connect { at } => self.peer()?.connect(&at)?,
            Order::Echo { count } => {
                for _ in 0..count {
                    let message = self.recv()?;
                    self.peer()?.send(&message)?;
                }
            }
            Order::Flood { count, head, patience, size } => {
                answer.count = self.flood(count, frames(&head)?, patience, size)?;
            }
            Order::Numbers { count } => {
                for _ in 0..count {
                    let message = self.recv()?;
                    answer.numbers.push(number(message.last().map_or(&[], |it| it))?);
                }
            }
            Order::Open { heartbeat, high_water, identity, kind } => {
                self.open(&kind, heartbeat, high_water)?;
                if let Some(identity) = &identity {
                    self.peer()?.raw().set_identity(&Bytes::try_from(identity)?)?;
                }
            }
            Order::Recv { count } => {
                for _ in 0..count {
                    answer.messages.push(words(&self.recv()?));
                }
            }
            Order::Send { messages } => {
                for message in &messages {
                    self.peer()?.send(&frames(message)?)?;
                }
            }
            Order::Subscribe { prefix } => self.subscribe(&Bytes::try_from(&prefix)?)?,
            Order::Unsubscribe { prefix } => self.unsubscribe(&Bytes::try_from(&prefix)?)?,
        }
        Ok(answer)
    }

    fn idle(&mut self) -> Outcome {
        // libzmq tells a new connection its subscriptions in the thread that uses the socket.
        if let Some(peer) = &self.peer {
            peer.raw().get_events()?;
        }
        Ok(())
    }
}

impl Libzmq {
    fn peer(&self) -> Outcome<&Peer> {
        self.peer.as_ref().ok_or_else(|| Failure::new("there is no socket"))
    }

    fn open(&mut self, kind: &str, heartbeat: Option<Beat>, high_water: Option<usize>) -> Outcome {
        self.close()?;
        let mut peer = Peer::new(kind_of(kind)?)?;
        if let Some(Beat { interval, timeout, ttl }) = heartbeat {
            let [interval, timeout, ttl] = [interval, timeout, ttl].map(Duration::from_millis);
            peer = peer.with_heartbeats_of(interval, timeout, ttl)?;
        }
        if let Some(high_water) = high_water {
            let high_water = i32::try_from(high_water)?;
            peer.raw().set_sndhwm(high_water)?;
            peer.raw().set_rcvhwm(high_water)?;
        }
        kind.clone_into(&mut self.kind);
        self.peer = Some(peer);
        Ok(())
    }

    fn close(&mut self) -> Outcome {
        if let Some(peer) = self.peer.take() {
            peer.raw().set_linger(0)?;
        }
        Ok(())
    }

    fn subscribe(&self, prefix: &[u8]) -> Outcome {
        let peer = self.peer()?;
        if self.kind == "XSUB" {
            return peer.send(&[[&[1], prefix].concat()]);
        }
        Ok(peer.raw().set_subscribe(prefix)?)
    }

    fn unsubscribe(&self, prefix: &[u8]) -> Outcome {
        let peer = self.peer()?;
        if self.kind == "XSUB" {
            return peer.send(&[[&[0], prefix].concat()]);
        }
        Ok(peer.raw().set_unsubscribe(prefix)?)
    }

    fn recv(&self) -> Outcome<Frames> {
        Ok(self.peer()?.recv()?.into_iter().map(Bytes::from).collect())
    }

    fn flood(&self, count: u64, mut head: Frames, patience: u64, size: usize) -> Outcome<u64> {
        let socket = self.peer()?.raw();
        socket.set_sndtimeo(i32::try_from(patience)?)?;
        let mut n_sent = 0;
        while n_sent < count {
            head.push(numbered(n_sent, size));
            let sent = socket.send_multipart(head.iter().map(|it| &it[..]), 0);
            head.pop();
            match sent {
                Ok(()) => n_sent += 1,
                Err(zmq::Error::EAGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        socket.set_sndtimeo(millis(PATIENCE))?;
        Ok(n_sent)
    }
}

fn kind_of(name: &str) -> Outcome<SocketType> {
    Ok(match name {
        "DEALER" => zmq::DEALER,
        "PAIR" => zmq::PAIR,
        "PUB" => zmq::PUB,
        "PULL" => zmq::PULL,
        "PUSH" => zmq::PUSH,
        "REP" => zmq::REP,
        "REQ" => zmq::REQ,
        "ROUTER" => zmq::ROUTER,
        "SUB" => zmq::SUB,
        "XPUB" => zmq::XPUB,
        "XSUB" => zmq::XSUB,
        _ => return Err(Failure::new(format!("no socket type: {name}"))),
    })
}
