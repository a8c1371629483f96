//! Every example does what it says, and ends.

#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

use std::path::PathBuf;
use std::process::{Output, Stdio};

use gleis_test::wait::within;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Cargo builds the examples beside the tests when it tests the whole package.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let path: PathBuf = folder.join("examples").join(name);
    let advice = "build it first: cargo build --package gleis-examples --examples";
    assert!(path.exists(), "{} is not there; {advice}", path.display());
    let mut command = Command::new(path);
    command.kill_on_drop(true).env_remove("GLEIS_NAMESERVER");
    command
}

async fn check(name: &str, expect: &str) {
    let Output { status, stdout, stderr } = within(example(name).output()).await.unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(String::from_utf8_lossy(&stdout), expect, "{stderr}");
    assert_eq!(stderr, "");
    assert!(status.success(), "{status}");
}

const GREETINGS: &str = "Received: Hello, Bob!\nReceived: Hello, Bob!\nReceived: Hello, Bob!\n";

#[tokio::test]
async fn hello_prints_three_greetings_and_ends() {
    check("hello", GREETINGS).await;
}

const FEED: &str = "\
late: 1, 2
slow: 1
slow: 2
slow: 3
slow: 4
slow: missed 6, then 11
books: 11 = 5 delivered + 6 dropped
";

#[tokio::test]
async fn feed_prints_what_was_read_and_what_was_missed() {
    check("feed", FEED).await;
}

#[tokio::test]
async fn jobs_prints_the_job_and_ends() {
    check("jobs", "got Job { id: 1 }\n").await;
}

#[tokio::test]
async fn proxy_prints_the_sums_and_what_has_passed_and_ends() {
    check("proxy", "2 + 3 = 5\n4 + 5 = 9\n2 requests and 2 answers passed\n").await;
}

#[tokio::test]
async fn request_response_adds_with_the_helper_and_by_hand() {
    check("request_response", "7 + 35 = 42\n").await;
    check("request_response_manual", "7 + 35 = 42\n").await;
}

#[tokio::test]
async fn request_response_typed_computes_or_says_what_is_wrong() {
    let expect = "7 add 35 = 42\n7 mul 35 = 245\n7 pow 35: Unknown operation: pow\n\
                  a request without b: missing field `b`\n";
    check("request_response_typed", expect).await;
}

#[tokio::test]
async fn request_response_concurrent_gives_each_its_own() {
    let expect: String = (0..10).map(|i| format!("{i} + {} = {}\n", 2 * i, 3 * i)).collect();
    check("request_response_concurrent", &expect).await;
}

#[tokio::test]
async fn hello_processes_prints_three_greetings_and_ends() {
    check("hello_processes", GREETINGS).await;
}

#[tokio::test]
async fn a_part_ends_when_whoever_started_it_is_gone() {
    let mut part = example("hello_processes")
        .args(["nameserver", "tcp://127.0.0.1:0", "--started"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut lines = BufReader::new(part.stdout.take().unwrap());
    within(lines.read_line(&mut address)).await.unwrap();
    assert!(address.starts_with("tcp://127.0.0.1:"), "{address}");
    drop(part.stdin.take());
    let status = within(part.wait()).await.unwrap();
    assert!(!status.success(), "{status}");
}

#[tokio::test]
async fn each_part_can_be_played_by_hand() {
    let mut server = example("hello_processes")
        .args(["nameserver", "tcp://127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut lines = BufReader::new(server.stdout.take().unwrap());
    within(lines.read_line(&mut address)).await.unwrap();
    let address = address.trim();
    let mut alice =
        example("hello_processes").args(["alice", address]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(alice.stdout.take().unwrap());
    within(lines.read_line(&mut line)).await.unwrap();
    assert_eq!(line, "Alice is there\n");
    let bob = within(example("hello_processes").args(["bob", address]).output()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bob.stdout), GREETINGS);
    let end = within(example("hello_processes").args(["shutdown", address]).status()).await;
    assert!(end.unwrap().success());
    assert!(within(alice.wait()).await.unwrap().success());
    assert!(within(server.wait()).await.unwrap().success());
}

#[tokio::test]
async fn a_part_that_is_not_there_gets_the_usage() {
    let output = within(example("hello_processes").arg("carol").output()).await.unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("usage: hello_processes"), "{stderr}");
}

const HUB: &str = "\
hub: publishes and listens on two ports of 127.0.0.1
Bob: subject 119
Carol: subject 119
hub: heard subject
Alice: nothing of her own, but sample [1,2,3]
hub: ignored 1 while paused
";

#[tokio::test]
async fn hub_prints_what_each_application_gets() {
    check("hub", HUB).await;
}

#[tokio::test]
async fn hub_passive_prints_the_last_message_and_its_number() {
    let expect = "0: nothing yet\n1: {\"subject\":\"119\",\"type\":\"subject\"}\n2: {\"subject\":\"120\",\"type\":\"subject\"}\n";
    check("hub_passive", expect).await;
}

#[tokio::test]
async fn hub_generic_prints_what_bounces_and_what_comes() {
    check("hub_generic", "handler: ready\nhandler: subject\n").await;
}

const BRIDGE: &str = "\
page: {\"count\":1,\"message\":{\"subject\":\"119\",\"type\":\"subject\"}}
page: 202 Accepted
application: {\"type\": \"sample\", \"sample\": [1, 2]}
";

#[tokio::test]
async fn bridge_prints_what_a_page_reads_and_sends() {
    check("bridge", BRIDGE).await;
}

const MESSAGING: &str = "\
Server running!
Test
[\"an arg\"]
{\"extra\":\"something\"}
Message 'Test' received!
";

#[tokio::test]
async fn messaging_prints_the_message_and_its_answer() {
    check("messaging", MESSAGING).await;
}

const PATHS: &str = "\
Server running!
Message arrived PERSON John Smith person
Message arrived ADDRESS Some Street, 123 address
Message arrived ADDRESS Another Street, 123 address.usa
";

#[tokio::test]
async fn paths_prints_what_arrives_under_each_path() {
    check("paths", PATHS).await;
}

#[tokio::test]
async fn api_prints_what_the_server_answers() {
    check("api", "Server running!\nping!\npong!\n7*6 = 42\n").await;
}

#[tokio::test]
async fn api_two_way_prints_that_the_client_was_touched() {
    check("api_two_way", "Server running!\nping!\npong!\nTouched? true\n").await;
}

const SERVICE: &str = "\
Server running!
7*6 = 42
7*2 = 14
Cannot divide by zero.
multiply(a: i64, b: i64) -> i64: Multiplies two numbers.
";

/// The two parts of an example, each a program, print together what the whole prints.
#[cfg(unix)]
#[tokio::test]
async fn servers_and_clients_of_calls_may_be_two_programs() {
    for (name, server_says, client_says) in [
        ("messaging", "Test\n[\"an arg\"]\n", "Message 'Test' received!\n"),
        ("message_response", "", "Message received response: Message 'Test message!' received!\n"),
        ("paths", "Message arrived PERSON John Smith person\n", ""),
        ("api", "", "ping!\npong!\n7*6 = 42\n"),
        ("api_two_way", "", "ping!\npong!\nTouched? true\n"),
        ("service", "", "7*6 = 42\n7*2 = 14\n"),
        ("streams", "", "20.5 degrees\n21 degrees\n"),
        ("widgets", "", "Number on the server widget (A) 123\n"),
        ("widgets_aware", "", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let part = |part: &str, kind: &str| {
            let mut command = example(name);
            command.args([part, &format!("zmq://it.sock/{kind}?transport=ipc")]);
            command.current_dir(folder.path());
            command
        };
        let mut server = part("server", "rep").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        assert_eq!(within(lines.next_line()).await.unwrap().unwrap(), "Server running!", "{name}");
        let Output { status, stdout, stderr } =
            within(part("client", "req").output()).await.unwrap();
        assert!(status.success(), "{name}: {}", String::from_utf8_lossy(&stderr));
        let said = String::from_utf8_lossy(&stdout);
        assert!(said.starts_with(client_says), "{name}: {said}");
        for line in server_says.lines() {
            assert_eq!(within(lines.next_line()).await.unwrap().unwrap(), line, "{name}");
        }
        within(server.kill()).await.unwrap();
    }
}

const SCRIPTS: &str = "\
3
Bob: Received 0
Bob: Received 1
Bob: Received 2
refused: it needs more than it is granted
";

#[tokio::test]
async fn scripts_prints_what_agents_make_of_scripts() {
    check("scripts", SCRIPTS).await;
}

/// Those who define scripts need not be the program that runs them.
#[tokio::test]
async fn scripts_travel_from_one_program_to_another() {
    let mut agents = example("scripts");
    agents.args(["agents", "tcp://127.0.0.1:0"]);
    let mut agents = agents.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(agents.stdout.take().unwrap()).lines();
    let line = within(lines.next_line()).await.unwrap().unwrap();
    let at = line.strip_prefix("agents at ").unwrap();
    let defined = within(example("scripts").args(["define", at]).output()).await.unwrap();
    let stderr = String::from_utf8_lossy(&defined.stderr);
    assert_eq!(String::from_utf8_lossy(&defined.stdout), SCRIPTS, "{stderr}");
    within(agents.kill()).await.unwrap();
}

#[tokio::test]
async fn service_prints_what_the_service_answers_and_says_of_itself() {
    check("service", SERVICE).await;
}

const STREAMS: &str = "\
Server running!
20.5 degrees
21 degrees
21.5 degrees
attic: there is no thermometer
(2 + 3) * 4 = 20
timeout of 50ms exceeded for send(comm.call)
";

#[tokio::test]
async fn streams_prints_what_comes_what_builds_on_what_and_what_is_late() {
    check("streams", STREAMS).await;
}

const WIDGETS: &str = "\
Server running!
Number on the server widget (A) 123
Number on the server widget (B) 0
Number on the server widget (C through A) 123
";

#[tokio::test]
async fn widgets_prints_the_numbers_that_clients_share() {
    check("widgets", WIDGETS).await;
}

const WIDGETS_AWARE: &str =
    "Server running!\nSlapped (a)? true\nPoked (a)? true\nPoked (b)? false\n";

#[tokio::test]
async fn widgets_aware_prints_who_was_slapped_and_poked() {
    check("widgets_aware", WIDGETS_AWARE).await;
}

const MESSAGE_RESPONSE: &str =
    "Server running!\nMessage received response: Message 'Test message!' received!\n";

#[tokio::test]
async fn message_response_prints_the_answer_to_its_message() {
    check("message_response", MESSAGE_RESPONSE).await;
}

#[tokio::test]
async fn engineer_server_listens_until_it_is_interrupted() {
    let mut command = example("engineer_server");
    command.arg("zmq://127.0.0.1:0/rep").stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert_eq!(within(lines.next_line()).await.unwrap().unwrap(), "Server running ...");
    let pid = server.id().unwrap().to_string();
    let killed = within(Command::new("kill").args(["-INT", &pid]).status()).await.unwrap();
    assert!(killed.success());
    assert!(within(server.wait()).await.unwrap().success());
}

/// What the programs of osBrain print.
const AGENTS: [(&str, &str); 17] = [
    (
        "async_rep",
        concat!(
            "Bob: I am done!\n",
            "Bob: Waiting for Alice to reply...\n",
            "Bob: Processed reply: Hello, Bob!\n",
        ),
    ),
    (
        "async_rep_handler",
        concat!("Bob: I am done!\n", "Bob: I am deaf...\n", "Bob: Processed reply: Hello, Bob!\n",),
    ),
    ("async_rep_timeout", concat!("Bob: I am done!\n", "Bob: No reply received!\n",)),
    ("attributes", concat!("x = 1, y = 2\n", "x = 3, y = 2\n", "attributes: x, y\n",)),
    (
        "closing",
        concat!("connection: true\n", "connection: false\n", "sockets left: 0, running: true\n",),
    ),
    (
        "lambda",
        concat!(
            "Bob: Received 0\n",
            "Bob: Received 1\n",
            "Bob: Received 2\n",
            "Bob: Received 3\n",
            "Bob: Received 4\n",
            "Bob: Received 5\n",
            "Bob: Received 6\n",
            "Bob: Received 7\n",
            "Bob: Received 8\n",
            "Bob: Received 9\n",
        ),
    ),
    (
        "ns_proxy",
        concat!("agents: Agent0, Agent1\n", "Agent0 has `main`: PUSH\n", "Agent1 answers: 42\n",),
    ),
    (
        "oop",
        concat!(
            "Bob: Received: Hello, Bob!\n",
            "Bob: Received: Hello, Bob!\n",
            "Bob: Received: Hello, Bob!\n",
        ),
    ),
    (
        "pub_sub",
        concat!(
            "Bob: Hello, all!\n",
            "Bob: Hello, all!\n",
            "Eve: Hello, all!\n",
            "Eve: Hello, all!\n",
        ),
    ),
    (
        "pub_sub_filter",
        concat!(
            "Bob: a: Hello, a!\n",
            "Bob: b: Hello, b!\n",
            "Dave: b: Hello, b!\n",
            "Eve: a: Hello, a!\n",
            "Bob: c: Hello, c!\n",
        ),
    ),
    (
        "push_pull",
        concat!(
            "Bob: Received: Hello, Bob!\n",
            "Bob: Received: Hello, Bob!\n",
            "Bob: Received: Hello, Bob!\n",
        ),
    ),
    (
        "remote",
        concat!(
            "Alice runs in another process: true\n",
            "Bob: Received: Hello, Bob!\n",
            "Alice has greeted 1 time\n",
        ),
    ),
    (
        "req_rep",
        concat!(
            "Bob: Received 0\n",
            "Bob: Received 1\n",
            "Bob: Received 2\n",
            "Bob: Received 3\n",
            "Bob: Received 4\n",
            "Bob: Received 5\n",
            "Bob: Received 6\n",
            "Bob: Received 7\n",
            "Bob: Received 8\n",
            "Bob: Received 9\n",
        ),
    ),
    ("set_method", "3\n"),
    (
        "shutdown",
        concat!("both tick\n", "Agent0 is gone\n", "Agent1 ticks on\n", "all are gone\n",),
    ),
    (
        "sync_pub",
        concat!(
            "Client-A: Read: \"Publication...\"\n",
            "Client-A: Publisher replied with: \"Received Request from A!\"\n",
            "Client-A: Read: \"Publication...\"\n",
            "Client-B: Read: \"Publication...\"\n",
            "Client-B: Read: \"Publication...\"\n",
        ),
    ),
    (
        "timer",
        concat!(
            "Agent: tick 1\n",
            "Agent: tick 2\n",
            "Agent: tick 3\n",
            "Agent: later\n",
            "1 timer is left: report\n",
        ),
    ),
];

#[tokio::test]
async fn programs_of_osbrain_print_what_they_should_and_end() {
    for (name, expect) in AGENTS {
        check(name, expect).await;
    }
}

const SUPERVISED: &str = "\
worker begins
job 1 is done
job 2 is done
worker begins
job 3 is done
worker begins
job 4 is done
worker begins
supervisor failed: children fail too often; `worker`: `oops` is no number
worker failed: `oops` is no number
";

#[tokio::test]
async fn supervised_goes_on_after_failures_until_they_are_too_many() {
    check("supervised", SUPERVISED).await;
}

#[tokio::test]
async fn simulated_finds_the_bug_by_a_seed_and_none_once_it_is_mended() {
    let mut program = example("simulated");
    program
        .env_remove("GLEIS_SIM_SEED")
        .env_remove("GLEIS_SIM_SEEDS")
        .env_remove("GLEIS_SIM_FIRST");
    let Output { status, stdout, stderr } = within(program.output()).await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success() && stderr.is_empty(), "{stdout}{stderr}");
    // Which seed finds it is a matter of how much everything takes.
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{stdout}");
    assert_eq!(lines[0], "a calm day: the books are right");
    assert!(lines[1].starts_with("the first version: in seed "), "{stdout}");
    assert_eq!(lines[2], "the same seed again: the same to the last event");
    assert_eq!(lines[3], "the mended version: the books are right in 100 seeds");
}

const DEADLOCK: &str = "\
orders would ask stock, stock would ask billing, and billing would ask orders
a deadlock: orders -> stock -> billing -> orders
told, and nobody waits
";

#[tokio::test]
async fn deadlock_tells_who_would_wait_for_whom() {
    check("deadlock", DEADLOCK).await;
}

const POOL: &str = "\
all answer: 2, 4, 6
a quorum of 3: 2 answers
one after the other: worker-1, worker-2, worker-3, worker-1
the key \"Alice\" always is with the same one: true
";

#[tokio::test]
async fn pool_prints_what_all_and_what_one_answers() {
    check("pool", POOL).await;
}

const BARRIER: &str = "\
round 0: 3 are there, 1 of them last
round 1: 3 are there, 1 of them last
2 of 3 came within 200ms
the barrier is broken: somebody waited in vain
round 3: 3 are there, 1 of them last
";

#[tokio::test]
async fn barrier_prints_who_met_and_who_waited_in_vain() {
    check("barrier", BARRIER).await;
}
