use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Env, Fault, Id, Noun, SpanId, Timestamp};

/// The one noun floor 0 knows: who calls.
#[derive(Debug)]
pub struct User;

impl Noun for User {
    const PREFIX: &'static str = "user";
}

/// What a user may do. Each role may do all that the ones before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys; sees their own things only.
    Customer,
    /// Runs the shop: products, stock, orders, customers.
    Staff,
    /// Also grants roles.
    Administrator,
}

impl Role {
    /// The word stored and shown: `customer`, `staff`, `administrator`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
            Self::Administrator => "administrator",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Customer, Self::Staff, Self::Administrator].into_iter().find(|role| role.as_str() == word)
    }
}

/// On whose behalf a call is made. Houses decide by it what is allowed; the gateway only finds it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// Nobody has logged in.
    Anonymous,
    /// A logged-in user.
    User {
        /// Who.
        id: Id<User>,
        /// What they may do.
        role: Role,
    },
    /// Shoal itself: the saga, a job, an import run by the operator.
    System,
}

impl Caller {
    /// The user's id, if a user calls.
    pub fn user(&self) -> Option<Id<User>> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Anonymous | Self::System => None,
        }
    }

    /// Whether the caller is the system or has at least `role`.
    pub fn has(&self, role: Role) -> bool {
        match self {
            Self::System => true,
            Self::User { role: own, .. } => *own >= role,
            Self::Anonymous => false,
        }
    }

    /// Passes a caller that has at least `role`.
    ///
    /// # Errors
    /// `Unauthenticated` for an anonymous caller, `Forbidden` for a lesser role.
    pub fn require(&self, role: Role) -> Result<(), Fault> {
        match self {
            _ if self.has(role) => Ok(()),
            Self::Anonymous => Err(Fault::Unauthenticated {}),
            _ => Err(Fault::Forbidden {}),
        }
    }

    /// Passes the user `owner` themselves, and callers with at least `role`.
    ///
    /// # Errors
    /// As [`Caller::require`].
    pub fn require_owner_or(&self, owner: Id<User>, role: Role) -> Result<(), Fault> {
        if self.user() == Some(owner) { Ok(()) } else { self.require(role) }
    }
}

/// The instant after which nobody waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Timestamp);

impl Deadline {
    /// `within` from now.
    pub fn after(env: &Env, within: Duration) -> Self {
        Self(env.now().plus(within))
    }

    /// At `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(at)
    }

    /// Time left; zero once it has passed.
    pub fn remaining(self, env: &Env) -> Duration {
        self.0.since(env.now())
    }

    /// Passes while time is left.
    ///
    /// # Errors
    /// `DeadlineExceeded`.
    pub fn check(self, env: &Env) -> Result<(), Fault> {
        if self.remaining(env).is_zero() { Err(Fault::DeadlineExceeded {}) } else { Ok(()) }
    }
}

/// The W3C trace id of a request: 16 bytes, shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TraceId(pub [u8; 16]);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The client's promise that a repeat is the same request: `Idempotency-Key`, and what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The client's key, 1 to 255 visible ASCII characters, unique per caller.
    pub key: std::sync::Arc<str>,
    /// SHA-256 over method, path and body: the same key with another fingerprint is a mistake.
    pub fingerprint: [u8; 32],
}

/// What travels with every call between services, whether they share a process or not.
#[derive(Debug, Clone)]
pub struct Context {
    /// Nobody waits past this instant.
    pub deadline: Deadline,
    /// On whose behalf.
    pub caller: Caller,
    /// The request's id, as logged and sent back.
    pub request_id: std::sync::Arc<str>,
    /// The trace the request belongs to.
    pub trace: TraceId,
    /// The span that all this is done for, here or on another node, if the trace is recorded.
    pub span: Option<SpanId>,
    /// The client's idempotency key, on requests that change something.
    pub idempotency: Option<Idempotency>,
}

impl Context {
    /// A context of Shoal's own work: a job, a saga resumed, a start-up step.
    pub fn system(env: &Env, within: Duration) -> Self {
        let mut trace = [0_u8; 16];
        env.rng().fill(&mut trace);
        let trace = TraceId(trace);
        Self {
            deadline: Deadline::after(env, within),
            caller: Caller::System,
            request_id: trace.to_string().into(),
            trace,
            span: None,
            idempotency: None,
        }
    }

    /// Shoal's own work for this request, with time of its own.
    pub fn own_work(&self, env: &Env, within: Duration) -> Self {
        Self {
            deadline: Deadline::after(env, within),
            caller: Caller::System,
            idempotency: None,
            ..self.clone()
        }
    }

    /// The same request, on behalf of `caller`.
    pub fn with_caller(&self, caller: Caller) -> Self {
        Self { caller, ..self.clone() }
    }

    /// The same request, with another deadline.
    pub fn with_deadline(&self, deadline: Deadline) -> Self {
        Self { deadline, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_contain_the_lesser_ones() {
        let staff = Caller::User { id: Id::from_uuid(uuid::Uuid::nil()), role: Role::Staff };
        assert!(staff.has(Role::Customer) && staff.has(Role::Staff) && !staff.has(Role::Administrator));
        assert_eq!(staff.require(Role::Administrator), Err(Fault::Forbidden {}));
        assert_eq!(Caller::Anonymous.require(Role::Customer), Err(Fault::Unauthenticated {}));
        assert!(Caller::System.has(Role::Administrator));
    }
}
