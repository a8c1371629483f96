//! Where connections begin: dialling, listening, accepting.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Poll, Waker};

use async_trait::async_trait;
use gleis_core::{Endpoint, IpcAddress, TcpAddress};
use gleis_transport::{Network, Wire, WireListener};
use tokio::time::Duration;

use super::state::State;
use super::wire::Stream;
use super::{Shared, Sim};

/// How long a dial that nobody answers waits before it tries again.
const AGAIN: Duration = Duration::from_secs(1);
/// Connections that wait to be accepted.
const BACKLOG: usize = 128;
/// The share of dials at a cut that are told so.
const TOLD: f64 = 0.3;

/// A machine in a [`Sim`]: what its sockets take as their network.
///
/// It listens at its own name, at `*` and at loopback addresses, and ipc stays on it.
#[derive(Clone)]
pub struct Host {
    name: String,
    sim: Sim,
}

/// A host and what stands behind it: a port or a path.
type Place = (String, String);

/// All that listen.
#[derive(Debug, Default)]
pub(super) struct Doors {
    last: u64,
    places: BTreeMap<Place, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    acceptor: Option<Waker>,
    /// Which listener it is: another one may take the place.
    id: u64,
    /// Connections and the names of their diallers.
    queue: VecDeque<(u64, String)>,
}

/// What became of a dial when it arrived.
enum Knock {
    Connected(u64),
    Cut,
    Refused,
    Unheard,
}

impl Host {
    pub(super) fn new(sim: Sim, name: String) -> Self {
        Self { name, sim }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.sim.shared
    }

    /// The place of an endpoint as seen from here.
    fn place(&self, endpoint: &Endpoint) -> io::Result<Place> {
        match endpoint {
            Endpoint::Ipc(address) => Ok((self.name.clone(), address.to_string())),
            Endpoint::Tcp(TcpAddress { host, port }) => {
                let is_here = host.is_loopback() || host == &gleis_core::Host::Any;
                let host = if is_here { self.name.clone() } else { host.to_string() };
                Ok((host, port.to_string()))
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// One packet's way to a host, or back.
    async fn travel(&self, to: &str) {
        let delay = self.shared().change(|state| state.delay((&self.name, to)));
        self.sim.pass(delay).await;
    }
}

#[async_trait]
impl Network for Host {
    async fn dial(&self, to: &Endpoint) -> io::Result<Box<dyn Wire>> {
        let place = self.place(to)?;
        loop {
            self.travel(&place.0).await;
            match self.shared().change(|state| knock(state, &self.name, &place)) {
                Knock::Connected(id) => {
                    let stream = Stream::new(self.shared(), id, 0);
                    self.travel(&place.0).await;
                    return Ok(Box::new(stream));
                }
                Knock::Cut => return Err(io::ErrorKind::HostUnreachable.into()),
                Knock::Refused => {
                    self.travel(&place.0).await;
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                Knock::Unheard => self.sim.pass(AGAIN).await,
            }
        }
    }

    async fn listen(&self, at: &Endpoint) -> io::Result<Box<dyn WireListener>> {
        let (host, port) = self.place(at)?;
        if host != self.name {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let (id, port) = self.shared().change(|state| state.doors.open(&host, &port))?;
        let endpoint = match at {
            Endpoint::Ipc(IpcAddress::Any) => format!("ipc://{port}"),
            Endpoint::Ipc(_) => at.to_string(),
            _ => format!("tcp://{host}:{port}"),
        };
        let endpoint = endpoint.parse().map_err(io::Error::other)?;
        self.sim.note(format_args!("{endpoint} listens"));
        Ok(Box::new(Door { endpoint, id, place: (host, port), shared: self.shared().clone() }))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.name).finish()
    }
}

/// A dial arrives at a place.
fn knock(state: &mut State, from: &str, place: &Place) -> Knock {
    let (host, port) = place;
    if state.is_cut((from, host)) {
        return if state.chance(TOLD) { Knock::Cut } else { Knock::Unheard };
    }
    let Some(waiting) = state.doors.places.get(place) else {
        state.trace.add(format_args!("{from} > {host}:{port} refused"));
        return Knock::Refused;
    };
    if BACKLOG <= waiting.queue.len() {
        return Knock::Unheard;
    }
    let id = state.connect(from, host);
    if let Some(waiting) = state.doors.places.get_mut(place) {
        waiting.queue.push_back((id, from.to_owned()));
        state.woken.extend(waiting.acceptor.take());
    }
    Knock::Connected(id)
}

impl Doors {
    /// Opens a place; which listener it is, and the port it got.
    fn open(&mut self, host: &str, port: &str) -> io::Result<(u64, String)> {
        self.last += 1;
        let port = match port {
            "0" => (49_151 + self.last).to_string(),
            "*" => format!("fresh-{}", self.last),
            port => port.to_owned(),
        };
        let place = (host.to_owned(), port.clone());
        if self.places.contains_key(&place) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let waiting = Waiting { acceptor: None, id: self.last, queue: VecDeque::new() };
        self.places.insert(place, waiting);
        Ok((self.last, port))
    }

    fn find(&mut self, place: &Place, id: u64) -> Option<&mut Waiting> {
        self.places.get_mut(place).filter(|it| it.id == id)
    }

    /// Takes away all places of a host: who waits to accept, and the connections nobody accepted.
    pub(super) fn close_all(&mut self, host: &str) -> (Vec<Waker>, Vec<u64>) {
        let gone = self.places.extract_if(.., |(at, _), _| at == host);
        let (mut wakers, mut ids) = (Vec::new(), Vec::new());
        for (_, waiting) in gone {
            wakers.extend(waiting.acceptor);
            ids.extend(waiting.queue.into_iter().map(|(id, _)| id));
        }
        (wakers, ids)
    }
}

#[derive(Debug)]
struct Door {
    endpoint: Endpoint,
    id: u64,
    place: Place,
    shared: Arc<Shared>,
}

#[async_trait]
impl WireListener for Door {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&self) -> io::Result<(Box<dyn Wire>, String)> {
        let (id, from) = poll_fn(|cx| {
            self.shared.change(|state| {
                // After a restart of the host nobody comes any more.
                let Some(waiting) = state.doors.find(&self.place, self.id) else {
                    return Poll::Pending;
                };
                if let Some(arrived) = waiting.queue.pop_front() {
                    return Poll::Ready(arrived);
                }
                waiting.acceptor = Some(cx.waker().clone());
                Poll::Pending
            })
        })
        .await;
        let stream = Stream::new(&self.shared, id, 1);
        Ok((Box::new(stream), format!("tcp://{from}:{}", 10_000 + id % 30_000)))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // Nobody will accept those that wait.
        self.shared.change(|state| {
            if state.doors.find(&self.place, self.id).is_none() {
                return;
            }
            let waiting = state.doors.places.remove(&self.place);
            for (id, _) in waiting.into_iter().flat_map(|it| it.queue) {
                state.close(id, 1);
            }
        });
    }
}
