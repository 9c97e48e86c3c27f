//! The notification service: hears what happened in the shop and tells people and programs outside. Behind
//! `contract::notifications::Notifications`.

mod api;
mod error;
mod events;
mod house;
mod jobs;
mod mail;
mod mail_options;
mod model;
mod store;
mod webhook_options;
mod webhooks;

pub use events::wants;
pub use house::{House, Options};
pub use mail::Mailer;
pub use mail_options::{Encryption, MailOptions, MailSetup};
pub use store::webhooks::sql::ALL as WEBHOOK_STATEMENTS;
pub use store::{MIGRATIONS, sql::ALL as STATEMENTS};
pub use webhook_options::WebhookOptions;
