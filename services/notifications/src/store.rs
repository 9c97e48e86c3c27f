//! The queries, on a transaction. No rules.

pub(crate) mod mails;
pub(crate) mod webhooks;

use shoal_sql::Migration;

/// The schema's history.
pub const MIGRATIONS: &[Migration] = &[
    shoal_queue::MIGRATION,
    Migration::new("0002_mails.sql", include_str!("../migrations/0002_mails.sql")),
    Migration::new("0003_webhooks.sql", include_str!("../migrations/0003_webhooks.sql")),
];

shoal_sql::statements! {
    pub mod sql {
        ADD_MAILS = include_str!("store/add_mails.sql");
        FIND_MAIL = include_str!("store/find_mail.sql");
        LIST_MAILS = include_str!("store/list_mails.sql");
        LIST_MAILS_OF_STATE = include_str!("store/list_mails_of_state.sql");
        RESEND_MAIL = include_str!("store/resend_mail.sql");
        EXPIRE_MAILS = include_str!("store/expire_mails.sql");
    }
}
