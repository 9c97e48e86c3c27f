//! The least programs that do the same essential work.

pub(crate) mod echo;
pub(crate) mod http;
pub(crate) mod postgres;
pub(crate) mod sql;
