//! Services: typed on both sides.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt, stream};
use gleis_core::Value;
use gleis_rpc::{Call, Client, RpcError, Server, Streaming, service};
use gleis_test::wait::within;

#[service]
trait Calculator {
    /// Multiplies two numbers.
    ///
    /// The second one is 2 if it is not said.
    async fn multiply(&self, a: i64, #[default(2)] b: i64) -> i64;

    async fn divide(&self, a: i64, b: i64) -> Result<i64, String>;

    fn join(&self, first: String, second: Option<String>) -> String {
        first + second.as_deref().unwrap_or("!")
    }

    /// As given, by default.
    async fn echo(&self, values: Vec<Option<f64>>) -> Vec<Option<f64>> {
        values
    }

    async fn n_calls(&self) -> u64;

    async fn poke(&self, call: &Call, text: String) -> Result<String, RpcError>;

    async fn r#type(&self) {}
}

#[derive(Default)]
struct Desk {
    n_calls: AtomicU64,
}

impl Calculator for Desk {
    async fn multiply(&self, a: i64, b: i64) -> i64 {
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        a * b
    }

    async fn divide(&self, a: i64, b: i64) -> Result<i64, String> {
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        a.checked_div(b).ok_or_else(|| "Cannot divide by zero.".to_owned())
    }

    async fn n_calls(&self) -> u64 {
        self.n_calls.load(Ordering::Relaxed)
    }

    async fn poke(&self, call: &Call, text: String) -> Result<String, RpcError> {
        let Some(client) = call.client() else {
            return Ok("nobody to call back".to_owned());
        };
        GreeterClient::new(client.clone()).greet(text).await
    }
}

/// Named as parameters of types often are.
#[derive(serde::Deserialize, serde::Serialize)]
struct T(u8);

#[derive(serde::Deserialize, serde::Serialize)]
struct C(u8);

#[service]
trait Greeter {
    async fn greet(&self, name: String) -> String;

    #[cfg(not(test))]
    fn is_not_there(&self) -> NoType;

    fn swap(&self, t: T) -> C {
        C(t.0)
    }
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, name: String) -> String {
        format!("Good morning, {name}")
    }
}

async fn served() -> (Server, Client) {
    let server =
        Server::new().name("Desk").version("1.2").service(CalculatorService(Desk::default()));
    super::calls::both(server).await
}

#[tokio::test]
async fn a_service_is_called_by_type() {
    let (_server, client) = served().await;
    let desk = CalculatorClient::new(client);
    assert_eq!(within(desk.multiply(7, 6)).await.unwrap(), 42);
    assert_eq!(within(desk.divide(42, 6)).await.unwrap(), 7);
    let error = within(desk.divide(1, 0)).await.unwrap_err();
    assert!(matches!(&error, RpcError::Remote { text } if text == "Cannot divide by zero."));
    assert_eq!(within(desk.join("a", Some("b".into()))).await.unwrap(), "ab");
    assert_eq!(within(desk.join("a", None)).await.unwrap(), "a!");
    let values = vec![Some(0.5), None];
    assert_eq!(within(desk.echo(values.clone())).await.unwrap(), values);
    assert_eq!(within(desk.n_calls()).await.unwrap(), 3);
    within(desk.r#type()).await.unwrap();
    assert_eq!(within(desk.poke("Bob")).await.unwrap(), "nobody to call back");
    // Calls may be under way at once, also from clones.
    let clone = desk.clone();
    let (one, other) = futures::join!(desk.multiply(1, 2), clone.multiply(3, 4));
    assert_eq!((one.unwrap(), other.unwrap()), (2, 12));
}

#[tokio::test]
async fn what_may_be_left_out_of_a_call_has_its_default() {
    let (_server, client) = served().await;
    let call = async |method: &str, args: Vec<Value>, kwargs: BTreeMap<String, Value>| {
        within(client.call_named::<Value>(method, args, kwargs)).await
    };
    let none = BTreeMap::new();
    assert_eq!(call("multiply", vec![21.into()], none.clone()).await.unwrap(), Value::from(42));
    let named = [("b".to_owned(), Value::from(3))].into();
    assert_eq!(call("multiply", vec![21.into()], named).await.unwrap(), Value::from(63));
    assert_eq!(call("join", vec!["a".into()], none.clone()).await.unwrap(), Value::from("a!"));
    let error = call("multiply", vec![], none).await.unwrap_err();
    assert_eq!(error.to_string(), "multiply lacks the argument 'a'");
}

#[tokio::test]
async fn a_client_that_serves_is_called_back_by_type() {
    let server = Server::new().aware().service(CalculatorService(Desk::default()));
    let server = server.listen("zmq://127.0.0.1:0/rep").await.unwrap();
    let client =
        Client::new().service(GreeterService(Polite)).connect(server.url().twin()).await.unwrap();
    let desk = CalculatorClient::new(client.clone());
    assert_eq!(within(desk.poke("Alice")).await.unwrap(), "Good morning, Alice");
    within(client.close()).await;
}

#[tokio::test]
async fn a_service_describes_itself_in_one_call() {
    let (_server, client) = served().await;
    let it = within(client.describe()).await.unwrap();
    assert_eq!((&it.name[..], &it.version[..]), ("Desk", "1.2"));
    assert_eq!(it.gleis, env!("CARGO_PKG_VERSION"));
    let find = |name: &str| it.methods.iter().find(|it| it.name == name).unwrap();
    let text = |name: &str| find(name).to_string();
    assert_eq!(text("multiply"), "multiply(a: i64, b: i64) -> i64");
    let docs = "Multiplies two numbers.\n\nThe second one is 2 if it is not said.";
    assert_eq!(find("multiply").docs, docs);
    assert_eq!(text("divide"), "divide(a: i64, b: i64) -> Result<i64,String>");
    assert_eq!(text("join"), "join(first: String, second: Option<String>) -> String");
    assert_eq!(text("poke"), "poke(text: String) -> Result<String,RpcError>");
    assert_eq!(text("type"), "type()");
    let default = |name: &str| find(name).arguments[1].default.clone();
    assert_eq!(default("divide"), None);
    assert_eq!(default("multiply"), Some(Value::from(2)));
    assert_eq!(default("join"), Some(Value::Null));
}

#[tokio::test]
async fn a_value_may_be_several_services() {
    #[derive(Clone)]
    struct Both;

    impl Greeter for Both {
        async fn greet(&self, name: String) -> String {
            name
        }
    }

    #[service]
    trait Clock {
        fn now(&self) -> u64;
    }

    impl Clock for Both {
        fn now(&self) -> u64 {
            7
        }
    }

    let server = Server::new().service(ClockService(Both)).service(GreeterService(Both));
    let (_server, client) = super::calls::both(server).await;
    assert_eq!(within(ClockClient::new(client.clone()).now()).await.unwrap(), 7);
    let greeter = GreeterClient::new(client);
    assert_eq!(within(greeter.greet("x")).await.unwrap(), "x");
    assert_eq!(within(greeter.swap(T(7))).await.unwrap().0, 7);
}

#[service]
trait Market {
    /// Prices as they come.
    fn prices(&self, symbol: String) -> Streaming<f64>;

    async fn history(&self, #[default(2)] n: u64) -> Result<Streaming<u64>, String>;

    fn whose(&self, call: &Call) -> Streaming<bool> {
        Streaming::of(stream::iter([call.client().is_some()]))
    }
}

struct Open;

impl Market for Open {
    fn prices(&self, symbol: String) -> Streaming<f64> {
        let prices = [Ok(1.5), Ok(2.5), Err(format!("{symbol} is traded no more"))];
        Streaming::new(stream::iter(prices))
    }

    async fn history(&self, n: u64) -> Result<Streaming<u64>, String> {
        tokio::task::yield_now().await;
        match n {
            0 => Err("nothing is known".to_owned()),
            n => Ok(Streaming::of(stream::iter(0..n))),
        }
    }
}

#[tokio::test]
async fn a_method_of_a_service_gives_a_stream_by_its_type() {
    let server = Server::new().service(MarketService(Open));
    let (_server, client) = super::calls::both(server).await;
    let market = MarketClient::new(client.clone());
    let mut prices = within(market.prices("ABC")).await.unwrap();
    assert_eq!(within(prices.next()).await.unwrap().unwrap(), 1.5);
    assert_eq!(within(prices.next()).await.unwrap().unwrap(), 2.5);
    let error = within(prices.next()).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "ABC is traded no more");
    assert!(within(prices.next()).await.is_none());
    let history: Vec<_> = within(within(market.history(5)).await.unwrap().collect()).await;
    assert_eq!(history.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let error = within(market.history(0)).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing is known");
    let whose: Vec<_> = within(within(market.whose()).await.unwrap().collect()).await;
    assert!(!whose[0].as_ref().unwrap());
    // Those who do not know its type have it too, and its defaults.
    let history = within(client.stream::<Value>("history", ())).await.unwrap();
    assert_eq!(within(history.count()).await, 2);
    let methods = within(client.describe()).await.unwrap().methods;
    let texts: Vec<_> = methods.iter().map(|it| (it.to_string(), it.streams)).collect();
    let text = "history(n: u64) -> Result<Streaming<u64>,String>";
    assert_eq!(texts[0], (text.to_owned(), true));
    assert_eq!(texts[1], ("prices(symbol: String) -> Streaming<f64>".to_owned(), true));
}

/// Somebody else's: here it is only called, which is no reason for a warning.
#[service]
trait Elsewhere {
    async fn ping(&self, text: String) -> String;
}

#[tokio::test]
async fn a_service_may_be_one_that_is_only_called() {
    let server =
        Server::new().expose("ping", ["text"], async |(it,): (String,)| Ok::<_, String>(it));
    let (_server, client) = super::calls::both(server).await;
    let elsewhere = ElsewhereClient::new(client);
    assert_eq!(within(elsewhere.ping("pong".to_owned())).await.unwrap(), "pong");
}
