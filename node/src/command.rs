//! What each command does, a file each.

pub(crate) mod admin;
pub(crate) mod backup;
pub(crate) mod cluster;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod exchange;
mod export_all;
pub(crate) mod migrate;
pub(crate) mod move_shop;
pub(crate) mod openapi;
pub(crate) mod serve;
