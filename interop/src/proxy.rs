//! A proxy of ours between clients and workers of others, and of ours beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gleis_patterns::{
    Dealer, Multipart, Proxy, ProxyHandle, Publisher, Pull, Push, Replier, Requester, Router,
    Subscriber, XPub, XSub,
};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::foreign::{Engine, Foreign, Frames};
use crate::outcome::{Outcome, holds, same, soon, until};
use crate::request::ask;
use crate::runner::Scenario;

const ANY: &str = "tcp://127.0.0.1:0";
/// How many messages each side sends.
const EACH: usize = 20;

pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for front in Engine::ALL {
        for back in Engine::ALL {
            let (theirs, other) = (front.name(), back.name());
            all.push(Scenario::new(
                format!(
                    "a queue leads REQ and DEALER of {theirs} and Requester to REP of {other} and Replier"
                ),
                move || queue(front, back),
            ));
            all.push(Scenario::new(
                format!("a streamer leads PUSH of {theirs} and Push to PULL of {other}"),
                move || streamer(front, back),
            ));
            all.push(Scenario::new(
                format!(
                    "a forwarder leads XPUB of {theirs} and Publisher to SUB and XSUB of {other} and Subscriber"
                ),
                move || forwarder(front, back),
            ));
        }
        all.push(Scenario::new(
            format!("a streamer leads PUSH of {} and Push to Pull", front.name()),
            move || streamer_to_pull(front),
        ));
    }
    all
}

fn frames<const N: usize>(texts: [&str; N]) -> Frames {
    texts.iter().map(|it| Bytes::copy_from_slice(it.as_bytes())).collect()
}

async fn queue(front: Engine, back: Engine) -> Outcome {
    let clients: Arc<Router<Multipart>> = Arc::new(Router::bind(ANY).await?);
    let workers: Arc<Dealer<Multipart>> = Arc::new(Dealer::bind(ANY).await?);
    let proxy = Proxy::queue(clients.clone(), workers.clone()).start();
    let (front_at, back_at) = (clients.endpoint().to_string(), workers.endpoint().to_string());

    // The workers end with this guard.
    let mut tasks = JoinSet::new();
    let mut rep = Foreign::at(back, "REP", &back_at).await?;
    tasks.spawn(async move {
        // It is stopped in the midst of it.
        let _ = rep.echo(10 * EACH).await;
    });
    let replier: Replier<Bytes, Bytes> = Replier::connect(&back_at[..]).await?;
    let n_answered = Arc::new(AtomicUsize::new(0));
    let count = n_answered.clone();
    tasks.spawn(async move {
        while let Ok((question, handle)) = replier.recv().await {
            // Whoever asked may be gone; that fails the scenario elsewhere.
            let _ = handle.send(question).await;
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    soon(workers.wait_for_peers(2)).await?;

    let mut req = Foreign::at(front, "REQ", &front_at).await?;
    let mut dealer = Foreign::at(front, "DEALER", &front_at).await?;
    let ours: Requester<Bytes, Bytes> = Requester::connect(&front_at[..]).await?;
    let ours = Arc::new(ours);
    let answers: Vec<_> = (0..EACH).map(|it| ask(&ours, it)).collect();
    let questions: Vec<_> = (0..EACH).map(|it| frames(["", &it.to_string()])).collect();
    dealer.send(&questions).await?;
    for number in 0..EACH {
        let question = frames([&number.to_string()]);
        req.send(std::slice::from_ref(&question)).await?;
        same(req.recv(1).await?, [question])?;
    }
    for (number, answer) in answers.into_iter().enumerate() {
        same(soon(answer).await???, number.to_string())?;
    }
    // Two workers answer at a time.
    let mut answers = dealer.recv(EACH).await?;
    let mut expected = questions;
    expected.sort();
    answers.sort();
    same(answers, expected)?;
    let n_ours = n_answered.load(Ordering::Relaxed);
    holds((1..3 * EACH).contains(&n_ours), "not both workers worked")?;
    let stats = soon(proxy.stop()).await?;
    let n_all = 3 * EACH as u64;
    same((stats.forward.passed, stats.backward.passed), (n_all, n_all))
}

async fn streamer(front: Engine, back: Engine) -> Outcome {
    let stream = Stream::open(front).await?;
    let mut sink = Foreign::at(back, "PULL", &stream.to).await?;
    stream.send().await?;
    check(&sink.recv(2 * EACH).await?)?;
    stream.stop().await
}

async fn streamer_to_pull(front: Engine) -> Outcome {
    let stream = Stream::open(front).await?;
    let sink: Pull<Multipart> = Pull::connect(&stream.to[..]).await?;
    stream.send().await?;
    let mut heard = Vec::new();
    for _ in 0..2 * EACH {
        heard.push(soon(sink.recv()).await??.frames);
    }
    check(&heard)?;
    stream.stop().await
}

/// A streamer with two senders.
struct Stream {
    ours: Push<Multipart>,
    proxy: ProxyHandle,
    theirs: Mutex<Foreign>,
    /// Where its receivers connect.
    to: String,
}

impl Stream {
    async fn open(front: Engine) -> Outcome<Self> {
        let from: Pull<Multipart> = Pull::bind(ANY).await?;
        let to: Push<Multipart> = Push::bind(ANY).await?;
        let (from_at, to_at) = (from.endpoint().to_string(), to.endpoint().to_string());
        let proxy = Proxy::streamer(from, to).start();
        let theirs = Foreign::at(front, "PUSH", &from_at).await?;
        let ours = Push::connect(&from_at[..]).await?;
        Ok(Self { ours, proxy, theirs: Mutex::new(theirs), to: to_at })
    }

    /// Sends from both sides at once.
    async fn send(&self) -> Outcome {
        let ours = async {
            for it in 0..EACH {
                self.ours.send(Multipart::new(message("ours", it))).await?;
            }
            Outcome::Ok(())
        };
        let messages: Vec<_> = (0..EACH).map(|it| message("theirs", it)).collect();
        let mut theirs = self.theirs.lock().await;
        let (ours, theirs) = tokio::join!(ours, theirs.send(&messages));
        ours.and(theirs)
    }

    async fn stop(self) -> Outcome {
        same(soon(self.proxy.stop()).await?.forward.passed, 2 * EACH as u64)
    }
}

fn message(from: &str, number: usize) -> Frames {
    frames([from, "", &number.to_string()])
}

/// Fails unless these are all messages, those of each sender in order.
fn check(messages: &[Frames]) -> Outcome {
    for from in ["ours", "theirs"] {
        let its: Vec<_> = messages.iter().filter(|it| it[0] == from).cloned().collect();
        same(its, (0..EACH).map(|it| message(from, it)).collect::<Vec<_>>())?;
    }
    Ok(())
}

async fn forwarder(front: Engine, back: Engine) -> Outcome {
    let from: XSub<Multipart> = XSub::bind(ANY).await?;
    let to: Arc<XPub<Multipart>> = Arc::new(XPub::bind(ANY).await?);
    let (from_at, to_at) = (from.endpoint().to_string(), to.endpoint().to_string());
    let proxy = Proxy::forwarder(from, to.clone()).start();
    let mut xpub = Foreign::at(front, "XPUB", &from_at).await?;
    let publisher: Publisher<Bytes> = Publisher::connect(&from_at[..]).await?;
    let eu = Bytes::from_static(b"eu.");
    let mut sub = Foreign::at(back, "SUB", &to_at).await?;
    sub.subscribe(&eu).await?;
    // Who publishes hears of the first of the subscribers, and of no other.
    same(xpub.recv(1).await?, [["\x01eu."]])?;
    let mut xsub = Foreign::at(back, "XSUB", &to_at).await?;
    xsub.subscribe(&eu).await?;
    let ours: Subscriber<Bytes> = Subscriber::connect(&to_at[..]).subscribe(eu.clone()).await?;
    soon(to.wait_for_subscribers(3)).await?;
    soon(publisher.wait_for_subscribers(1)).await?;

    xpub.send(&[["eu.1", "a"], ["us.1", "b"], ["eu.2", "c"]].map(frames)).await?;
    for (topic, body) in [("eu.3", "d"), ("us.2", "e"), ("eu.4", "f")] {
        publisher.publish(topic, Bytes::from(body)).await?;
    }
    let expected = [["eu.1", "a"], ["eu.2", "c"], ["eu.3", "d"], ["eu.4", "f"]].map(frames);
    let mut heard = Vec::new();
    for _ in 0..expected.len() {
        let publication = soon(ours.recv()).await??;
        heard.push(vec![publication.topic, publication.message]);
    }
    for mut heard in [sub.recv(4).await?, xsub.recv(4).await?, heard] {
        heard.sort();
        same(heard, &expected)?;
    }

    xsub.send(&[frames(["hello"])]).await?;
    same(xpub.recv(1).await?, [["hello"]])?;
    sub.unsubscribe(&eu).await?;
    xsub.unsubscribe(&eu).await?;
    same(ours.unsubscribe(eu), true)?;
    same(xpub.recv(1).await?, [["\x00eu."]])?;
    until(|| publisher.subscribers() == 0).await?;
    // Publications, and one subscription, its end and a message.
    let stats = soon(proxy.stop()).await?;
    same((stats.forward.passed, stats.backward.passed), (4, 3))
}
