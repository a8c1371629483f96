//! Calls that are given up, and calls whose time is over: nobody works on for nobody, however deep.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gleis_core::Value;
use gleis_rpc::{Call, Client, Link, Message, RpcError, Server, ServerBuilder};
use gleis_test::wait::{eventually, tasks_down_to, within};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Says that it is dropped.
struct Guard(mpsc::UnboundedSender<&'static str>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// A server that says when work begins and when it is dropped; nothing it does ever ends.
fn never(tell: mpsc::UnboundedSender<&'static str>) -> ServerBuilder {
    Server::new().expose_with("never", [], move |call: Call, ()| {
        let tell = tell.clone();
        async move {
            let _guard = Guard(tell.clone());
            assert!(call.left().is_some());
            let _ = tell.send("begun");
            std::future::pending::<Result<(), String>>().await
        }
    })
}

/// A server that hands a call on to the next one.
async fn hop(next: Client) -> (Server, Client) {
    let server = Server::new().expose("never", [], move |()| {
        let next = next.clone();
        async move { next.call::<()>("never", ()).await }
    });
    super::calls::both(server).await
}

async fn told(heard: &mut mpsc::UnboundedReceiver<&'static str>) -> &'static str {
    within(heard.recv()).await.unwrap()
}

#[tokio::test]
async fn a_caller_that_gives_up_ends_the_work_three_servers_deep() {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let (_third, third) = super::calls::both(never(tell)).await;
    let (_second, second) = hop(third).await;
    let (_first, first) = hop(second).await;
    let calling = tokio::spawn(async move { first.call::<()>("never", ()).await });
    assert_eq!(told(&mut heard).await, "begun");
    calling.abort();
    assert_eq!(told(&mut heard).await, "dropped");
}

#[tokio::test]
async fn a_deadline_holds_for_the_third_server_too() {
    let left = Arc::new(Mutex::new(None));
    let noted = left.clone();
    let server = Server::new().expose_with("never", [], move |call: Call, ()| {
        *noted.lock() = call.left();
        std::future::pending::<Result<(), String>>()
    });
    let (_third, third) = super::calls::both(server).await;
    let (_second, second) = hop(third).await;
    let (_first, first) = hop(second).await;
    let start = Instant::now();
    let hurried = first.clone().within(Duration::from_millis(100));
    let error = within(hurried.call::<()>("never", ())).await.unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. }), "{error}");
    assert!(Duration::from_millis(100) <= start.elapsed());
    let left = left.lock().unwrap();
    assert!(left <= Duration::from_millis(100), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_method_is_dropped_when_the_time_of_its_call_is_over() {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let server = never(tell).listen("zmq://late/rep?transport=inproc").await.unwrap();
    let link = Link::connect(server.url().twin()).await.unwrap();
    // Nobody who would give it up: the server does it by itself.
    let mut message = Message::new("never");
    message.meta.insert("within".to_owned(), Value::from(100));
    let start = Instant::now();
    let error = link.send_and_wait("comm.call", message).await.unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. }), "{error}");
    assert_eq!(start.elapsed().as_millis(), 100);
    assert_eq!((told(&mut heard).await, told(&mut heard).await), ("begun", "dropped"));
}

#[tokio::test]
async fn one_who_says_no_time_is_served_as_ever_and_nonsense_is_none() {
    let server = Server::new().expose_with("left", [], async |call: Call, ()| {
        tokio::task::yield_now().await;
        Ok::<_, String>(call.left().is_some())
    });
    let (_server, client) = super::calls::both(server).await;
    let ask = async |said: Option<Value>| {
        let mut message = Message::new("left");
        message.meta.extend(said.map(|it| ("within".to_owned(), it)));
        let answer = within(client.link().send_and_wait("comm.call", message)).await;
        answer.map(|it| (it.data, it.meta.contains_key("knows")))
    };
    for nothing in [Value::Null, "100".into(), Value::from(-1), Value::from(0.5)] {
        assert_eq!(ask(Some(nothing)).await.unwrap(), (false.into(), false));
    }
    assert_eq!(ask(None).await.unwrap(), (false.into(), false));
    for much in [u64::MAX, i64::MAX as u64, 1_000_000] {
        ask(Some(much.into())).await.unwrap();
    }
    let error = ask(Some(0.into())).await.unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn only_one_who_says_how_long_he_waits_is_told_what_else_there_is() {
    let (_server, client) = super::calls::both(Server::new()).await;
    for is_said in [true, false] {
        let mut message = Message::new("obtain_client_id");
        message.meta.extend(is_said.then(|| ("within".to_owned(), Value::from(1_000))));
        let answer = within(client.link().send_and_wait("comm.call", message)).await.unwrap();
        assert_eq!(answer.meta.contains_key("knows"), is_said);
    }
}

#[tokio::test]
async fn nobody_gives_up_the_call_of_another() {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let (server, _client) = super::calls::both(never(tell)).await;
    let asking = Link::connect(server.url().twin()).await.unwrap();
    let mut message = Message::new("never");
    message.meta.insert("within".to_owned(), Value::from(60_000));
    let id = message.id().to_owned();
    let other = Link::connect(server.url().twin()).await.unwrap();
    let cancel = async |link: &Link, id: &str| {
        let cancel = Message::new("cancel_call").arg(id);
        within(link.send_and_wait("comm.call", cancel)).await.unwrap().data
    };
    let asked = asking.clone();
    let call = tokio::spawn(async move { asked.send_and_wait("comm.call", message).await });
    assert_eq!(told(&mut heard).await, "begun");
    assert_eq!(cancel(&other, &id).await, Value::from(false));
    for nonsense in ["", "x"] {
        assert_eq!(cancel(&asking, nonsense).await, Value::from(false));
    }
    assert_eq!(cancel(&asking, &id).await, Value::from(true));
    assert_eq!(told(&mut heard).await, "dropped");
    let error = within(call).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the call was given up");
    // What is answered cannot be given up.
    assert_eq!(cancel(&asking, &id).await, Value::from(false));
}

#[tokio::test]
async fn a_caller_that_vanishes_ends_the_work_for_it() {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let (server, _client) = super::calls::both(never(tell)).await;
    let link = Link::connect(server.url().twin()).await.unwrap();
    let mut message = Message::new("never");
    message.meta.insert("within".to_owned(), Value::from(60_000));
    let asked = link.clone();
    let call = tokio::spawn(async move { asked.send_and_wait("comm.call", message).await });
    assert_eq!(told(&mut heard).await, "begun");
    link.disconnect().await;
    assert_eq!(told(&mut heard).await, "dropped");
    within(call).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_server_that_gives_up_a_call_of_its_client_ends_it_there() {
    for elsewhere in [false, true] {
        let (tell, mut heard) = mpsc::unbounded_channel();
        let server = Server::new()
            .aware()
            .expose_with("relay", [], async |call: Call, ()| {
                call.client().unwrap().call::<()>("never", ()).await
            })
            .listen("zmq://127.0.0.1:0/rep")
            .await
            .unwrap();
        let client = Client::new().expose_with("never", [], move |call: Call, ()| {
            let tell = tell.clone();
            async move {
                let _guard = Guard(tell.clone());
                assert!(call.left().unwrap() <= Duration::from_secs(10));
                let _ = tell.send("begun");
                std::future::pending::<Result<(), String>>().await
            }
        });
        let url = server.url().twin();
        let client = match elsewhere {
            true => client.connect_with_responder(url, "zmq://127.0.0.1:0/rep").await.unwrap(),
            false => client.connect(url).await.unwrap(),
        };
        let asking = client.clone();
        let call = tokio::spawn(async move { asking.call::<()>("relay", ()).await });
        assert_eq!(told(&mut heard).await, "begun");
        // The client gives up what it asked for, so the server gives up what it asked the client for.
        call.abort();
        assert_eq!(told(&mut heard).await, "dropped");
        within(client.close()).await;
    }
}

#[tokio::test]
async fn an_old_server_hears_nothing_of_calls_that_are_given_up() {
    // It answers as xbahn does, and knows nothing else.
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let (tell, mut heard) = mpsc::unbounded_channel();
    link.on("receive", move |received| {
        let tell = tell.clone();
        async move {
            let name = received.message.data.as_str().unwrap_or_default().to_owned();
            match &name[..] {
                "obtain_client_id" => received.respond(Message::new("$")).await.unwrap(),
                "slow" => {
                    let _ = tell.send(name);
                    std::future::pending::<()>().await;
                }
                _ => received.respond(Message::new(name)).await.unwrap(),
            }
        }
    })
    .keep();
    let names = Arc::new(Mutex::new(Vec::new()));
    let seen = names.clone();
    link.on("receive", move |received| {
        seen.lock().push(received.message.data.clone());
        async {}
    })
    .keep();
    let client = Client::connect(link.url("main").unwrap().twin()).await.unwrap();
    let asking = client.clone();
    let call = tokio::spawn(async move { asking.call::<Value>("slow", ()).await });
    assert_eq!(within(heard.recv()).await.unwrap(), "slow");
    call.abort();
    let hurried = client.clone().within(Duration::from_millis(20));
    within(hurried.call::<Value>("slow", ())).await.unwrap_err();
    assert_eq!(within(client.call::<String>("echo", ())).await.unwrap(), "echo");
    let names: Vec<_> = names.lock().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["obtain_client_id", "echo"]);
}

#[tokio::test]
async fn goodbye_is_heard_to_the_end_though_whoever_says_it_is_gone() {
    let gone = Arc::new(tokio::sync::Semaphore::new(0));
    let (go, told) = (gone.clone(), Arc::new(Mutex::new(false)));
    let done = told.clone();
    let server = Server::new()
        .aware()
        .on_client_gone(move |_| {
            let (go, done) = (go.clone(), done.clone());
            async move {
                let _ = go.acquire().await;
                *done.lock() = true;
            }
        })
        .listen("zmq://127.0.0.1:0/rep")
        .await
        .unwrap();
    let link = Link::connect(server.url().twin()).await.unwrap();
    let say = |name: &str| {
        let mut message = Message::new(name);
        let said = [("client", "x".into()), ("back", true.into()), ("within", 5_000.into())];
        message.meta.extend(said.map(|(name, value): (&str, Value)| (name.to_owned(), value)));
        message
    };
    within(link.send_and_wait("comm.call", say("answer_call"))).await.unwrap_err();
    assert_eq!(server.clients().len(), 1);
    let leaving = link.clone();
    let bye = tokio::spawn(async move { leaving.send_and_wait("comm.call", say("bye")).await });
    eventually(|| server.clients().is_empty()).await;
    link.disconnect().await;
    within(bye).await.unwrap().unwrap_err();
    gone.add_permits(1);
    eventually(|| *told.lock()).await;
}

#[tokio::test]
async fn given_up_calls_leave_nothing_behind() {
    let n_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    {
        let (tell, mut heard) = mpsc::unbounded_channel();
        let (_server, client) = super::calls::both(never(tell)).await;
        // More than a link works on at once, so places are given free again.
        for _ in 0..6 {
            let calls: Vec<_> = (0..100)
                .map(|_| {
                    let client = client.clone();
                    tokio::spawn(async move { client.call::<()>("never", ()).await })
                })
                .collect();
            for _ in 0..100 {
                assert_eq!(told(&mut heard).await, "begun");
            }
            calls.iter().for_each(|it| it.abort());
            for _ in 0..100 {
                assert_eq!(told(&mut heard).await, "dropped");
            }
        }
        let none = BTreeMap::new();
        let error = within(client.call_named::<Value>("x", vec![], none)).await.unwrap_err();
        assert!(error.to_string().contains("not exposed"), "{error}");
    }
    within(tasks_down_to(n_tasks)).await;
}

#[tokio::test]
async fn who_has_less_time_does_not_wait_as_long_as_others_for_the_first_answer() {
    // It takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("zmq://{}/req", silent.local_addr().unwrap());
    let client = Client::connect(&*url).await.unwrap();
    let patient = tokio::spawn({
        let client = client.clone().within(Duration::from_secs(3600));
        async move { client.call::<u64>("one", ()).await }
    });
    tokio::task::yield_now().await;
    let hurried = client.within(Duration::from_millis(100));
    let error = within(hurried.call::<u64>("one", ())).await.unwrap_err();
    assert!(matches!(error, RpcError::TimedOut { .. }), "{error}");
    patient.abort();
}
