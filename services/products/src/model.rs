//! The rules of the house, pure: what fits together, what is asked for, where things stand. Nothing here waits,
//! knows the time or reaches a database.

mod allotment;
mod demand;
mod ledger;
mod level;
mod offer;
mod product;
mod slug;
mod tree;

pub(crate) use allotment::{Left, Verdict, allot, total};
pub(crate) use demand::{Counted, booking, demand};
pub(crate) use ledger::{Entry, HeldLine, Moment, movement_id, movements};
pub(crate) use level::{Change, Crossing};
pub(crate) use offer::offer;
pub(crate) use product::{Identity, check_fit, lowest_prices, written};
pub(crate) use slug::slug_candidates;
pub(crate) use tree::Tree;
