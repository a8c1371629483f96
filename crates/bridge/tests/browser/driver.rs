//! A browser that does what it is told: WebDriver (W3C), in as much as the tests need.

use std::process::Stdio;
use std::time::Duration;

use gleis_test::wait::within;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

pub(crate) struct Browser {
    _driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    pub(crate) async fn open() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = command.spawn().expect("chromedriver is there");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = within(lines.next_line()).await.unwrap().expect("it says its port");
            let port =
                line.rsplit_once("successfully on port ").map(|it| it.1.trim_end_matches('.'));
            if let Some(port) = port.and_then(|it| it.parse().ok()) {
                break port;
            }
        };
        // What else it says must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        let wish = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": args}}}});
        let mut browser = Self { _driver: driver, port, session: String::new() };
        let opened = browser.ask("POST", "/session", &wish).await;
        browser.session = format!("/session/{}", opened["sessionId"].as_str().expect("a session"));
        browser
    }

    pub(crate) async fn go(&self, url: &str) {
        self.tell("url", &json!({"url": url})).await;
    }

    /// What a script returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.tell("execute/sync", &json!({"script": script, "args": []})).await
    }

    /// Waits until a script returns this.
    pub(crate) async fn until(&self, script: &str, expected: impl Into<Value>) {
        let expected = expected.into();
        let mut last = Value::Null;
        for _ in 0..600 {
            last = self.run(script).await;
            if last == expected {
                return;
            }
            // Not synchronisation: only keeps the polling from burning a core.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{script}: {last}, and not {expected}");
    }

    /// Presses keys, whatever has the focus.
    pub(crate) async fn press(&self, keys: &str) {
        let key = |kind: &str, key: char| json!({"type": kind, "value": key.to_string()});
        let actions: Vec<_> =
            keys.chars().flat_map(|it| [key("keyDown", it), key("keyUp", it)]).collect();
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": actions}]});
        self.tell("actions", &actions).await;
    }

    /// A picture of the page, PNG in base64.
    pub(crate) async fn picture(&self) -> String {
        let picture = self.ask("GET", &format!("{}/screenshot", self.session), &Value::Null).await;
        picture.as_str().expect("a picture").to_owned()
    }

    pub(crate) async fn close(self) {
        self.ask("DELETE", &self.session, &Value::Null).await;
    }

    async fn tell(&self, what: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}/{what}", self.session), body).await
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        // It keeps the connection, whatever it is told.
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            within(stream.read_line(&mut line)).await.unwrap();
            match line.trim_end().to_ascii_lowercase().split_once(":") {
                Some(("content-length", n)) => length = n.trim().parse().unwrap(),
                None if line.trim_end().is_empty() => break,
                _ => (),
            }
        }
        let mut body = vec![0; length];
        within(stream.read_exact(&mut body)).await.unwrap();
        let answer = String::from_utf8(body).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
        let value = answer["value"].clone();
        assert!(value.get("error").is_none(), "{path}: {value}");
        value
    }
}
