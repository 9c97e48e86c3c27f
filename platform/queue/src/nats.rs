//! NATS JetStream as the carrier between outboxes and consumers, on any number of nodes.
//!
//! It is an accelerator, never the truth: what it loses the outboxes still have, what it brings twice the inboxes know.

mod address;
mod connection;
mod error;
mod lanes;
mod lease;
mod message;
mod publisher;
mod pull;
mod stream;
mod subscription;
mod tenure;

pub use address::{Place, Servers};
pub use connection::{Queue, QueueOptions};
pub use error::QueueError;
pub use subscription::{Heard, Subscription, SubscriptionOptions};

pub(crate) use publisher::{Published, Publisher};
