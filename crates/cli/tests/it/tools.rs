//! `gleis bench`, `gleis doctor` and `gleis man`

use gleis_agent::{agent, run_agent, run_nameserver};
use serde_json::json;

use crate::{Running, gleis, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_measured() {
    let mut server = Running::new(&["bench", "serve"]);
    let at = server.field("endpoint").await;
    let measured = &json(&["bench", "run", &at, "--count", "200", "--size", "10"]).await[0];
    assert_eq!((&measured["count"], &measured["size"]), (&json!(200), &json!(10)));
    for figure in ["p50_us", "p99_us", "max_us", "per_second"] {
        assert!(0.0 < measured[figure].as_f64().unwrap(), "{measured}");
    }
    let (exit, out, _) = gleis(&["bench", "run", &at, "--count", "50"]).await;
    assert_eq!(exit, 0);
    assert!(out.contains("one at a time: ") && out.contains("64 in flight: "), "{out}");
    assert_eq!(server.interrupt().await, 0);
    // Whoever answers something else is not what is to be measured.
    let mut other = Running::new(&["rep", "tcp://127.0.0.1:0", "--answer", "no"]);
    let at = other.field("endpoint").await;
    let (exit, _, err) = gleis(&["bench", "run", &at, "--count", "1"]).await;
    assert_eq!(exit, 1, "{err}");
    assert!(err.contains("gleis bench serve"), "{err}");
}

struct Fragile;

#[agent]
impl Fragile {
    #[method]
    fn burst(&mut self) {
        panic!("as it should");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_found_and_what_to_do_is_said() {
    let ns = run_nameserver().at("tcp://127.0.0.1:0").await.unwrap();
    let at = ns.endpoint().to_string();
    let agent = run_agent("fragile", Fragile).nameserver(&at[..]).await.unwrap();
    let (_, out, _) = gleis(&["doctor", "--ns", &at]).await;
    assert!(out.contains("ok   the name server at ") && out.contains("knows 1 agents"), "{out}");
    assert!(!out.contains("fragile"), "{out}");
    agent.call::<()>("burst", ()).await.unwrap_err();
    let (exit, out, err) = gleis(&["doctor", "--ns", &at]).await;
    assert_eq!(exit, 1);
    assert!(out.contains("bad  `fragile` has failed: panicked: as it should"), "{out}");
    assert!(
        out.contains("try: gleis agent shutdown fragile") && err.contains("to be bad"),
        "{out}"
    );
    let (exit, out, _) = gleis(&["doctor", "--json"]).await;
    assert_eq!(exit, 1);
    let findings: Vec<serde_json::Value> =
        out.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let last = findings.last().unwrap();
    assert_eq!((&last["well"], &last["text"]), (&json!(false), &json!("no name server is named")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("man");
    let (exit, out, err) = gleis(&["man", at.to_str().unwrap()]).await;
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("pages are in"), "{out}");
    for page in ["gleis.1", "gleis-agent.1", "gleis-agent-info.1", "gleis-bench-run.1"] {
        let text = std::fs::read_to_string(at.join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}: {text}");
    }
}
