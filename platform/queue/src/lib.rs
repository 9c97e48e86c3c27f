//! Messages between houses: the outbox in a house's database is the truth, the relay carries its rows to consumers,
//! the inbox lets a consumer hear each event once, dead letters keep what a consumer refused. And [`once`], which
//! gives a repeated request its first answer.
//!
//! `README.md` says how a house uses it.

mod carrier;
mod dead_letter;
mod delivery;
mod event;
mod expiry;
mod idempotency;
mod inbox;
pub mod nats;
mod outbox;
mod redrive;
mod refill;
mod relay;
mod store;

pub use dead_letter::{DeadLetter, list_dead_letters};
pub use delivery::Consumer;
pub use event::{Event, EventId, EventNoun};
pub use expiry::{Retention, expire};
pub use idempotency::{answered, key_hash, once};
pub use inbox::receive;
pub use outbox::{OUTBOX_TOLD_HERE, OutboxTable, Outgoing, append, append_all, append_to};
pub use redrive::{LetterFilter, Redriven, redrive};
pub use refill::{Position, published, waiting};
pub use relay::{Progress, Relay, RelayOptions};
pub use store::sql::ALL as STATEMENTS;

/// The tables every house lists as its first migration.
pub const MIGRATION: shoal_sql::Migration =
    shoal_sql::Migration::new("0001_queue.sql", include_str!("../migrations/0001_queue.sql"));
