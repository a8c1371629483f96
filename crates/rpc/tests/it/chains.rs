//! Calls that build on the results of calls that are not answered yet.

use std::sync::Arc;
use std::time::Duration;

use gleis_core::Value;
use gleis_rpc::{Client, Link, Message, RpcError, Server, ServerBuilder};
use gleis_test::wait::{tasks_down_to, within};
use tokio::sync::{Semaphore, mpsc};

fn calculator() -> ServerBuilder {
    Server::new()
        .expose("add", ["a", "b"], async |(a, b): (i64, i64)| {
            tokio::task::yield_now().await;
            Ok::<_, String>(a + b)
        })
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .expose("fail", [], async |()| Err::<i64, _>("Abandon ship!"))
        .expose("never", [], async |()| std::future::pending::<Result<i64, String>>().await)
        .expose("repeat", ["text", "n"], async |(text, n): (String, usize)| {
            Ok::<_, String>(text.repeat(n))
        })
        .expose("length", ["texts"], async |(texts,): (Vec<String>,)| {
            Ok::<_, String>(texts.iter().map(String::len).sum::<usize>())
        })
        .expose("text", ["a", "b"], async |(a, b): (String, Option<String>)| {
            Ok::<_, String>(a.len() + b.map_or(0, |it| it.len()))
        })
}

#[tokio::test]
async fn a_call_takes_a_result_that_has_not_arrived() {
    let (_server, client) = super::calls::both(calculator()).await;
    let sum = within(client.begin::<i64>("add", (1, 2))).await.unwrap();
    let product = within(client.begin::<i64>("multiply", (sum.result(), 3))).await.unwrap();
    assert_eq!(within(product).await.unwrap(), 9);
    assert_eq!(within(sum).await.unwrap(), 3);
    // Twice, in any place, by a plain call, and by name.
    let a = within(client.begin::<i64>("add", (4, 0))).await.unwrap();
    let b = within(client.begin::<i64>("add", (a.result(), a.result()))).await.unwrap();
    assert_eq!(within(client.call::<i64>("multiply", (b.result(), a.result()))).await.unwrap(), 32);
    let named = [("b".to_owned(), gleis_core::to_value(&b.result()).unwrap())].into();
    let named = client.call_named::<i64>("multiply", vec![2.into()], named);
    assert_eq!(within(named).await.unwrap(), 16);
    // What is answered is kept for a while.
    assert_eq!(within(a).await.unwrap(), 4);
    assert_eq!(within(client.call::<i64>("add", (b.result(), 1))).await.unwrap(), 9);
}

#[tokio::test]
async fn there_is_no_round_trip_between_calls_that_build_on_each_other() {
    // A server that takes everything before it answers anything.
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let (tell, mut told) = mpsc::channel(8);
    let open = Arc::new(Semaphore::new(0));
    let answering = open.clone();
    link.on("receive", move |received| {
        let (tell, open) = (tell.clone(), answering.clone());
        async move {
            let name = received.message.data.as_str().unwrap_or_default().to_owned();
            if name == "obtain_client_id" {
                let mut answer = Message::new("$");
                answer.meta.insert("knows".to_owned(), Value::List(vec!["keep".into()]));
                return received.respond(answer).await.unwrap();
            }
            tell.send(received.message.clone()).await.unwrap();
            let _ = open.acquire().await.unwrap();
            received.respond(Message::new(1)).await.unwrap();
        }
    })
    .keep();
    let client = Client::connect(link.url("main").unwrap().twin()).await.unwrap();
    let first = within(client.begin::<i64>("first", ())).await.unwrap();
    let second = within(client.begin::<i64>("second", (first.result(), "x"))).await.unwrap();
    let came = [within(told.recv()).await.unwrap(), within(told.recv()).await.unwrap()];
    assert_eq!(came[0].meta["keep"], Value::from(true));
    let results = came[1].meta["results"].as_map().unwrap();
    assert_eq!(results["0"].as_str().unwrap(), came[0].id());
    assert_eq!(came[1].args, [Value::Null, "x".into()]);
    open.add_permits(2);
    assert_eq!(within(second).await.unwrap(), 1);
}

#[tokio::test]
async fn what_fails_fails_what_builds_on_it_and_says_so() {
    let (_server, client) = super::calls::both(calculator()).await;
    let failed = within(client.begin::<i64>("fail", ())).await.unwrap();
    let on_it = within(client.begin::<i64>("add", (failed.result(), 1))).await.unwrap();
    let on_that = within(client.begin::<i64>("add", (on_it.result(), 1))).await.unwrap();
    let text = "the call that this one builds on failed: ";
    assert_eq!(within(on_it).await.unwrap_err().to_string(), format!("{text}Abandon ship!"));
    let error = within(on_that).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{text}{text}Abandon ship!"));
    assert_eq!(within(failed).await.unwrap_err().to_string(), "Abandon ship!");
    // Of another type than is wanted.
    let text = within(client.begin::<String>("repeat", ("x", 3))).await.unwrap();
    let error = within(client.call::<i64>("add", (text.result(), 1))).await.unwrap_err();
    assert!(error.to_string().starts_with("wrong arguments"), "{error}");
    // Given up while another waits for it.
    let never = within(client.begin::<i64>("never", ())).await.unwrap();
    let waiting = within(client.begin::<i64>("add", (never.result(), 1))).await.unwrap();
    let result = never.result();
    drop(never);
    let error = within(waiting).await.unwrap_err();
    assert_eq!(error.to_string(), "the call that this one builds on was given up");
    let error = within(client.call::<i64>("add", (result, 1))).await.unwrap_err();
    assert!(error.to_string().contains("is kept (any more)"), "{error}");
}

#[tokio::test]
async fn time_passes_for_what_is_begun_and_what_builds_on_it() {
    let (_server, client) = super::calls::both(calculator()).await;
    let hurried = client.clone().within(Duration::from_millis(200));
    let never = within(hurried.begin::<i64>("never", ())).await.unwrap();
    let waiting = within(hurried.begin::<i64>("add", (never.result(), 1))).await.unwrap();
    let patient = within(client.begin::<i64>("add", (never.result(), 1))).await.unwrap();
    // Its own time is over, or that of what it builds on, whichever is heard of first.
    let error = within(waiting).await.unwrap_err();
    let is_late = matches!(error, RpcError::TimedOut { .. });
    let is_given_up = |it: &str| {
        it.starts_with("the call that this one builds on") || it.contains("is kept (any more)")
    };
    assert!(is_late || is_given_up(&error.to_string()), "{error}");
    let error = within(never).await.unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. }), "{error}");
    let error = within(patient).await.unwrap_err().to_string();
    assert!(is_given_up(&error), "{error}");
}

#[tokio::test]
async fn a_result_is_a_whole_argument_or_an_error_here() {
    let (_server, client) = super::calls::both(calculator()).await;
    let text = within(client.begin::<String>("repeat", ("x", 3))).await.unwrap();
    let args = (vec![text.result()],);
    let error = within(client.call::<usize>("length", args)).await.unwrap_err();
    assert!(error.to_string().contains("an argument as a whole"), "{error}");
    assert_eq!(within(client.call::<usize>("text", (text.result(), "ab"))).await.unwrap(), 5);
    assert_eq!(within(text).await.unwrap(), "xxx");
}

#[tokio::test]
async fn nobody_builds_on_what_is_not_kept_or_not_his() {
    let (server, client) = super::calls::both(calculator()).await;
    let other = Client::connect(server.url().twin()).await.unwrap();
    let sum = within(client.begin::<i64>("add", (1, 2))).await.unwrap();
    let error = within(other.call::<i64>("add", (sum.result(), 1))).await.unwrap_err();
    assert!(error.to_string().starts_with("no result of a call '"), "{error}");
    assert_eq!(within(client.call::<i64>("add", (sum.result(), 1))).await.unwrap(), 4);
    let ask = async |meta: &[(&str, Value)], args: &[Value]| {
        let mut message = Message { args: args.to_vec(), ..Message::new("add") };
        message.meta.extend(meta.iter().map(|it| (it.0.to_owned(), it.1.clone())));
        let answer = within(client.link().send_and_wait("comm.call", message)).await;
        answer.map(|it| it.data).map_err(|it| it.to_string())
    };
    let results =
        |name: &str, id: &str| ("results", Value::Map([(name.to_owned(), Value::from(id))].into()));
    let kept = |id: &str| [("id", Value::from(id)), ("keep", Value::from(true))];
    let one = [Value::Null, 1.into()];
    assert_eq!(ask(&kept("x"), &[1.into(), 2.into()]).await, Ok(3.into()));
    // The id is free again after a while only.
    let error = ask(&kept("x"), &[1.into(), 2.into()]).await.unwrap_err();
    assert_eq!(error, "a call whose result is kept needs an id of its own");
    for name in ["2", "99999999999999999999999", "-1", "b", ""] {
        let error = ask(&[results(name, "x")], &one).await.unwrap_err();
        assert_eq!(error, format!("there is no argument '{name}'"));
    }
    assert_eq!(ask(&[results("0", "x")], &one).await, Ok(4.into()));
    for nonsense in [Value::Null, 5.into(), "x".into(), Value::List(vec!["x".into()])] {
        let error = ask(&[("results", nonsense)], &one).await.unwrap_err();
        assert_eq!(error, "'results' names arguments and calls");
    }
    let none = "no result of a call 'y' is kept (any more)";
    assert_eq!(ask(&[results("0", "y")], &one).await.unwrap_err(), none);
    // Nor on itself.
    let [id, keep] = kept("y");
    assert_eq!(ask(&[id, keep, results("0", "y")], &one).await.unwrap_err(), none);
    let error = ask(&kept(""), &[1.into(), 2.into()]).await.unwrap_err();
    assert_eq!(error, "a call whose result is kept needs an id of its own");
}

#[tokio::test]
async fn no_more_is_kept_than_there_is_room_for() {
    let (_server, client) = super::calls::both(calculator()).await;
    let begin = async |method: &str| within(client.begin::<i64>(method, ())).await.unwrap();
    let mut never = Vec::new();
    for _ in 0..64 {
        never.push(begin("never").await);
    }
    let error = within(begin("never").await).await.unwrap_err();
    assert_eq!(error.to_string(), "too many calls whose results are kept: 64 are allowed");
    never.truncate(10);
    // The oldest result goes for a new one.
    let mut sums = Vec::new();
    for n in 0..60 {
        let sum = within(client.begin::<i64>("add", (n, n))).await.unwrap();
        sums.push(sum.result());
        assert_eq!(within(sum).await.unwrap(), 2 * n);
    }
    let add = async |of: &gleis_rpc::ResultOf| {
        within(client.call::<i64>("add", (of, 1))).await.map_err(|it| it.to_string())
    };
    assert!(add(&sums[0]).await.unwrap_err().contains("is kept (any more)"));
    assert_eq!(add(&sums[59]).await, Ok(119));
    // Large ones, too; one that is larger than all that there may be is none.
    let large = within(client.begin::<String>("repeat", ("x", 3_000_000))).await.unwrap();
    let larger = within(client.begin::<String>("repeat", ("x", 3_000_001))).await.unwrap();
    let length = client.call::<usize>("text", (larger.result(), "a"));
    assert_eq!(within(length).await.unwrap(), 3_000_002);
    let error = client.call::<usize>("text", (larger.result(), larger.result()));
    let error = within(error).await.unwrap_err();
    assert_eq!(error.to_string(), "the results that this call builds on are too large");
    let error = within(client.call::<usize>("text", (large.result(), "a"))).await.unwrap_err();
    assert!(error.to_string().contains("is kept (any more)"), "{error}");
    let largest = within(client.begin::<String>("repeat", ("x", 5_000_000))).await.unwrap();
    let error = within(client.call::<usize>("text", (largest.result(), "a"))).await.unwrap_err();
    assert!(error.to_string().ends_with("its result is too large to be kept"), "{error}");
    assert_eq!(within(largest).await.unwrap().len(), 5_000_000);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_dropped_after_a_while_and_when_its_caller_goes() {
    let server = calculator().listen("zmq://kept/rep?transport=inproc").await.unwrap();
    let n_tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let client = Client::connect(server.url().twin()).await.unwrap();
    client.id().await.unwrap();
    let before = n_tasks();
    let sum = client.begin::<i64>("add", (1, 2)).await.unwrap();
    let result = sum.result();
    assert_eq!(sum.await.unwrap(), 3);
    // Not synchronisation: the clock is stopped, and this is what is tested.
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(client.call::<i64>("add", (&result, 1)).await.unwrap(), 4);
    // Not synchronisation: as above.
    tokio::time::sleep(Duration::from_secs(12)).await;
    client.call::<i64>("add", (&result, 1)).await.unwrap_err();
    // Nothing looks after what is not there.
    tasks_down_to(before).await;
    let _sum = client.begin::<i64>("add", (1, 2)).await.unwrap().await.unwrap();
    assert_eq!(n_tasks(), before + 1);
    client.link().disconnect().await;
    tasks_down_to(before - 1).await;
}

#[tokio::test]
async fn a_server_of_xbahn_is_not_asked_to_keep_anything() {
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    link.on("receive", async |received| {
        received.respond(Message::new("$")).await.unwrap();
    })
    .keep();
    let client = Client::connect(link.url("main").unwrap().twin()).await.unwrap();
    let error = within(client.begin::<i64>("add", (1, 2))).await.unwrap_err();
    assert_eq!(error.to_string(), "the other side knows no calls that build on each other");
    let (_server, other) = super::calls::both(calculator()).await;
    let sum = within(other.begin::<i64>("add", (1, 2))).await.unwrap();
    let error = within(client.call::<i64>("add", (sum.result(), 2))).await.unwrap_err();
    assert!(matches!(error, RpcError::Unable { .. }), "{error}");
}

#[tokio::test]
async fn nobody_there_is_an_error_of_what_is_begun() {
    let (server, client) = super::calls::both(calculator()).await;
    let sum = within(client.begin::<i64>("add", (1, 2))).await.unwrap();
    assert_eq!(within(sum).await.unwrap(), 3);
    let never = within(client.begin::<i64>("never", ())).await.unwrap();
    drop(server);
    let error = within(never).await.unwrap_err();
    assert!(matches!(error, RpcError::Unreachable { .. }), "{error}");
    let hurried = client.clone().within(Duration::from_millis(50));
    let error = within(hurried.begin::<i64>("add", (1, 2))).await.unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. } | RpcError::Unreachable { .. }), "{error}");
    client.link().disconnect().await;
    let error = within(client.begin::<i64>("add", (1, 2))).await.unwrap_err();
    assert!(matches!(error, RpcError::Closed), "{error}");
}

#[tokio::test]
async fn long_chains_of_many_clients_give_what_they_should() {
    let (server, _) = super::calls::both(calculator()).await;
    let clients = (0..10_i64).map(|n| {
        let url = server.url().twin();
        async move {
            let client = Client::connect(url).await.unwrap();
            let mut last = client.begin::<i64>("add", (n, 0)).await.unwrap();
            for _ in 0..80 {
                let next = client.begin::<i64>("add", (last.result(), 1)).await.unwrap();
                // What it builds on must not be given up before.
                let before = std::mem::replace(&mut last, next);
                before.await.unwrap();
            }
            assert_eq!(last.await.unwrap(), n + 80);
            let mut chain = vec![client.begin::<i64>("add", (n, 0)).await.unwrap()];
            for at in 0..60 {
                let next = client.begin::<i64>("add", (chain[at].result(), 1)).await.unwrap();
                chain.push(next);
            }
            for (at, one) in (n..).zip(chain) {
                assert_eq!(one.await.unwrap(), at);
            }
        }
    });
    within(futures::future::join_all(clients)).await;
}
