//! `gleis bench`: how long an answer takes, and how many come in a second.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt};
use gleis_core::Endpoint;
use gleis_patterns::{Replier, RequestError, Requester};
use serde_json::json;

use crate::args::Bench;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::sockets::not_there;
use crate::stop::Stop;

type Asking = Requester<Bytes, Bytes>;

pub(crate) async fn run(command: Bench, output: Output, timeout: Duration) -> Outcome {
    match command {
        Bench::Serve { at } => serve(at, output).await,
        Bench::Run { to, count, size, in_flight } => {
            measure(&to, count.max(1), size, in_flight.max(1), output, timeout).await
        }
    }
}

async fn serve(at: Endpoint, output: Output) -> Outcome {
    let mut stop = Stop::new()?;
    let replier = Replier::<Bytes, Bytes>::bind(at).await.map_err(|it| Failure::local(&it))?;
    let at = replier.endpoint().to_string();
    output.line(&format!("gleis bench run {at}"), &json!({"endpoint": at}))?;
    loop {
        let (request, reply) = tokio::select! {
            request = replier.recv() => match request {
                Ok(it) => it,
                // Of one that cannot be read the next one knows nothing.
                Err(_) => continue,
            },
            asked = stop.asked() => {
                asked?;
                return stop.orderly(replier.close()).await;
            }
        };
        // Whoever asked may be gone.
        let _ = reply.send(request).await;
    }
}

async fn measure(
    to: &Endpoint,
    count: u64,
    size: usize,
    in_flight: usize,
    output: Output,
    timeout: Duration,
) -> Outcome {
    let asking = Asking::connect(to).timeout(timeout).ready(timeout).await;
    let asking = asking.map_err(|it| not_there(&it, to))?;
    let body = Bytes::from(vec![b'x'; size]);
    // What is done for the first time takes longer.
    for _ in 0..100.min(count) {
        ask(&asking, &body, timeout).await?;
    }
    let mut times = Vec::new();
    for _ in 0..(count / 10).clamp(1, 100_000) {
        let begun = Instant::now();
        ask(&asking, &body, timeout).await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let rate = rate(&asking, &body, count, in_flight, timeout).await?;
    let at = |part: f64| {
        let index = (times.len() as f64 * part) as usize;
        times[index.min(times.len() - 1)].as_secs_f64() * 1e6
    };
    let (p50, p99, longest) = (at(0.5), at(0.99), at(1.0));
    let bytes = rate * size as f64 / 1e6;
    let text = format!(
        "one at a time: {p50:.1} us (p50), {p99:.1} us (p99), {longest:.1} us at most\n\
         {in_flight} in flight: {rate:.0} answers/s, {bytes:.1} MB/s each way"
    );
    let value = json!({
        "to": to.to_string(), "count": count, "size": size, "in_flight": in_flight,
        "p50_us": p50, "p99_us": p99, "max_us": longest, "per_second": rate,
    });
    output.line(&text, &value)
}

/// How many answers come in a second.
async fn rate(
    asking: &Asking,
    body: &Bytes,
    count: u64,
    in_flight: usize,
    timeout: Duration,
) -> Outcome<f64> {
    let mut open = FuturesUnordered::new();
    let (mut n_asked, mut n_answered) = (0, 0);
    let begun = Instant::now();
    while n_answered < count {
        while n_asked < count && open.len() < in_flight {
            open.push(ask(asking, body, timeout));
            n_asked += 1;
        }
        if let Some(answered) = open.next().await {
            answered?;
            n_answered += 1;
        }
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

async fn ask(asking: &Asking, body: &Bytes, timeout: Duration) -> Outcome {
    let answer = asking.request(body.clone()).await.map_err(|error| match error {
        RequestError::DeadlineExceeded { .. } => Failure::late("there is no answer", timeout),
        error => Failure::remote(&error),
    })?;
    match answer == *body {
        true => Ok(()),
        false => {
            let text = "it answers something else than it was asked".to_owned();
            let hint = Some("measure against `gleis bench serve`".to_owned());
            Err(Failure { exit: crate::failure::REMOTE, hint, text })
        }
    }
}
