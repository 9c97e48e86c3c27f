//! Stories of the product house, on real files.

mod catalogue;
mod categories;
mod importing;
mod ledger;
mod levels;
mod lists;
mod many_nodes;
mod reserving;
mod rounds;
mod searching;
mod shop;
