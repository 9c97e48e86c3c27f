//! The least programs that do the same essential work.

pub(crate) mod http;
pub(crate) mod sql;
