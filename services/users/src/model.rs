//! The rules, without a database, a clock or waiting.

pub(crate) mod access;
pub(crate) mod address_book;
pub(crate) mod import;
pub(crate) mod profile;
pub(crate) mod token;
