//! What the services say to each other: a trait, its messages, events and errors per noun.
//!
//! Callers hold an `Arc<dyn Users>` and cannot tell whether the house is in their process or elsewhere: `Remote`
//! speaks to it over any [`Call`](shoal_types::wire::Call), `Local` answers for it behind a
//! [`Dispatch`](shoal_types::wire::Dispatch).

mod address;
pub mod checkout;
pub mod deliveries;
pub mod events;
pub mod nodes;
pub mod notifications;
pub mod orders;
pub mod products;
mod rules;
mod service;
pub mod users;

pub use address::Address;
pub use rules::{check, normal_email};
#[doc(hidden)]
pub use service::{decode, encode};
