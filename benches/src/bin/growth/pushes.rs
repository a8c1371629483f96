//! Push to Pull: what a message costs by its size, and by the depth of the queues.

use std::error::Error;
use std::time::Instant;

use bytes::Bytes;
use gleis_benches::Load;
use gleis_benches::load::is_last;
use gleis_benches::rig::{Cores, Rig, confirmation};
use gleis_patterns::{Builder, Pull, Push};

use crate::curve::{Column, Measured, Unit};
use crate::effort::Effort;

pub(crate) const SIZES: &[Column] = &[
    Column { name: "tcp", unit: Unit::Nanos },
    Column { name: "inproc, a copy each", unit: Unit::Nanos },
    Column { name: "inproc, the same bytes", unit: Unit::Nanos },
    Column { name: "tcp", unit: Unit::MegabytesPerSecond },
    Column { name: "inproc, a copy each", unit: Unit::MegabytesPerSecond },
];

pub(crate) const DEPTHS: &[Column] = &[Column { name: "message", unit: Unit::Nanos }];

/// Bytes of a message whose size does not grow.
const SIZE: usize = 64;
/// Twice the greatest size that is measured.
const LIMIT: usize = 128 << 20;

pub(crate) fn size(size: u64, effort: &Effort) -> Measured {
    let bytes = size as usize;
    let least = (LARGE_TURN / bytes).clamp(2, 1_000) as u64;
    let each = |mut rig: Rig| effort.of(&mut rig, least);
    let tcp = each(tcp(bytes, None));
    let copied = each(in_process(bytes, |it| Bytes::copy_from_slice(it)));
    let same = each(in_process(bytes, Clone::clone));
    let rate = |nanos: f64| size as f64 * 1e3 / nanos;
    Ok(vec![tcp, copied, same, rate(tcp), rate(copied)])
}

/// Bytes of the first turn.
const LARGE_TURN: usize = 16 << 20;

pub(crate) fn depth(mark: u64, effort: &Effort) -> Measured {
    let mut rig = tcp(SIZE, Some(mark as usize));
    Ok(vec![effort.of(&mut rig, 1_000)])
}

/// Between two threads, a fresh copy each; the default marks, or this one.
fn tcp(size: usize, mark: Option<usize>) -> Rig {
    let (confirm, mut confirmed) = confirmation();
    Rig::pair(
        Cores::Any,
        async move |ready| {
            let pull = options(Pull::<Bytes>::bind("tcp://127.0.0.1:0"), mark).await?;
            ready.tell(pull.endpoint().clone());
            loop {
                if is_last(&pull.recv().await?) {
                    confirm.tell();
                }
            }
        },
        async move |mut turns, at| {
            let push = options(Push::<Bytes>::connect(at), mark).await?;
            let load = Load::new(size);
            while let Some(n) = turns.next().await {
                let start = Instant::now();
                for message in load.turn(n) {
                    push.send(Bytes::copy_from_slice(message)).await?;
                }
                confirmed.wait(1).await?;
                turns.done(start.elapsed());
            }
            Ok(())
        },
    )
}

fn options<S>(builder: Builder<S>, mark: Option<usize>) -> Builder<S> {
    let builder = builder.max_frame(LIMIT).max_message(LIMIT);
    mark.into_iter().fold(builder, Builder::high_water)
}

/// Between two tasks of one thread.
fn in_process(size: usize, next: fn(&Bytes) -> Bytes) -> Rig {
    Rig::alone(async move |mut turns| {
        let pull = Pull::<Bytes>::bind(format!("inproc://growth-{size}")).await?;
        let push = Push::<Bytes>::connect(pull.endpoint()).await?;
        let message = Load::new(size).message();
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            let sending = async {
                for _ in 0..n {
                    push.send(next(&message)).await?;
                }
                Ok::<_, Box<dyn Error>>(())
            };
            let receiving = async {
                for _ in 0..n {
                    pull.recv().await?;
                }
                Ok::<_, Box<dyn Error>>(())
            };
            tokio::try_join!(sending, receiving)?;
            turns.done(start.elapsed());
        }
        Ok(())
    })
}
