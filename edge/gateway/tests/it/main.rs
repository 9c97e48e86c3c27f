//! The public API over services that answer as told.

mod auth;
mod change;
mod cluster;
mod description;
mod overview;
mod pages;
mod resources;
mod shop;
