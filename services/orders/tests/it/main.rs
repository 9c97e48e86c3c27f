//! The promises of the order house, on a real database and a shop that sells what a test says.

mod abandoned;
mod access;
mod carts;
mod checkout;
mod closing;
mod events;
mod fulfilment;
mod idempotency;
mod imports;
mod lists;
mod many_nodes;
mod merging;
mod rates;
mod returns;
mod sales;
mod shop;
mod statements;
mod timeline;
