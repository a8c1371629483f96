//! What the tests share: servers, clients, and a network that can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::{Endpoint, Name};
use gleis_naming::{NameClient, NameServer};
use parking_lot::Mutex;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(crate) use gleis_test::directory_suite::{follow, name, read_state, record};
pub(crate) use gleis_test::wait::{eventually, tasks_down_to, within};

/// Fresh places to listen at, one for each transport.
pub(crate) fn places() -> [String; 3] {
    [format!("inproc://{}", Name::random()), "ipc://*".to_owned(), "tcp://127.0.0.1:0".to_owned()]
}

/// A server over tcp whose lost clients have `grace` to come back.
pub(crate) async fn server(grace: Duration) -> NameServer {
    NameServer::bind("tcp://127.0.0.1:0").grace(grace).await.unwrap()
}

pub(crate) async fn client(at: &Endpoint) -> NameClient {
    NameClient::connect(at).within(Duration::from_secs(20)).await.unwrap()
}

/// A network cable to a server: connections run through it until it is cut.
pub(crate) struct Cable {
    pub(crate) endpoint: Endpoint,
    lines: Arc<Mutex<JoinSet<()>>>,
    plug: Option<JoinSet<()>>,
    to: SocketAddr,
}

impl Cable {
    pub(crate) async fn to(server: &NameServer) -> Self {
        let text = server.endpoint().to_string();
        let to = text.strip_prefix("tcp://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::from(listener.local_addr().unwrap());
        let mut cable = Self { endpoint, lines: Arc::default(), plug: None, to };
        cable.serve(listener);
        cable
    }

    fn serve(&mut self, listener: TcpListener) {
        let (lines, to) = (self.lines.clone(), self.to);
        let mut plug = JoinSet::new();
        plug.spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let line = async move {
                    if let Ok(mut far) = TcpStream::connect(to).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                };
                lines.lock().spawn(line);
            }
        });
        self.plug = Some(plug);
    }

    /// Ends all connections; new ones may come.
    pub(crate) fn shake(&self) {
        self.lines.lock().abort_all();
    }

    /// Ends all connections and lets none come.
    pub(crate) async fn cut(&mut self) {
        if let Some(mut plug) = self.plug.take() {
            plug.shutdown().await;
        }
        self.shake();
    }

    /// Lets connections come again.
    pub(crate) async fn mend(&mut self) {
        let text = self.endpoint.to_string();
        let at = text.strip_prefix("tcp://").unwrap();
        let listener = TcpListener::bind(at).await.unwrap();
        self.serve(listener);
    }
}
