//! The rules, pure.

pub(crate) mod access;
pub(crate) mod mail;
pub(crate) mod webhook;
