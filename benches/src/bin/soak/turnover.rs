//! Peers that are killed without a word, and sockets of all kinds that come and go.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gleis_patterns::{
    Dealer, Endpoint, Multipart, Pair, Proxy, Publisher, Pull, Push, Replier, Requester, Router,
    Subscriber, Upstream, XPub, XSub,
};
use tokio::process::{Child, Command};

use crate::books::{Summary, Total, check_peers, ends, text};
use crate::weather::Weather;

const READY: Duration = Duration::from_secs(30);

/// Pulls until it is killed: the other part of [`processes`].
pub(crate) fn child(at: &str) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    runtime.block_on(async {
        let Ok(pull) = Pull::<Vec<u8>>::connect(at).high_water(50).await else {
            return ExitCode::FAILURE;
        };
        while pull.recv().await.is_ok() {}
        ExitCode::SUCCESS
    })
}

/// A pusher whose pullers are processes that are killed (`kill -9`) and replaced.
pub(crate) async fn processes(weather: Arc<Weather>) -> Result<Summary, String> {
    let push =
        Push::<Vec<u8>>::bind("ipc://*").high_water(200).await.map_err(|it| text("push")(&it))?;
    let mut dice = weather.dice();
    let mut restarts = 0;
    let killing = async {
        let mut children = [start(push.endpoint())?, start(push.endpoint())?];
        let mut next = 0;
        while weather.next_fault(&mut dice, 300..1_500).await {
            let killed = &mut children[next];
            killed.kill().await.map_err(|it| it.to_string())?;
            *killed = start(push.endpoint())?;
            next = (next + 1) % children.len();
            restarts += 1;
        }
        Ok::<_, String>(children)
    };
    let pushing = async {
        let mut size = 0;
        while !weather.is_clear() {
            size = (size + 997) % 20_000;
            let sent = push.send(vec![9; size]);
            tokio::select! {
                biased;
                res = sent => res.map_err(|it| text("push")(&it))?,
                () = weather.clears_up() => (),
            }
        }
        Ok::<_, String>(())
    };
    let (children, pushed) = futures::join!(killing, pushing);
    pushed?;
    let rest = || push.stats().sent.queued + push.stats().sent.in_flight == 0;
    crate::books::comes("the pusher gets rid of its queue", rest).await?;
    check_peers("the pusher to processes", &push.stats())?;
    ends("closing the pusher to processes", push.close()).await?;
    for mut it in children? {
        it.kill().await.map_err(|it| it.to_string())?;
    }
    let mut total = Total::default();
    total.enter("the pusher to processes", &push.stats().sent)?;
    Ok(Summary {
        name: "processes",
        sent: total.offered,
        received: total.delivered,
        dropped: total.dropped,
        lost_with_links: 0,
        restarts,
    })
}

fn start(at: &Endpoint) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|it| it.to_string())?;
    let mut command = Command::new(program);
    command.args(["--child", &at.to_string()]).kill_on_drop(true);
    command.spawn().map_err(|it| format!("cannot start a process: {it}"))
}

/// Opens, uses, and closes or drops sockets of all kinds, over all transports.
pub(crate) async fn sockets(weather: Arc<Weather>) -> Result<Summary, String> {
    let mut dice = weather.dice();
    let mut summary = Summary { name: "turnover", ..Summary::default() };
    while weather.next_fault(&mut dice, 0..20).await {
        let at = match dice.u32(0..3) {
            0 => format!("inproc://soak-{}", dice.u64(..)),
            1 => "ipc://*".to_owned(),
            _ => "tcp://127.0.0.1:0".to_owned(),
        };
        let used = async {
            match dice.u32(0..6) {
                0 => push_pull(&at, dice.bool()).await,
                1 => publish_subscribe(&at, dice.bool()).await,
                2 => request_reply(&at, dice.bool()).await,
                3 => pair(&at, dice.bool()).await,
                4 => upstream(&at, dice.bool()).await,
                _ => queue(&at).await,
            }
        };
        let n_messages = ends("sockets open, talk and close", used).await?;
        let n_messages = n_messages.map_err(|it| format!("{at}: {it}"))?;
        summary.sent += n_messages;
        summary.received += n_messages;
        summary.restarts += 1;
    }
    Ok(summary)
}

type Used = Result<u64, Box<dyn std::error::Error + Send + Sync>>;

async fn push_pull(at: &str, is_closed: bool) -> Used {
    let pull = Pull::<u64>::bind(at).await?;
    let push = Push::<u64>::connect(pull.endpoint()).await?;
    for n in 0..10 {
        push.send(n).await?;
    }
    for n in 0..10 {
        assert_eq!(pull.recv().await?, n);
    }
    if is_closed {
        assert_eq!(push.close().await, 0);
        pull.close().await;
    }
    Ok(10)
}

async fn publish_subscribe(at: &str, is_closed: bool) -> Used {
    let publisher = Publisher::<u64>::bind(at).await?;
    let it = Subscriber::<u64>::connect(publisher.endpoint()).subscribe("a").ready(READY).await?;
    for n in 0..10 {
        publisher.publish("a", n).await?;
        publisher.publish("b", n).await?;
    }
    for n in 0..10 {
        assert_eq!(it.recv().await?.message, n);
    }
    if is_closed {
        it.close().await;
        publisher.close().await;
    }
    Ok(10)
}

async fn pair(at: &str, is_closed: bool) -> Used {
    let left = Pair::<u64>::bind(at).await?;
    let right = Pair::<u64>::connect(left.endpoint()).await?;
    for n in 0..10 {
        left.send(n).await?;
        right.send(right.recv().await? + 1).await?;
        assert_eq!(left.recv().await?, n + 1);
    }
    if is_closed {
        assert_eq!(right.close().await, 0);
        left.close().await;
    }
    Ok(20)
}

async fn upstream(at: &str, is_closed: bool) -> Used {
    let publisher = XPub::<u64>::bind(at).await?;
    let it = XSub::<u64>::connect(publisher.endpoint()).subscribe("a").ready(READY).await?;
    for n in 0..10 {
        it.send(n).await?;
    }
    let mut n_heard = 0;
    while n_heard < 10 {
        if let Upstream::Message(n) = publisher.recv().await? {
            publisher.publish("a", n).await?;
            assert_eq!(it.recv().await?.message, n);
            n_heard += 1;
        }
    }
    if is_closed {
        it.close().await;
        publisher.close().await;
    }
    Ok(20)
}

async fn queue(at: &str) -> Used {
    let clients = Router::<Multipart>::bind(at).await?;
    let workers = Dealer::<Multipart>::bind("tcp://127.0.0.1:0").await?;
    let requester = Requester::<u64, u64>::connect(clients.endpoint()).await?;
    let replier = Replier::<u64, u64>::connect(workers.endpoint()).await?;
    let proxy = Proxy::queue(clients, workers).start();
    let answering = async {
        for _ in 0..10 {
            let (n, reply) = replier.recv().await?;
            reply.send(n + 1).await?;
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    let asking = async {
        for n in 0..10 {
            assert_eq!(requester.request(n).await?, n + 1);
        }
        Ok(())
    };
    futures::future::try_join(asking, answering).await?;
    proxy.stop().await;
    Ok(20)
}

async fn request_reply(at: &str, is_closed: bool) -> Used {
    let replier = Replier::<u64, u64>::bind(at).await?;
    let requester = Requester::<u64, u64>::connect(replier.endpoint()).await?;
    let asking = async {
        for n in 0..10 {
            assert_eq!(requester.request(n).await?, n + 1);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    let answering = async {
        for _ in 0..10 {
            let (n, reply) = replier.recv().await?;
            reply.send(n + 1).await?;
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    };
    futures::future::try_join(asking, answering).await?;
    if is_closed {
        requester.close().await;
        replier.close().await;
    }
    Ok(20)
}
