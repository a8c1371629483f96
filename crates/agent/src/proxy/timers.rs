//! Timers of an agent anywhere: what runs are its methods.

use std::time::Duration;

use serde::Serialize;

use super::Proxy;
use crate::{
    CallError, TimerId, TimerInfo, TimerKey,
    method::arguments,
    node::{Timing, Told, Want},
};

impl Proxy {
    /// Has the agent call one of its methods now and then again each `period`.
    ///
    /// # Errors
    /// [`CallError`]: too many timers, or the agent has stopped or cannot be reached.
    pub async fn each(
        &self,
        period: Duration,
        method: &str,
        args: impl Serialize,
    ) -> Result<TimerId, CallError> {
        self.timer(period, true, None, method, &args).await
    }

    /// As [`each`](Self::each), under an alias.
    ///
    /// # Errors
    /// [`CallError`]: the alias is taken, or as `each`.
    pub async fn each_as(
        &self,
        alias: &str,
        period: Duration,
        method: &str,
        args: impl Serialize,
    ) -> Result<TimerId, CallError> {
        self.timer(period, true, Some(alias), method, &args).await
    }

    /// Has the agent call one of its methods once, after `delay`.
    ///
    /// # Errors
    /// [`CallError`]: too many timers, or the agent has stopped or cannot be reached.
    pub async fn after(
        &self,
        delay: Duration,
        method: &str,
        args: impl Serialize,
    ) -> Result<TimerId, CallError> {
        self.timer(delay, false, None, method, &args).await
    }

    async fn timer(
        &self,
        time: Duration,
        is_periodic: bool,
        alias: Option<&str>,
        method: &str,
        args: &impl Serialize,
    ) -> Result<TimerId, CallError> {
        let (method, alias) = (method.to_owned(), alias.map(str::to_owned));
        let timing = Timing { method, arguments: arguments(args)?, alias, time, is_periodic };
        let timer = self.told(Want::Timer(timing), |told| match told {
            Told::Timer(timer) => Ok(timer),
            told => Err(told),
        });
        timer.await
    }

    /// Ends a timer, by its id or its alias; false if it has ended before.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn stop_timer(&self, timer: impl Into<TimerKey>) -> Result<bool, CallError> {
        let stopped = self.told(Want::StopTimer { timer: timer.into() }, |told| match told {
            Told::Flag(it) => Ok(it),
            told => Err(told),
        });
        stopped.await
    }

    /// Ends all timers; returns how many there were.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn stop_all_timers(&self) -> Result<usize, CallError> {
        self.told(Want::StopAllTimers, Told::count).await
    }

    /// All timers of the agent, the next one first.
    ///
    /// # Errors
    /// [`CallError`]: the agent is gone or cannot be reached.
    pub async fn list_timers(&self) -> Result<Vec<TimerInfo>, CallError> {
        let timers = self.told(Want::Timers, |told| match told {
            Told::Timers(timers) => Ok(timers),
            told => Err(told),
        });
        timers.await
    }
}
