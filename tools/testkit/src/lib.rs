//! What tests share: a whole shop in one line, the real program to kill, and books that must balance.
//!
//! [`Shop`] holds every house in this process, on data of its own. A test may let any call between its parts go
//! wrong ([`Mishap`]), end it as a crash would and open it again. [`Branch`] is the same as a process of its own, for
//! `kill -9`, a [`Fleet`] several of them that work as one; [`power`] records such a process and cuts its power. [`Client`]
//! speaks to all in the words of the shop.
//! [`Books`] reads the data afterwards and holds them against each other.
//!
//! The suites in `tests/it` are the black-box tests of the whole; `README.md` says which case is which test.

mod books;
mod build;
mod client;
mod disk;
mod fleet;
mod houses;
mod invariants;
mod market;
mod mishap;
mod postgres;
pub mod power;
mod process;
mod provider;
mod recording;
mod routes;
mod shop;
mod shopping;
mod tamper;
mod topology;
mod wire;

pub use books::Books;
pub use build::{Build, program};
pub use client::{Answer, Client, Lost, Request, Whereabouts};
pub use disk::SmallDisk;
pub use fleet::{Fleet, free_address, reaches_all};
pub use houses::{Houses, eventually};
pub use market::Market;
pub use mishap::{Mishap, Mishaps};
pub use process::{Branch, Process, run};
pub use recording::{Exchange, Recording};
pub use routes::Route;
pub use shop::{SOON, Setup, Shop, furnish, place};
pub use shopping::{Item, NewItem, PASSWORD, Purchase, address, fresh_key};
pub use tamper::tamper;
pub use topology::Topology;
