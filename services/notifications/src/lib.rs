//! The notification service: hears what happened in the shop and tells people and programs outside. Behind
//! `contract::notifications::Notifications`.

mod api;
mod error;
mod events;
mod house;
mod jobs;
mod model;
mod store;

pub use events::wants;
pub use house::{House, Options};
pub use store::{MIGRATIONS, sql::ALL as STATEMENTS};
