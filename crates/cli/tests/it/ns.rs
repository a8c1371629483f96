//! `gleis ns`

use gleis_naming::{Directory, NameClient, Record};

use crate::{Running, gleis, json};

#[tokio::test]
async fn a_name_server_is_run_listed_and_shut_down() {
    let mut server = Running::new(&["ns", "run"]);
    let at = server.field("endpoint").await;
    let (exit, out, _) = gleis(&["ns", "list", "--ns", &at]).await;
    assert_eq!((exit, &out[..]), (0, "nothing is registered\n"));
    assert!(json(&["ns", "list", "--ns", &at]).await.is_empty());

    let client = NameClient::connect(&at[..]).await.unwrap();
    let record = Record::new("tcp://127.0.0.1:1".parse().unwrap()).with("kind", "test");
    client.register(&"Alice".parse().unwrap(), record).await.unwrap();
    let all = json(&["ns", "list", "--ns", &at]).await;
    assert_eq!((&all[0]["name"], &all[0]["metadata"]["kind"]), (&"Alice".into(), &"test".into()));
    let (_, out, _) = gleis(&["ns", "list", "--ns", &at]).await;
    assert_eq!(out, "Alice  tcp://127.0.0.1:1\n");

    let report = json(&["ns", "shutdown", "--ns", &at, "--timeout", "0.2"]).await;
    assert_eq!(report[0]["stayed"], serde_json::json!(["Alice"]));
    assert_eq!(server.ended().await, 0);
    let (exit, _, err) = gleis(&["ns", "list", "--ns", &at, "--timeout", "0.2"]).await;
    assert_eq!(exit, 3);
    assert!(err.contains(&format!("try: gleis ns run --listen {at}")), "{err}");
}

#[tokio::test]
async fn ctrl_c_ends_a_name_server_well() {
    let mut server = Running::new(&["ns", "run"]);
    server.next().await;
    assert_eq!(server.interrupt().await, 0);
}
