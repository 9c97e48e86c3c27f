//! The user service: accounts, credentials, sessions, roles and addresses. Behind `contract::users::Users`.

mod api;
mod error;
mod events;
mod house;
mod jobs;
mod model;
mod passwords;
mod session_cache;
mod store;

pub use house::{House, MIGRATIONS, Options};
pub use passwords::PasswordOptions;
pub use store::sql::ALL as STATEMENTS;
