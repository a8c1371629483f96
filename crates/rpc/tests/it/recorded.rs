//! What Python's xbahn was recorded to say, said to a server: it answers as xbahn does.

use bytes::Bytes;
use gleis_patterns::{Replier, Requester};
use gleis_rpc::{
    Client, Command, CommandArgs, Link, Message, Server, ServerBuilder, Widget, WidgetRef,
};
use gleis_test::wait::within;
use serde_json::Value;

const RECORDED: &str = include_str!("../../../../docs/wire-xbahn.md");

/// The requests of a section and their answers, where they begin with `req`.
#[track_caller]
fn section(title: &str) -> Vec<(&'static str, Value)> {
    let head = format!("\n## {title}\n");
    let (_, text) = RECORDED.split_once(&head).unwrap();
    let text = text.split("\n## ").next().unwrap();
    let marked = |mark| text.lines().filter_map(move |it| it.strip_prefix(mark));
    let answers = marked("req < ").map(|it| serde_json::from_str(it).unwrap());
    let pairs: Vec<_> = marked("req > ").zip(answers).collect();
    assert!(!pairs.is_empty(), "{title}");
    pairs
}

/// Asks as xbahn did; ids of answers are their own, and a key is not told to those who may not have it.
async fn check(link: &Link, talk: &[(&str, Value)]) {
    let endpoint = link.url("main").unwrap().endpoint;
    let asker = Requester::<Bytes, Bytes>::connect(endpoint).await.unwrap();
    for (request, recorded) in talk {
        let answer = within(asker.request(Bytes::copy_from_slice(request.as_bytes()))).await;
        let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
        let said = [answer, recorded.clone()].map(|mut it| {
            let meta = it["meta"].as_object_mut().unwrap();
            assert!(meta.remove("id").is_some_and(|it| it.is_string()));
            meta.remove("auth");
            it
        });
        assert_eq!(said[0], said[1], "{request}");
    }
}

async fn server(builder: ServerBuilder) -> Server {
    let builder = builder
        .name("Plain")
        .expose("ping", [], async |()| Ok::<_, String>("pong!"))
        .expose("multiply", ["a", "b"], async |(a, b): (i64, i64)| Ok::<_, String>(a * b))
        .expose("fail", [], async |()| Err::<(), _>("Abandon ship!"));
    builder.listen("zmq://127.0.0.1:0/rep").await.unwrap()
}

#[tokio::test]
async fn recorded_messages_are_answered_as_by_xbahn() {
    let link = Link::listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let _answering = link.on("receive_ask", async |it| {
        let text = format!("Message '{}' received!", it.message.data.as_str().unwrap());
        it.respond(Message::new(text)).await.unwrap();
    });
    check(&link, &section("Messages")).await;
}

#[tokio::test]
async fn recorded_calls_are_answered_as_by_xbahn() {
    let server = server(Server::new()).await;
    // A method of any arguments is none of ours, and Python has its own words for missing ones.
    let is_ours = |(_, answer): &(&str, Value)| {
        let error = answer["meta"]["error"].as_str().unwrap_or_default();
        !answer["data"].is_array() && !error.contains("missing 1 required")
    };
    let talk: Vec<_> = section("Calls").into_iter().filter(is_ours).collect();
    assert_eq!(talk.len(), section("Calls").len() - 2);
    check(server.link(), &talk).await;
}

#[tokio::test]
async fn recorded_keys_are_answered_as_by_xbahn() {
    let server = server(Server::new().key("open sesame")).await;
    check(server.link(), &section("Keys")).await;
}

/// Keeps a number, and whether it was poked.
fn demo() -> Widget<(i64, bool)> {
    type Demo = WidgetRef<(i64, bool)>;
    Widget::new(|init| (init.get("num").unwrap_or(0), false))
        .expose("set_number", ["num"], async |it: Demo, (num,): (i64,)| {
            it.lock().0 = num;
            Ok::<_, String>(())
        })
        .expose("get_number", [], async |it: Demo, ()| Ok::<_, String>(it.lock().0))
        .expose("poked", [], async |it: Demo, ()| Ok::<_, String>(it.lock().1))
        .expose("poke", [], async |it: Demo, ()| {
            it.lock().1 = true;
            it.call::<gleis_rpc::Value>("slap", ()).await.map(drop)
        })
}

#[tokio::test]
async fn recorded_widgets_are_answered_as_by_xbahn() {
    let server = server(Server::new().widget("demo", demo())).await;
    let talk = section("Widgets");
    let is_lost = |(_, answer): &(&str, Value)| answer["meta"]["error"] == LOST;
    let lost = talk.iter().position(is_lost).unwrap();
    check(server.link(), &talk[..lost]).await;
    // There the server of xbahn had lost its widgets.
    let client = Client::connect(server.url().twin()).await.unwrap();
    within(client.call::<bool>("detach_remote", ("$.widget_a", "demo"))).await.unwrap();
    check(server.link(), &talk[lost..]).await;
}

const LOST: &str = "Widget instance not found on server (1)";

#[tokio::test]
async fn recorded_commands_are_answered_as_by_xbahn() {
    let server = Server::new()
        .command("status", Command::new(), async |_| Ok::<_, String>("ok"))
        .command(
            "do_something",
            // As Python before 3.13 gives it: with its indentation.
            Command::new()
                .description("\n        Do the task specified in [WHAT]\n        ")
                .argument("what"),
            async |args: CommandArgs| {
                Ok::<_, String>(format!("did {}", args["what"].as_str().unwrap_or_default()))
            },
        )
        .command(
            "show",
            Command::new().flag("--extra/--no-extra", "include extra info"),
            async |args: CommandArgs| {
                let is_extra = args["extra"].as_bool() == Some(true);
                let shown = if is_extra { &["Basic", "Extra!!"][..] } else { &["Basic"] };
                Ok::<_, String>(shown.to_vec())
            },
        );
    let server = server.listen("zmq://127.0.0.1:0/rep").await.unwrap();
    check(server.link(), &section("Engineer")).await;
}

#[tokio::test]
async fn recorded_calls_in_both_directions_are_made_as_by_xbahn() {
    let clients = std::sync::Arc::new(parking_lot::Mutex::new(Vec::<gleis_rpc::ClientRef>::new()));
    let (known, touched) = (clients.clone(), clients);
    let builder = Server::new()
        .widget("demo", demo())
        .on_new_client(move |client| {
            known.lock().push(client);
            async {}
        })
        .expose("touch_all", [], move |()| {
            let all = touched.lock().clone();
            async move {
                for client in all {
                    client.call::<bool>("touch", ("all",)).await?;
                }
                Ok::<_, gleis_rpc::RpcError>(())
            }
        });
    let server = server(builder).await;
    let back = Replier::<Bytes, Bytes>::bind("tcp://127.0.0.1:0").await.unwrap();
    let at = back.endpoint().to_string().replace("tcp://", "");
    let requester = Requester::<Bytes, Bytes>::connect(server.url().endpoint).await.unwrap();
    let ours = |text: &str, id: &str| text.replace("127.0.0.1:7051", &at).replace("CLIENT", id);

    let lines = lines("Both ways");
    let mut id = "CLIENT".to_owned();
    let mut lines = lines.iter().peekable();
    while let Some((mark, text)) = lines.next() {
        assert_eq!(*mark, "req >");
        let request = Bytes::from(ours(text, &id));
        let asked = requester.request(request);
        tokio::pin!(asked);
        // What it has called here meanwhile.
        while lines.peek().is_some_and(|it| it.0 == "back >") {
            let (_, call) = lines.next().unwrap();
            let (_, answer) = lines.next().unwrap();
            let (came, reply) = tokio::select! {
                came = within(back.recv()) => came.unwrap(),
                answer = &mut asked => panic!("{answer:?} instead of {call}"),
            };
            let came: Value = serde_json::from_slice(&came).unwrap();
            let call: Value = serde_json::from_str(&ours(call, &id)).unwrap();
            assert_eq!(without_id(came.clone()), without_id(call));
            let mut answer: Value = serde_json::from_str(&ours(answer, &id)).unwrap();
            answer["meta"]["response_id"] = came["meta"]["id"].clone();
            reply.send(Bytes::from(answer.to_string())).await.unwrap();
        }
        let answer: Value = serde_json::from_slice(&within(asked).await.unwrap()).unwrap();
        if id == "CLIENT" {
            answer["data"].as_str().unwrap().clone_into(&mut id);
        }
        let (_, recorded) = lines.next().unwrap();
        let recorded: Value = serde_json::from_str(&ours(recorded, &id)).unwrap();
        assert_eq!(without_id(answer), without_id(recorded), "{text}");
    }
}

/// All lines of a section with their marks.
fn lines(title: &str) -> Vec<(&'static str, &'static str)> {
    let head = format!("\n## {title}\n");
    let (_, text) = RECORDED.split_once(&head).unwrap();
    let text = text.split("\n## ").next().unwrap();
    let marks = ["req >", "req <", "back >", "back <"];
    let line = |line: &'static str| {
        marks.iter().find_map(|mark| Some((*mark, line.strip_prefix(mark)?.trim())))
    };
    text.lines().filter_map(line).collect()
}

fn without_id(mut message: Value) -> Value {
    message["meta"].as_object_mut().unwrap().remove("id");
    message
}
