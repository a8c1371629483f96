//! Widgets: shared by all clients, or each client its own.

use std::time::Duration;

use gleis_core::Value;
use gleis_rpc::{Client, Init, RpcError, Server, ServerBuilder, Widget, WidgetRef};
use gleis_test::wait::{eventually, tasks_down_to, within};

/// Keeps a number.
#[derive(Debug, Default)]
struct Demo {
    num: i64,
    poked: bool,
    slapped: bool,
}

fn demo() -> Widget<Demo> {
    Widget::new(|init: &Init| Demo { num: init.get("num").unwrap_or(0), ..Demo::default() })
        .expose("set_number", ["num"], async |it: WidgetRef<Demo>, (num,): (i64,)| {
            it.lock().num = num;
            Ok::<_, String>(())
        })
        .expose("get_number", [], async |it: WidgetRef<Demo>, ()| Ok::<_, String>(it.lock().num))
        .expose("poked", [], async |it: WidgetRef<Demo>, ()| Ok::<_, String>(it.lock().poked))
        .expose("poke", [], async |it: WidgetRef<Demo>, ()| {
            it.lock().poked = true;
            it.call::<Value>("slap", ()).await.map(drop)
        })
}

fn client_demo() -> Widget<Demo> {
    Widget::new(|_| Demo::default())
        .expose("slap", [], async |it: WidgetRef<Demo>, ()| {
            it.lock().slapped = true;
            Ok::<_, String>(())
        })
        .expose("slapped", [], async |it: WidgetRef<Demo>, ()| Ok::<_, String>(it.lock().slapped))
}

async fn listening(server: ServerBuilder) -> Server {
    server.listen("zmq://127.0.0.1:0/rep").await.unwrap()
}

#[tokio::test]
async fn a7_widgets_of_an_unaware_server_are_shared_by_id() {
    let server = listening(Server::new().widget("demo", demo())).await;
    let one = Client::connect(server.url().twin()).await.unwrap();
    let two = Client::connect(server.url().twin()).await.unwrap();
    assert_eq!(within(one.id()).await.unwrap(), "$");
    let a = within(one.attach("demo", "widget_a").into_future()).await.unwrap();
    within(a.call::<Value>("set_number", (123,))).await.unwrap();
    let b = within(one.attach("demo", "widget_b").into_future()).await.unwrap();
    let c = within(two.attach("demo", "widget_a").into_future()).await.unwrap();
    for (widget, num) in [(&a, 123), (&b, 0), (&c, 123)] {
        assert_eq!(within(widget.call::<i64>("get_number", ())).await.unwrap(), num);
    }
    assert_eq!(server.widget::<Demo>("demo", "$.widget_a").unwrap().lock().num, 123);
    assert!(server.widget::<u8>("demo", "$.widget_a").is_none());
    let error = within(a.call::<Value>("poke", ())).await.unwrap_err();
    assert_eq!(error.to_string(), "the other side cannot be called back");
}

#[tokio::test]
async fn a8_widgets_of_an_aware_server_are_of_one_client_and_call_back() {
    let server = listening(Server::new().aware().widget("demo", demo())).await;
    let url = server.url().twin();
    let client = || Client::new().widget("demo", client_demo());
    let same = client().connect(url.clone()).await.unwrap();
    let responder = client().connect_with_responder(url, "zmq://127.0.0.1:0/rep").await.unwrap();
    for client in [same, responder] {
        let a = within(client.attach("demo", "widget_a").into_future()).await.unwrap();
        within(a.call::<Value>("poke", ())).await.unwrap();
        assert!(a.local::<Demo>().unwrap().lock().slapped);
        assert!(within(a.call::<bool>("poked", ())).await.unwrap());
        // Another client on the same connection, which cannot be called back, has its own.
        let other = Client::on(client.link().clone());
        let b = within(other.attach("demo", "widget_a").into_future()).await.unwrap();
        assert_ne!(a.key(), b.key());
        assert!(!within(b.call::<bool>("poked", ())).await.unwrap());
        assert!(b.local::<Demo>().is_none());
        let error = within(b.call::<Value>("poke", ())).await.unwrap_err();
        assert_eq!(error.to_string(), "the other side cannot be called back");
        // What is here calls what is there.
        let local = a.local::<Demo>().unwrap();
        assert!(within(local.call::<bool>("poked", ())).await.unwrap());
        let error = within(local.call::<Value>("nothing", ())).await.unwrap_err();
        assert_eq!(error.to_string(), "action 'nothing' not exposed on API (Server)");
    }
}

#[tokio::test]
async fn xb_unaware_what_a_widget_is_made_with_travels_and_the_first_to_come_decides() {
    let server = listening(Server::new().widget("demo", demo())).await;
    let client = Client::connect(server.url().twin()).await.unwrap();
    let attach = |num: i64| client.attach("demo", "a").kwarg("num", num).into_future();
    let a = within(attach(7)).await.unwrap();
    let again = within(attach(8)).await.unwrap();
    for widget in [a, again] {
        assert_eq!(within(widget.call::<i64>("get_number", ())).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn xb_widget_timeout_a_lost_widget_is_attached_again_and_the_call_made_once_more() {
    let server = Server::new().widget("demo", demo());
    let server = server.aware().inactive_timeout(Duration::from_millis(50));
    let server = listening(server.heartbeat(Duration::from_millis(20))).await;
    let client = Client::new().widget("demo", client_demo());
    let client =
        client.connect_with_responder(server.url().twin(), "zmq://127.0.0.1:0/rep").await.unwrap();
    let a = within(client.attach("demo", "a").kwarg("num", 7).into_future()).await.unwrap();
    within(a.call::<Value>("set_number", (9,))).await.unwrap();
    eventually(|| server.widget::<Demo>("demo", a.key()).is_none()).await;
    assert_eq!(within(a.call::<i64>("get_number", ())).await.unwrap(), 7);
    let missing = client.attach("nothing", "a").into_future();
    let error = within(missing).await.unwrap_err();
    assert_eq!(error.to_string(), "Widget not found on server: nothing");
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_widgets_along() {
    let server = listening(Server::new().aware().widget("demo", demo())).await;
    let client = Client::new().widget("demo", client_demo());
    let client = client.connect(server.url().twin()).await.unwrap();
    let other = Client::new().widget("demo", client_demo());
    let other = other.connect(server.url().twin()).await.unwrap();
    for id in ["a", "b"] {
        within(client.attach("demo", id).into_future()).await.unwrap();
    }
    let kept = within(other.attach("demo", "a").into_future()).await.unwrap();
    assert_eq!(server.widgets::<Demo>("demo").members.len(), 3);
    let detached = within(client.attach("demo", "c").into_future()).await.unwrap();
    assert_eq!(server.widgets::<Demo>("demo").members.len(), 4);
    within(detached.detach()).await.unwrap();
    assert_eq!(client.widgets("demo").members.len(), 2);
    assert_eq!(server.widgets::<Demo>("demo").members.len(), 3);
    within(client.close()).await;
    eventually(|| server.widgets::<Demo>("demo").members.len() == 1).await;
    assert_eq!(within(kept.call::<i64>("get_number", ())).await.unwrap(), 0);
}

#[tokio::test]
async fn a_client_reaches_no_widgets_of_others() {
    let server = listening(Server::new().aware().widget("demo", demo())).await;
    let victim = Client::connect(server.url().twin()).await.unwrap();
    let widget = within(victim.attach("demo", "a").into_future()).await.unwrap();
    let thief = Client::connect(server.url().twin()).await.unwrap();
    within(thief.id()).await.unwrap();
    let key = widget.key().to_owned();
    for method in ["attach_remote", "detach_remote"] {
        let error = within(thief.call::<Value>(method, (&key, "demo"))).await.unwrap_err();
        assert_eq!(error.to_string(), "the id of a widget begins with that of its client");
    }
    let mut message = gleis_rpc::Message::new("get_number");
    message.meta.insert("client".to_owned(), Value::from(thief.id().await.unwrap()));
    let path = format!("comm.call.widgets.demo.{key}");
    let error = within(thief.link().send_and_wait(&path, message)).await.unwrap_err();
    assert_eq!(error.to_string(), "Widget instance not found on server (1)");
    assert_eq!(within(widget.call::<i64>("get_number", ())).await.unwrap(), 0);
    for id in ["", "a.b"] {
        let error = within(victim.attach("demo", id).into_future()).await.unwrap_err();
        assert!(matches!(error, RpcError::Remote { .. } | RpcError::Message(_)), "{id}: {error}");
    }
}

#[tokio::test]
async fn xb_widget_groups_a_group_is_called_and_others_are_not() {
    let server = listening(Server::new().aware().widget("demo", demo())).await;
    let client = Client::new().widget("demo", client_demo());
    let client = client.connect(server.url().twin()).await.unwrap();
    for (id, group) in [("one", "a"), ("two", "a"), ("three", "b")] {
        let attach = client.attach("demo", id).kwarg("group", group);
        within(attach.into_future()).await.unwrap();
    }
    let group = client.widgets("demo").filter("group", "a");
    within(group.call("set_number", (5,))).await.unwrap();
    let numbers = || -> Vec<i64> {
        let members = server.widgets::<Demo>("demo").members;
        let mut numbers: Vec<_> = members.iter().map(|it| it.lock().num).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(numbers(), [0, 5, 5]);
    let group = server.widgets::<Demo>("demo").filter("group", "b");
    within(group.call("slap", ())).await.unwrap();
    let slapped = |id: &str| {
        let widgets = client.widgets("demo").members;
        let widget = widgets.iter().find(|it| it.init().id == id).unwrap();
        widget.local::<Demo>().unwrap().lock().slapped
    };
    assert_eq!(["one", "two", "three"].map(slapped), [false, false, true]);
}

#[tokio::test]
async fn xb_remote_name_a_widget_may_have_another_name_on_the_server() {
    let server = listening(Server::new().aware().widget("theirs", demo())).await;
    let client = Client::new().widget("ours", client_demo());
    let client = client.connect(server.url().twin()).await.unwrap();
    let attach = client.attach("ours", "a").remote_name("theirs");
    let widget = within(attach.into_future()).await.unwrap();
    within(widget.call::<Value>("poke", ())).await.unwrap();
    assert!(widget.local::<Demo>().unwrap().lock().slapped);
    assert!(server.widget::<Demo>("theirs", widget.key()).unwrap().lock().poked);
}

#[tokio::test]
async fn xb_widget_routes_two_servers_on_a_link_have_their_own_widgets() {
    let one = Server::new().path("one").aware().widget("demo", demo());
    let one = listening(one).await;
    let two = Server::new().path("two").aware().widget("demo", demo()).on(one.link().clone());
    for (path, server) in [("one", &one), ("two", &two)] {
        let client = Client::new().path(path).widget("demo", client_demo());
        let client = client.connect(one.url().twin()).await.unwrap();
        let widget = within(client.attach("demo", "a").into_future()).await.unwrap();
        within(widget.call::<Value>("poke", ())).await.unwrap();
        assert!(widget.local::<Demo>().unwrap().lock().slapped);
        assert_eq!(server.widgets::<Demo>("demo").members.len(), 1);
    }
}

#[tokio::test]
async fn widgets_leave_nothing_behind() {
    let n_tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    {
        let server = listening(Server::new().aware().widget("demo", demo())).await;
        let client = Client::new().widget("demo", client_demo());
        let client = client.connect(server.url().twin()).await.unwrap();
        let widget = within(client.attach("demo", "a").into_future()).await.unwrap();
        within(widget.call::<Value>("poke", ())).await.unwrap();
    }
    within(tasks_down_to(n_tasks)).await;
}
