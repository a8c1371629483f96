//! Widgets, typed on both sides.

use futures::{StreamExt, stream};
use gleis_core::Value;
use gleis_rpc::{Client, RpcError, Server, Streaming, Widget, WidgetRef, widget};
use gleis_test::wait::within;

#[derive(Default)]
struct Counter {
    n: i64,
    slapped_with: Option<String>,
}

#[widget]
impl Counter {
    /// Adds to the number, and gives it.
    #[method]
    fn add(&mut self, #[default(1)] n: i64) -> i64 {
        self.n += n;
        self.n
    }

    #[method]
    fn divide(&self, by: i64) -> Result<i64, String> {
        self.n.checked_div(by).ok_or_else(|| "Cannot divide by zero.".to_owned())
    }

    #[method]
    fn is_slapped(&self) -> bool {
        self.slapped_with.is_some()
    }

    #[method]
    async fn poke(widget: &WidgetRef<Self>, with: String) -> Result<String, RpcError> {
        CounterClient::new(widget.clone()).slap(with).await
    }

    #[method]
    fn slap(widget: &WidgetRef<Self>, with: String) -> String {
        let said = format!("{} was slapped with {with}", widget.init().id);
        widget.lock().slapped_with = Some(with);
        said
    }

    /// What it would be, step by step.
    #[method]
    fn steps(&self, n: i64) -> Streaming<i64> {
        Streaming::of(stream::iter(self.n..self.n + n))
    }

    fn from(start: i64) -> Self {
        Self { n: start, ..Self::default() }
    }
}

fn counter() -> Widget<Counter> {
    Widget::of(|init| Counter::from(init.get("start").unwrap_or_default()))
}

async fn both(server: gleis_rpc::ServerBuilder) -> (Server, Client) {
    let server = server.widget("counter", counter()).listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client = Client::new().widget("counter", counter());
    let client = client.connect(server.url().twin()).await.unwrap();
    (server, client)
}

#[tokio::test]
async fn a_widget_is_called_by_type() {
    let (_server, client) = both(Server::new()).await;
    let attached = within(client.attach("counter", "a").kwarg("start", 40).into_future()).await;
    let attached = attached.unwrap();
    let counter = CounterClient::new(attached.clone());
    assert_eq!(within(counter.add(2)).await.unwrap(), 42);
    assert_eq!(within(attached.call::<i64>("add", ())).await.unwrap(), 43);
    assert_eq!(within(counter.divide(2)).await.unwrap(), 21);
    let error = within(counter.divide(0)).await.unwrap_err();
    assert_eq!(error.to_string(), "Cannot divide by zero.");
    let error = within(attached.call::<Value>("from", (1,))).await.unwrap_err();
    assert!(error.to_string().contains("'from' not exposed"), "{error}");
    // A server that does not tell its clients apart calls none back.
    let error = within(counter.poke("a fish")).await.unwrap_err();
    assert!(matches!(error, RpcError::Remote { .. }), "{error}");
}

#[tokio::test]
async fn widgets_of_both_sides_call_each_other_by_type() {
    let (server, client) = both(Server::new().aware()).await;
    let attached = within(client.attach("counter", "a").into_future()).await.unwrap();
    let counter = CounterClient::new(attached.clone());
    let said = within(counter.poke("a fish")).await.unwrap();
    assert_eq!(said, "a was slapped with a fish");
    assert!(!within(counter.is_slapped()).await.unwrap(), "the one of the client was");
    // The server calls the client's widget, too.
    let its = server.widget::<Counter>("counter", attached.key()).unwrap();
    assert!(within(CounterClient::new(its).is_slapped()).await.unwrap());
    within(client.close()).await;
}

#[tokio::test]
async fn a_widget_gives_streams_to_both_sides_and_is_attached_again_for_one() {
    let (server, client) = both(Server::new().aware()).await;
    let attached = client.attach("counter", "a").kwarg("start", 40).into_future();
    let attached = within(attached).await.unwrap();
    let counter = CounterClient::new(attached.clone());
    let all = async |steps: Streaming<i64>| -> Vec<i64> {
        within(steps.map(Result::unwrap).collect()).await
    };
    assert_eq!(all(within(counter.steps(3)).await.unwrap()).await, [40, 41, 42]);
    // From the server's to that of the client, and the other way round.
    let its = server.widget::<Counter>("counter", attached.key()).unwrap();
    its.lock().n = 7;
    let of_client = CounterClient::new(its);
    assert_eq!(all(within(of_client.steps(2)).await.unwrap()).await, [40, 41]);
    let of_server = CounterClient::new(attached.local::<Counter>().unwrap());
    assert_eq!(all(within(of_server.steps(2)).await.unwrap()).await, [7, 8]);
    // The server loses it.
    let key = attached.key().to_owned();
    within(client.call::<bool>("detach_remote", (key, "counter"))).await.unwrap();
    assert_eq!(all(within(counter.steps(1)).await.unwrap()).await, [40]);
    within(client.close()).await;
}

#[tokio::test]
async fn a_server_describes_its_widgets() {
    let (_server, client) = both(Server::new()).await;
    let widgets = within(client.describe()).await.unwrap().widgets;
    assert_eq!(widgets.len(), 1);
    assert_eq!(widgets[0].name, "counter");
    let methods: Vec<_> = widgets[0].methods.iter().map(ToString::to_string).collect();
    let expect = [
        "add(n: i64) -> i64",
        "divide(by: i64) -> Result<i64,String>",
        "is_slapped() -> bool",
        "poke(with: String) -> Result<String,RpcError>",
        "slap(with: String) -> String",
        "steps(n: i64) -> Streaming<i64>",
    ];
    assert_eq!(methods, expect);
    assert_eq!(widgets[0].methods[0].docs, "Adds to the number, and gives it.");
    assert_eq!(widgets[0].methods[0].arguments[0].default, Some(Value::from(1)));
}
