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
        HASTEN_MAIL = include_str!("store/hasten_mail.sql");
        LIST_DUE_MAILS = include_str!("store/list_due_mails.sql");
        NEXT_DUE_MAIL = "select due_at from mails where state = 'pending' order by due_at limit 1";
        TAKE_MAILS = include_str!("store/take_mails.sql");
        TAKE_BACK_MAILS = "update mails set due_at = $1, owner = null where mail_id in
            (select mail_id from mails where state = 'pending' and owner is not null limit $2)";
        MARK_MAIL = include_str!("store/mark_mail.sql");
        EXPIRE_MAILS = include_str!("store/expire_mails.sql");
    }
}
