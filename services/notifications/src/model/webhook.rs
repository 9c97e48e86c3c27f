//! Webhooks: what is signed and how, when an attempt is made again, when an endpoint is given up.

pub(crate) mod endpoint;
pub(crate) mod message;
pub(crate) mod outcome;
pub(crate) mod schedule;
pub(crate) mod secret;
