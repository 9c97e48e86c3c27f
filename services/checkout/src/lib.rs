//! The checkout house: sagas that reserve, take payment, order, and undo; payment providers.
//!
//! `saga` is the purchase as a pure machine; `driver` runs it; `steps` are its single calls; `aftercare` holds the
//! shorter sagas after the purchase: cancellation, return, refund.

mod aftercare;
mod api;
mod claim;
mod driver;
mod elsewhere;
mod error;
mod events;
mod hold;
mod house;
mod jobs;
mod payments;
mod running;
mod saga;
mod span;
mod steps;
mod store;

pub use house::{Checkout, Options};
pub use payments::{Authorise, Authorised, PaymentProvider, ProviderError, Reported, TestProvider, sign};
pub use store::book::{MIGRATIONS as TEST_PROVIDER_MIGRATIONS, sql::ALL as TEST_PROVIDER_STATEMENTS};
pub use store::{MIGRATIONS, sql::ALL as STATEMENTS};
