use std::fmt;

use serde::{Deserialize, Serialize};

/// How far the rotation of a secret has come.
///
/// Each step is taken on every node before the next, in any order among them: the nodes agree at every moment, and no
/// call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// One secret, used and accepted. The next step announces another.
    Settled,
    /// The next secret is accepted but not used yet. The next step uses it.
    Announced,
    /// The new secret is used; the last one is still accepted. The next step drops it.
    Switched,
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settled => "settled",
            Self::Announced => "announced",
            Self::Switched => "switched",
        })
    }
}

/// A secret `S` that can be rotated; `P` is the part of it that others are recognised by.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotating<S, P> {
    pub(super) in_force: S,
    /// Accepted already, used from the next step on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<S>,
    /// Accepted until the next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<P>,
}

impl<S: Clone, P: Clone> Rotating<S, P> {
    pub(super) const fn settled(in_force: S) -> Self {
        Self { in_force, next: None, last: None }
    }

    pub(super) const fn rotation(&self) -> Rotation {
        match (&self.next, &self.last) {
            (Some(_), _) => Rotation::Announced,
            (None, Some(_)) => Rotation::Switched,
            (None, None) => Rotation::Settled,
        }
    }

    /// The next step. `fresh` makes a secret and `public` gives the part that others are recognised by.
    pub(super) fn rotated(&self, fresh: impl FnOnce() -> S, public: impl FnOnce(&S) -> P) -> Self {
        let in_force = self.in_force.clone();
        match &self.next {
            Some(next) => Self { in_force: next.clone(), next: None, last: Some(public(&in_force)) },
            None if self.last.is_some() => Self { in_force, next: None, last: None },
            None => Self { in_force, next: Some(fresh()), last: None },
        }
    }

    /// The secrets that are or will be used.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &S> {
        std::iter::once(&self.in_force).chain(&self.next)
    }

    /// What is accepted, the one in force first.
    pub(super) fn accepted(&self, public: impl Fn(&S) -> P) -> Vec<P> {
        self.secrets().map(public).chain(self.last.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_used_is_accepted_one_step_before_and_after() {
        let mut secret = Rotating::settled(1);
        let mut steps = Vec::new();
        for fresh in [2, 0, 0, 3] {
            secret = secret.rotated(|| fresh, |secret| *secret);
            steps.push((secret.rotation(), secret.in_force, secret.accepted(|secret| *secret)));
        }
        let expected = [
            (Rotation::Announced, 1, vec![1, 2]),
            (Rotation::Switched, 2, vec![2, 1]),
            (Rotation::Settled, 2, vec![2]),
            (Rotation::Announced, 2, vec![2, 3]),
        ];
        assert_eq!(steps, expected);
    }
}
