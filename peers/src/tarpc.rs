//! tarpc over tcp, bincode on the wire.

use std::time::Instant;

use futures::{Future, StreamExt};
use gleis_benches::Load;
use gleis_benches::rig::{Cores, Rig};
use tarpc::context;
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tokio::task::JoinSet;

#[tarpc::service]
trait Echo {
    async fn echo(body: Vec<u8>) -> Vec<u8>;
}

#[derive(Clone)]
struct Server;

impl Echo for Server {
    async fn echo(self, _: context::Context, body: Vec<u8>) -> Vec<u8> {
        body
    }
}

async fn spawn(answering: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(answering);
}

/// `n_callers` tasks, each of which awaits its answer.
pub(crate) fn callers(size: usize, n_callers: u64) -> Rig {
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let mut listener = tcp::listen("127.0.0.1:0", Bincode::default).await?;
            ready.tell(listener.local_addr());
            let connection = listener.next().await.ok_or("nobody came")??;
            let channel = BaseChannel::with_defaults(connection);
            channel.execute(Server.serve()).for_each(spawn).await;
            Ok(())
        },
        async move |mut turns, at| {
            let mut connecting = tcp::connect(at, Bincode::default);
            connecting.config_mut().max_frame_length(usize::MAX);
            let client = EchoClient::new(Default::default(), connecting.await?).spawn();
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                let mut callers = JoinSet::new();
                for _ in 0..n_callers {
                    let (client, load) = (client.clone(), Load::new(size));
                    callers.spawn(async move {
                        for _ in 0..n / n_callers {
                            client.echo(context::current(), load.message().to_vec()).await?;
                        }
                        Ok::<_, tarpc::client::RpcError>(())
                    });
                }
                while let Some(done) = callers.join_next().await {
                    done??;
                }
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}
