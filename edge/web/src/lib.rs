//! The storefront: pages for people who buy, rendered here, over the services wherever they run.
//!
//! No page needs a script. A form posts to a route, the route asks a service and leads on to a page; what goes wrong
//! is said beside the field, and what was typed is kept. It owns no data and no rules: those are the houses'.

mod account;
mod address_form;
mod assets;
mod basket;
mod card;
mod cart;
mod category;
mod checkout;
mod cookies;
mod countries;
mod field;
mod form;
mod guard;
mod home;
mod link;
mod login;
mod order;
mod page;
mod password;
mod payment;
mod price;
mod product;
mod routes;
mod search;
mod shop;
mod status;
mod trouble;
mod visit;
mod words;

pub use routes::{Storefront, storefront};
pub use shop::{Options, Pictures, Services};
