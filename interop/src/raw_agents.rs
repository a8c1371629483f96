//! Plain sockets of libzmq against our agents with raw sockets, as osBrain's own tests have them.

use bytes::Bytes;
use gleis_agent::{Addr, AgentRef, AnyCodec, Context, Kind, Node, agent};
use tokio::sync::mpsc;

use crate::outcome::{Failure, Outcome, same, soon};
use crate::peer::Peer;
use crate::runner::Scenario;

const ANYWHERE: &str = "tcp://127.0.0.1:0";

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("SER06: REQ of libzmq asks an agent, raw", ser06),
        Scenario::new("SER08: PUSH of libzmq pushes to an agent, raw", ser08),
        Scenario::new("SER10: PUB of libzmq connects to a SUB that an agent has bound, raw", ser10),
    ]
}

/// Hands what it hears to a scenario, and answers it.
struct Ours {
    heard: mpsc::UnboundedSender<Bytes>,
}

#[agent]
impl Ours {
    async fn hear(&mut self, _: &Context<Self>, message: Bytes) -> Bytes {
        // The scenario may be over.
        let _ = self.heard.send(message.clone());
        Bytes::from([b"Re: ", &message[..]].concat())
    }
}

struct Met {
    _node: Node,
    hears: mpsc::UnboundedReceiver<Bytes>,
    ours: AgentRef<Ours>,
}

impl Met {
    async fn new() -> Outcome<Self> {
        let node = Node::local();
        let (heard, hears) = mpsc::unbounded_channel();
        let ours = node.run_agent("ours", Ours { heard }).await?;
        Ok(Self { _node: node, hears, ours })
    }

    async fn bind(&self, kind: Kind) -> Outcome<Addr> {
        let bind = self.ours.bind(kind, "main").at(ANYWHERE).codec(AnyCodec::Raw).osbrain_topics();
        Ok(bind.handler(Ours::hear).await?)
    }

    async fn heard(&mut self) -> Outcome<Bytes> {
        soon(self.hears.recv()).await?.ok_or_else(|| Failure::new("our agent is gone"))
    }
}

/// Bodies that no serializer would write.
const BODIES: [&[u8]; 4] = [b"", b"Hello", b"\x80\x04.", &[0xff; 70_000]];

async fn ser06() -> Outcome {
    let mut met = Met::new().await?;
    let addr = met.bind(Kind::Rep).await?;
    let peer = Peer::new(zmq::REQ)?;
    peer.connect(&addr.endpoint.to_string())?;
    for body in BODIES {
        peer.send(&[body])?;
        same(&met.heard().await?[..], body)?;
        same(peer.recv_body()?, [b"Re: ", body].concat())?;
    }
    Ok(())
}

async fn ser08() -> Outcome {
    let mut met = Met::new().await?;
    let addr = met.bind(Kind::Pull).await?;
    let peer = Peer::new(zmq::PUSH)?;
    peer.connect(&addr.endpoint.to_string())?;
    for body in BODIES {
        peer.send(&[body])?;
        same(&met.heard().await?[..], body)?;
    }
    Ok(())
}

async fn ser10() -> Outcome {
    let mut met = Met::new().await?;
    let addr = met.bind(Kind::Sub).await?;
    let peer = Peer::new(zmq::PUB)?;
    peer.connect(&addr.endpoint.to_string())?;
    // What is published before the subscription has arrived is lost.
    let first = soon(async {
        loop {
            peer.send(&[&b"probe"[..]])?;
            let briefly = tokio::time::timeout(crate::osbrain::ATTEMPT, met.hears.recv());
            if let Ok(Some(heard)) = briefly.await {
                return Ok::<_, Failure>(heard);
            }
        }
    });
    same(&first.await??[..], b"probe")?;
    for body in BODIES {
        // A topic that stands before the message in one frame.
        peer.send(&[[b"topic", body].concat()])?;
        let heard = loop {
            let heard = met.heard().await?;
            if heard != "probe" {
                break heard;
            }
        };
        same(&heard[..], [b"topic", body].concat())?;
    }
    Ok(())
}
