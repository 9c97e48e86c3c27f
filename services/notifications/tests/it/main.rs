//! The promises of the notification service, through its contract, on a real database.

mod hearing;
mod mail;
mod receiver;
mod town;
mod webhooks;
