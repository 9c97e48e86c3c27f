//! The promises of the queue, on real files.

mod idempotency;
mod outbox;
mod pond;
mod relay;
