//! Every directory does what directories do.

use std::sync::Arc;

use gleis_naming::{Directory, MemoryDirectory, NameClient, NameServer};
use gleis_test::directory_suite;
use gleis_test::directory_suite::Views;

use crate::world::places;

fn memory_views() -> Views {
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    Views::new(directory.clone(), directory, ())
}

async fn client_views(transport: usize) -> Views {
    let server = NameServer::bind(&places()[transport]).await.unwrap();
    let one = NameClient::connect(server.endpoint()).await.unwrap();
    let other = NameClient::connect(server.endpoint()).await.unwrap();
    Views::new(Arc::new(one), Arc::new(other), server)
}

async fn mixed_views() -> Views {
    let server = NameServer::bind(&places()[2]).await.unwrap();
    let client = NameClient::connect(server.endpoint()).await.unwrap();
    Views::new(server.directory(), Arc::new(client), server)
}

directory_suite!(memory, memory_views());
directory_suite!(client_over_inproc, client_views(0).await);
directory_suite!(client_over_ipc, client_views(1).await);
directory_suite!(client_over_tcp, client_views(2).await);
directory_suite!(server_and_client, mixed_views().await);
