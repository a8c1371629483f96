//! Calls with care: no more often than allowed, and not to those who fail all the time.

mod agent;
mod breaker;
mod rate;

use std::sync::Arc;

use gleis_core::Name;
use tokio::time::Instant;

pub use self::agent::CarefulRef;
pub use self::breaker::{Breaker, BreakerState};
pub use self::rate::RateLimit;
use crate::CallError;

/// What is asked before a call, and told of it after. Cheap to clone; clones share what they know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Care(Option<Arc<Rules>>);

#[derive(Clone, Debug, Default)]
struct Rules {
    rate: Option<RateLimit>,
    breaker: Option<Breaker>,
}

impl Care {
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn with_rate(&self, rate: &RateLimit) -> Self {
        let rules = self.0.as_deref().cloned().unwrap_or_default();
        Self(Some(Arc::new(Rules { rate: Some(rate.clone()), ..rules })))
    }

    pub(crate) fn with_breaker(&self, breaker: &Breaker) -> Self {
        let rules = self.0.as_deref().cloned().unwrap_or_default();
        Self(Some(Arc::new(Rules { breaker: Some(breaker.clone()), ..rules })))
    }

    /// Does it, if it may be done now.
    pub(crate) async fn call<R>(
        &self,
        agent: &Name,
        call: impl Future<Output = Result<R, CallError>>,
    ) -> Result<R, CallError> {
        let Some(rules) = self.0.as_deref() else {
            return call.await;
        };
        // The breaker first: what it refuses is no call, and takes nothing of the rate.
        let trial = match &rules.breaker {
            None => None,
            Some(breaker) => match breaker.begin(Instant::now()) {
                Ok(trial) => Some(trial),
                Err(retry_in) => {
                    return Err(CallError::BreakerOpen { agent: agent.clone(), retry_in });
                }
            },
        };
        if let Some(rate) = &rules.rate
            && let Err(retry_in) = rate.take(Instant::now())
        {
            return Err(CallError::Limited { agent: agent.clone(), retry_in });
        }
        let answer = call.await;
        if let Some(trial) = trial {
            trial.end(Instant::now(), answer.as_ref().err());
        }
        answer
    }
}
