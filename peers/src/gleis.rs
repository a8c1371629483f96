//! What gleis does beside the rigs of the benches.

use std::error::Error;
use std::time::Instant;

use bytes::Bytes;
use gleis_benches::Load;
use gleis_benches::Rig;
use gleis_patterns::{Pull, Push};

/// Push to Pull within one process: the same bytes again and again.
pub(crate) fn push_in_process(size: usize) -> Rig {
    Rig::alone(async move |mut turns| {
        let pull = Pull::<Bytes>::bind(format!("inproc://peers-{size}")).await?;
        let push = Push::<Bytes>::connect(pull.endpoint()).await?;
        let body = Load::new(size).message();
        while let Some(n) = turns.next().await {
            let start = Instant::now();
            let sending = async {
                for _ in 0..n {
                    push.send(body.clone()).await?;
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
