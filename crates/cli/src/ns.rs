//! `gleis ns`

use std::time::Duration;

use gleis_naming::{Directory, NameClient, NameServer};
use serde_json::json;

use crate::args::{self, Ns};
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::stop::Stop;

pub(crate) async fn run(command: Ns, output: Output, timeout: Duration) -> Outcome {
    match command {
        Ns::Run { listen } => {
            let mut stop = Stop::new()?;
            let server = NameServer::bind(listen).await.map_err(|it| Failure::local(&it))?;
            let at = server.endpoint().to_string();
            let text = format!("name server at {at}\nexport GLEIS_NAMESERVER={at}");
            output.line(&text, &json!({"endpoint": at}))?;
            tokio::select! {
                res = stop.asked() => res?,
                _ = server.closed() => return Ok(()),
            }
            stop.orderly(server.shutdown(timeout)).await
        }
        Ns::List(at) => {
            let client = connect(&at, timeout).await?;
            let all = client.list().await.map_err(|it| Failure::remote(&it))?;
            let width = all.iter().map(|it| it.0.as_str().len()).max().unwrap_or_default();
            if all.is_empty() && !output.json {
                return output.text("nothing is registered\n");
            }
            for (name, record) in all {
                let (name, at) = (name.as_str(), record.endpoint.to_string());
                let value = json!({"name": name, "endpoint": at, "metadata": record.metadata});
                output.line(&format!("{name:width$}  {at}"), &value)?;
            }
            Ok(())
        }
        Ns::Shutdown(at) => {
            let client = connect(&at, timeout).await?;
            let report = client.shutdown_server(timeout).await;
            let report = report.map_err(|it| Failure::remote(&it))?;
            let stayed: Vec<_> = report.stayed.iter().map(|it| it.as_str()).collect();
            let forced: Vec<_> = report.forced.iter().map(|it| it.as_str()).collect();
            let mut text = "the name server is down".to_owned();
            for (names, what) in [(&forced, "had to be ended by force"), (&stayed, "did not end")] {
                if !names.is_empty() {
                    text += &format!("; these {what}: {}", names.join(", "));
                }
            }
            output.line(&text, &json!({"stayed": stayed, "forced": forced}))
        }
    }
}

async fn connect(at: &args::NameServer, timeout: Duration) -> Outcome<NameClient> {
    let connecting = NameClient::connect(at.ns.clone()).within(timeout);
    connecting
        .await
        .map_err(|it| Failure::unreachable(&it).hint(format!("gleis ns run --listen {}", at.ns)))
}
