//! Many agents at once: all of them, the first to answer, or one of a pool.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{
    future::join_all,
    stream::{FuturesUnordered, StreamExt},
};
use gleis_core::Name;
use serde::{Serialize, de::DeserializeOwned};

use crate::{CallError, Proxy};

/// Agents that are called together, or one of which is called. Cheap to clone; clones share the turn.
///
/// ```
/// # use std::time::Duration;
/// use gleis_agent::{Group, Result, agent, run_agent, run_nameserver};
///
/// struct Doubler;
///
/// #[agent]
/// impl Doubler {
///     #[method]
///     fn double(&mut self, n: u32) -> u32 {
///         n * 2
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let ns = run_nameserver().await?;
/// let mut workers = Vec::new();
/// for name in ["one", "two", "three"] {
///     run_agent(name, Doubler).await?;
///     workers.push(ns.proxy(name).await?);
/// }
/// let group = Group::new(workers);
/// assert_eq!(group.call_all::<u32>("double", (21,)).await.len(), 3);
/// assert_eq!(group.next()?.call::<u32>("double", (21,)).await?, 42);
/// # Ok(ns.shutdown(Duration::from_secs(10)).await?)
/// # }
/// ```
#[derive(Clone)]
pub struct Group {
    members: Arc<[Member]>,
    turn: Arc<AtomicUsize>,
}

struct Member {
    n_open: AtomicUsize,
    proxy: Proxy,
}

/// Why a group did not do it.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The group has no members.
    #[error("the group has no members")]
    Empty,
    /// Too many failed for as many answers as were wanted.
    #[error("{n_answers} of {wanted} answers; {}", failures(failed))]
    TooFew {
        /// How many answers there were.
        n_answers: usize,
        /// How many were wanted.
        wanted: usize,
        /// Who failed, and why.
        failed: Vec<(Name, CallError)>,
    },
}

fn failures(failed: &[(Name, CallError)]) -> String {
    match failed {
        [] => "there are no more members".to_owned(),
        [(_, error), rest @ ..] => format!("{error}, and {} more failed", rest.len()),
    }
}

impl Group {
    /// The group of these agents.
    pub fn new(members: impl IntoIterator<Item = Proxy>) -> Self {
        let member = |proxy| Member { n_open: AtomicUsize::new(0), proxy };
        let members = members.into_iter().map(member).collect();
        Self { members, turn: Arc::default() }
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Calls a method of all members at the same time; what each answered, in their order.
    ///
    /// # Cancel safety
    /// A dropped future may have called them.
    pub async fn call_all<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize + Clone,
    ) -> Vec<(Name, Result<R, CallError>)> {
        let args = &args;
        let call =
            |member| async move { (self.name(member), self.call(member, method, args).await) };
        join_all(self.members.iter().map(call)).await
    }

    /// Has a method of all members called when its turn comes; the members that did not take it, and why.
    ///
    /// # Cancel safety
    /// A dropped future may have told some.
    pub async fn tell_all(
        &self,
        method: &str,
        args: impl Serialize + Clone,
    ) -> Vec<(Name, CallError)> {
        let tell = |member: &Member| {
            let (proxy, args) = (member.proxy.clone(), args.clone());
            async move { (proxy.name().clone(), proxy.tell(method, args).await) }
        };
        let told = join_all(self.members.iter().map(tell)).await;
        told.into_iter().filter_map(|(name, told)| Some((name, told.err()?))).collect()
    }

    /// Calls a method of all members and waits for the first `wanted` good answers, who gave them first; with
    /// more than half of the members that is a quorum. The others may go on, unheard.
    ///
    /// # Errors
    /// [`GroupError`], as soon as there cannot be as many any more.
    ///
    /// # Cancel safety
    /// A dropped future may have called them.
    pub async fn first<R: DeserializeOwned>(
        &self,
        wanted: usize,
        method: &str,
        args: impl Serialize + Clone,
    ) -> Result<Vec<(Name, R)>, GroupError> {
        if self.is_empty() {
            return Err(GroupError::Empty);
        }
        let args = &args;
        let call =
            |member| async move { (self.name(member), self.call(member, method, args).await) };
        let mut calls: FuturesUnordered<_> = self.members.iter().map(call).collect();
        let (mut answers, mut failed) = (Vec::new(), Vec::new());
        while answers.len() < wanted && wanted <= answers.len() + calls.len() {
            match calls.next().await {
                Some((name, Ok(answer))) => answers.push((name, answer)),
                Some((name, Err(error))) => failed.push((name, error)),
                None => break,
            }
        }
        match wanted <= answers.len() {
            true => Ok(answers),
            false => Err(GroupError::TooFew { n_answers: answers.len(), wanted, failed }),
        }
    }

    /// The member whose turn it is: one after the other.
    ///
    /// # Errors
    /// [`GroupError::Empty`]
    pub fn next(&self) -> Result<&Proxy, GroupError> {
        self.at(self.turn.fetch_add(1, Ordering::Relaxed))
    }

    /// The member that has this key: always the same one, as long as the group is the same.
    ///
    /// # Errors
    /// [`GroupError::Empty`]
    pub fn by_key(&self, key: impl Hash) -> Result<&Proxy, GroupError> {
        // The same in every process of this program.
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let n = self.len().max(1) as u64;
        self.at(usize::try_from(hash % n).unwrap_or_default())
    }

    /// Calls a method of the member with the fewest calls of this group in progress.
    ///
    /// # Errors
    /// As [`Proxy::call`]; of an empty group `None`.
    ///
    /// # Cancel safety
    /// A dropped future may have called it.
    pub async fn call_least_busy<R: DeserializeOwned>(
        &self,
        method: &str,
        args: impl Serialize,
    ) -> Option<Result<R, CallError>> {
        let n_open = |it: &&Member| it.n_open.load(Ordering::Relaxed);
        // Of those that are alike the next one has its turn.
        let begin = self.turn.fetch_add(1, Ordering::Relaxed) % self.len().max(1);
        let (behind, before) = self.members.split_at(begin.min(self.len()));
        let member = before.iter().chain(behind).min_by_key(n_open)?;
        Some(self.call(member, method, &args).await)
    }

    async fn call<R: DeserializeOwned>(
        &self,
        member: &Member,
        method: &str,
        args: &impl Serialize,
    ) -> Result<R, CallError> {
        member.n_open.fetch_add(1, Ordering::Relaxed);
        let _open = Open(&member.n_open);
        member.proxy.call(method, args).await
    }

    fn at(&self, n: usize) -> Result<&Proxy, GroupError> {
        let member = self.members.get(n % self.len().max(1));
        member.map(|it| &it.proxy).ok_or(GroupError::Empty)
    }

    fn name(&self, member: &Member) -> Name {
        member.proxy.name().clone()
    }
}

/// A call in progress.
struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.members.iter().map(|it| it.proxy.name()).collect();
        f.debug_struct("Group").field("members", &names).finish_non_exhaustive()
    }
}
