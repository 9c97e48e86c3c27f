//! The promises of the queue, on real files.

mod idempotency;
mod nats;
mod once;
mod outbox;
mod pond;
mod relay;
