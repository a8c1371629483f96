//! Which agent is meant, whatever its name.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use gleis_core::{Name, SeededNames};

/// This program, as told from every other one in the world.
static PROGRAM: LazyLock<Name> = LazyLock::new(|| SeededNames::without(Name::random));

/// Tells an agent from every other one in the world, also of the same name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Identity {
    /// An agent of this program: a number, which costs nothing to get, to copy and to compare.
    Here(u64),
    /// One of another program.
    There(Name),
}

impl Identity {
    /// One that no agent has had.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self::Here(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The number of an agent of this program.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Here(n) => Some(*n),
            Self::There(_) => None,
        }
    }

    /// As other programs know it.
    pub(crate) fn to_name(&self) -> Name {
        // All are of one length: what is sent does not depend on how many agents there were.
        match self {
            Self::Here(n) => {
                let name = Name::new(format!("{n:016x}-{}", *PROGRAM));
                name.expect("digits and letters are a name")
            }
            Self::There(name) => name.clone(),
        }
    }
}

impl From<Name> for Identity {
    fn from(name: Name) -> Self {
        let here = name.as_str().split_once('-').filter(|(_, program)| *PROGRAM == **program);
        match here.and_then(|(n, _)| u64::from_str_radix(n, 16).ok()) {
            Some(n) => Self::Here(n),
            None => Self::There(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_comes_back_from_its_name() {
        let (one, other) = (Identity::new(), Identity::new());
        assert_ne!(one, other);
        assert_eq!(Identity::from(one.to_name()), one);
        for text in ["0a", "7-", "-", "7-0123456789abcdef0123456789abcdef", "x-y-z"] {
            let name = Name::new(text).unwrap();
            let foreign = Identity::from(name.clone());
            assert_eq!(foreign, Identity::There(name.clone()));
            assert_eq!(foreign.to_name(), name);
        }
    }
}
